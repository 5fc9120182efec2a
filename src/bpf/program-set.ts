import type { Btf } from './btf.ts';
import type { ProgramMaps } from './program-builder.ts';

/**
 * How to add a program, and to read what it tells:
 * 1. Describe it as a `Program`: where it is attached, and a function that assembles it with a `ProgramBuilder`. `kernelOffsets`
 *    tells where members are in this kernel's structures, by any of the names that kernels have had for them.
 * 2. Its record begins with the part that all have (`TASK`, written by `writeTask` and read by `readTaskFacts`) if it is
 *    about the task that runs; its own part comes behind. Its length is a multiple of 8, and at most 256 bytes. `output`
 *    passes it on, and counts it if the ring is full.
 * 3. Put it into a `ProgramSet`, which has one ring buffer and one reader. `loadSet` makes the maps, loads and attaches;
 *    `new RingReader(ringMemory(set)).drain(…)` reads, and `lossCounter(set)` tells how many records were lost. Reading
 *    needs no capability, and may be done in another thread or after an exec that keeps the descriptors.
 * 4. Name the structures and members that it needs in test/bpf/cut-btf.ts, and write the fixtures again.
 *
 * `socket-programs.ts` is an example. The verifier wants all on the stack on 8-byte boundaries, and every byte of a
 * record written (`clear`).
 */

/**
 * Where a program is attached.
 * - `fexit`: the end of a kernel function; costs only those who call it
 * - `tp_btf`: a tracepoint
 * - `iter`: runs for each of the things that exist at this moment, when somebody reads its result
 */
export type Hook =
  | { readonly kind: 'fexit'; readonly function: string }
  | { readonly kind: 'tp_btf'; readonly tracepoint: string }
  | { readonly kind: 'iter'; readonly target: 'task' };

export interface Program {
  /** At most 15 characters; `bpftool prog` shows it. */
  readonly name: string;
  readonly hook: Hook;
  /**
   * The program for this kernel.
   *
   * @throws BpfError `btf` if the kernel lacks something that it needs
   */
  readonly assemble: (btf: Btf, maps: ProgramMaps) => Buffer;
}

/** Programs that are only of use together. */
export interface ProgramVariant {
  /** Said to people: how it sees. */
  readonly name: string;
  readonly programs: readonly Program[];
  /** A hash table for the programs' own use. */
  readonly table?: { readonly keyBytes: number; readonly valueBytes: number; readonly entries: number };
}

/** What one reader reads: a ring buffer, and the programs that fill it. */
export interface ProgramSet {
  readonly name: string;
  /** A power of two, and a multiple of the page size. */
  readonly ringBytes: number;
  /** The best first: the first that the kernel takes as a whole is used. */
  readonly variants: readonly ProgramVariant[];
}
