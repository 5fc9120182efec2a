import { pace } from './pace.ts';

/** What a load says when it is done, as JSON. */
export interface LoadResult {
  readonly count: number;
  readonly seconds: number;
  /** Milliseconds of each call, of a load that takes them. */
  readonly durations?: readonly number[] | undefined;
}

/**
 * The main program of a load: `COUNT PER_SECOND`. Says `ready`, and begins when it is told `go`: starting Node must not
 * count. Goes on until its input ends, so that what depends on its process can still be looked at.
 */
export const runLoad = (work: (index: number) => void, durations?: () => readonly number[]): void => {
  const [count, perSecond] = process.argv.slice(2).map(Number);
  if (!(count! > 0 && perSecond! >= 0)) {
    throw new Error(`expected COUNT PER_SECOND, got ${process.argv.slice(2).join(' ')}`);
  }
  process.stdout.write('ready\n');
  process.stdin.once('data', () => {
    const seconds = pace(count!, perSecond!, work);
    const result: LoadResult = { count: count!, seconds, durations: durations?.() };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  });
};
