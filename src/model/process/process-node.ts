import type { Container } from '../container/container-id.ts';
import type { IsoTimes } from '../event-time.ts';
import type { ExecFacts } from './exec-facts.ts';
import type { Image } from './image.ts';
import type { Place } from './place.ts';

/**
 * How exactly the start of a process is known.
 * - `fork`: its creation was seen
 * - `procfs`: to a clock tick, about 10 ms
 * - `exec`: not at all; the time is that of the first exec that was seen, and the process is older
 */
export type StartKnowledge = 'fork' | 'procfs' | 'exec';

/** An exec that the kernel has reported, and audit not yet. */
export interface UntoldExec {
  /** Milliseconds since the epoch. */
  readonly ms: number;
  readonly facts: ExecFacts | undefined;
}

/** One process: a pid from its start to its end. Another process with the same pid is another node. */
export interface ProcessNode {
  readonly pid: number;
  /** Milliseconds since the epoch. */
  startMs: number;
  startKnown: StartKnowledge;
  /** Its present parent: changes when the parent ends first. */
  parentPid: number | undefined;
  /** Node of `parentPid`, if known. */
  parent: ProcessNode | undefined;
  /** Node that it was forked from, and whose image it runs until its first exec. */
  forkedFrom: ProcessNode | undefined;
  /** Number of processes forked from it that have not ended. */
  runningChildren: number;
  /** Whether any process was forked from it, as far as seen. */
  hasForked: boolean;
  /** Number of execs of `forkedFrom` that the kernel had reported when it forked; undefined if nobody counted. */
  forkedAfter: number | undefined;
  /** Number of execs that the kernel has reported … */
  execs: number;
  /** … and the last ones whose exec event has not come yet. */
  untoldExecs: UntoldExec[] | undefined;
  /** Its newest exec; undefined while it runs what it was forked with. */
  image: Image | undefined;
  /** What it was forked with, once it was asked for. */
  inherited: Image | undefined;
  exitMs: number | undefined;
  /** null: known to be in none; undefined: not known. */
  container: Container | null | undefined;
  /** The time of that finding, in milliseconds since the epoch. */
  containerAtMs: number;
  /** Its place; null: the host's own root directory; undefined: not known. */
  place: Place | null | undefined;
  /** When it was last seen on the host, in milliseconds of a monotonic clock. */
  onHostMs: number;
  /** `startMs` as text, once it was asked for; see `startTextOf`. */
  startText: string | undefined;
  /** Approximate bytes of memory that it counts as. */
  bytes: number;
  /** The process that had this pid before. */
  older: ProcessNode | undefined;
  /** See PidTable. */
  next: ProcessNode | undefined;
  /** Neighbours in the order of eviction. */
  before: ProcessNode | undefined;
  after: ProcessNode | undefined;
  /** Evicted: nodes that still refer to it learn nothing from it. */
  isForgotten: boolean;
}

/** When a process started: ISO 8601, UTC, milliseconds. */
export const startTextOf = (node: ProcessNode, times: IsoTimes): string | undefined => {
  node.startText ??= times.of(node.startMs);
  return node.startText;
};
