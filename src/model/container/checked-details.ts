import type { ContainerDetails } from './container-details.ts';

const MAX_TEXT = 512;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const CONTROLS = /[\x00-\x1f\x7f]/;

/** The id becomes part of a path. */
export const isContainerId = (id: string): boolean => id !== '' && !id.startsWith('.') && !/[/\0]/.test(id);

/** The parts of a runtime's answer that have a valid form. An image may be named by its digest. */
export const checkedDetails = (found: Partial<ContainerDetails>): ContainerDetails => {
  const image = text(found.image);
  const digest = found.imageDigest ?? /@(sha256:[0-9a-f]{64})$/.exec(image ?? '')?.[1];
  return {
    name: text(found.name),
    image,
    imageDigest: typeof digest === 'string' && DIGEST.test(digest) ? digest : undefined,
    podName: text(found.podName),
    podNamespace: text(found.podNamespace),
  };
};

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' && value.length <= MAX_TEXT && !CONTROLS.test(value)
    ? value
    : undefined;
