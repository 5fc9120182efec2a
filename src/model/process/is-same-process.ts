import type { ProcessStart } from '../hash/hash-question.ts';
import type { LiveProcesses } from './live-processes.ts';
import type { ProcessNode } from './process-node.ts';

/** Whether the pid of a process still belongs to it. */
export type IsSameProcess = (process: ProcessNode) => boolean;

/** Most milliseconds between procfs's clock ticks and the kernel's nanoseconds. */
const TOLERANCE_MS = 50;

export const isSameProcess =
  (live: LiveProcesses): IsSameProcess =>
  process => {
    if (process.exitMs !== undefined) return false;
    const startMs = live.startMs(process.pid);
    return startMs !== undefined && isSameStart(startMs, startOf(process));
  };

export const startOf = ({
  startMs,
  startKnown,
}: Pick<ProcessNode, 'startMs' | 'startKnown'>): ProcessStart => ({
  startMs,
  byExec: startKnown === 'exec',
});

/** Whether a process with this start time is the one that is meant. */
export const isSameStart = (startMs: number, meant: ProcessStart): boolean =>
  meant.byExec ? startMs <= meant.startMs + TOLERANCE_MS : Math.abs(startMs - meant.startMs) <= TOLERANCE_MS;
