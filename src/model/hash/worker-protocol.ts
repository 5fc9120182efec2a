import type { Digests } from './digests.ts';

/** To the hashing thread. File descriptors belong to the whole process: the thread reads what the sender opened. */
export interface HashQuestion {
  readonly id: number;
  readonly fd: number;
  readonly size: number;
}

export interface HashAnswer {
  readonly id: number;
  readonly digests: Digests | undefined;
}
