import type { Container } from '../container/container-id.ts';
import type { IsoTimes } from '../event-time.ts';
import type { Image } from './image.ts';
import type { Place } from './place.ts';

/**
 * How exactly the start of a process is known.
 * - `fork`: its creation was seen
 * - `procfs`: to a clock tick, about 10 ms
 * - `exec`: not at all; the time is that of the first exec that was seen, the process is older
 */
export type StartKnowledge = 'fork' | 'procfs' | 'exec';

/** One process: a pid from one start to its end. Another process with the same pid is another node. */
export interface ProcessNode {
  readonly pid: number;
  /** Milliseconds since the epoch. */
  startMs: number;
  startKnown: StartKnowledge;
  /** The process it descends from now: changes when its parent ends first. */
  parentPid: number | undefined;
  /** Node of `parentPid`, if known. */
  parent: ProcessNode | undefined;
  /** Node it was forked from: what it runs until its first exec. */
  forkedFrom: ProcessNode | undefined;
  /** Processes forked from it that have not ended. */
  runningChildren: number;
  /** Whether any process was forked from it, as far as that was seen. */
  hasForked: boolean;
  /** How many execs of `forkedFrom` the kernel had told when it forked; undefined if nobody counted. */
  forkedAfter: number | undefined;
  /** Execs that the kernel's process connector has told … */
  execs: number;
  /** … and when, those of them at the end whose exec event has not come yet. */
  untoldExecs: number[] | undefined;
  /** Its newest exec; undefined as long as it runs what it was forked with. */
  image: Image | undefined;
  /** What it was forked with, once somebody asked. */
  inherited: Image | undefined;
  exitMs: number | undefined;
  /** null: known to be in none; undefined: not known. */
  container: Container | null | undefined;
  /** When that was so, in milliseconds since the epoch. */
  containerAtMs: number;
  /** Where it is; null: where the host's own root directory is. undefined: not known. */
  place: Place | null | undefined;
  /** When it was last seen on the host, in milliseconds of a clock that nobody sets. */
  onHostMs: number;
  /** `startMs` as text, once somebody asked; see `startTextOf`. */
  startText: string | undefined;
  /** Approximate bytes it is counted with. */
  bytes: number;
  /** The process that had this pid before. */
  older: ProcessNode | undefined;
  /** See PidTable. */
  next: ProcessNode | undefined;
  /** Neighbours in the order of forgetting. */
  before: ProcessNode | undefined;
  after: ProcessNode | undefined;
  /** Evicted: nodes that still refer to it know nothing about it. */
  isForgotten: boolean;
}

/** When a process started: ISO 8601, UTC, milliseconds. */
export const startTextOf = (node: ProcessNode, times: IsoTimes): string | undefined => {
  node.startText ??= times.of(node.startMs);
  return node.startText;
};
