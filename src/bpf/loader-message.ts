import type { LoadedSet } from './loader.ts';

/** A set that the kernel does not take, and why, as part of a sentence. */
export interface RefusedSet {
  readonly name: string;
  readonly why: string;
}

/** What came of the sets of programs. */
export interface LoadResult {
  readonly loaded: readonly LoadedSet[];
  readonly refused: readonly RefusedSet[];
  /** An iterator over the tasks that audit cannot see, see openUnauditedTasks; undefined if the kernel has none. */
  readonly unauditedTasks: number | undefined;
}

/** A result as a text and descriptors, for another process. */
export const encodeResult = ({
  loaded,
  refused,
  unauditedTasks,
}: LoadResult): { readonly text: string; readonly descriptors: readonly number[] } => ({
  text: JSON.stringify({
    loaded: loaded.map(({ name, variant, ringBytes, linkFds }) => ({
      name,
      variant,
      ringBytes,
      links: linkFds.length,
    })),
    refused,
    hasUnauditedTasks: unauditedTasks !== undefined,
  }),
  descriptors: [
    ...loaded.flatMap(({ ringFd, lossesFd, linkFds }) => [ringFd, lossesFd, ...linkFds]),
    ...(unauditedTasks === undefined ? [] : [unauditedTasks]),
  ],
});

interface SentResult {
  readonly loaded: readonly (Pick<LoadedSet, 'name' | 'variant' | 'ringBytes'> & {
    readonly links: number;
  })[];
  readonly refused: readonly RefusedSet[];
  readonly hasUnauditedTasks: boolean;
}

/**
 * The reverse of `encodeResult`, with this process's numbers of the descriptors.
 *
 * @throws Error if descriptors are missing
 */
export const decodeResult = (text: string, descriptors: readonly number[]): LoadResult => {
  const { loaded, refused, hasUnauditedTasks } = JSON.parse(text) as SentResult;
  let next = 0;
  const take = (): number => {
    const descriptor = descriptors[next++];
    if (descriptor === undefined) throw new Error(`expected more than ${descriptors.length} descriptors`);
    return descriptor;
  };
  const sets = loaded.map(({ links, ...set }) => ({
    ...set,
    ringFd: take(),
    lossesFd: take(),
    linkFds: Array.from({ length: links }, take),
  }));
  return { loaded: sets, refused, unauditedTasks: hasUnauditedTasks ? take() : undefined };
};
