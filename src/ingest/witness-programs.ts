import type { LoadedSet } from '../bpf/loader.ts';

/** The BPF programs whose records become part of rows, as far as there are any. */
export interface WitnessPrograms {
  /** Tell about sockets. */
  readonly sockets: LoadedSet | undefined;
  /** Tell about execs of processes that audit cannot see. */
  readonly unauditedExecs: LoadedSet | undefined;
}
