import type { LiveProcesses } from './live-processes.ts';
import type { ProcessNode } from './process-node.ts';

/** Whether the pid of a process still belongs to it. */
export type IsSameProcess = (process: ProcessNode) => boolean;

/** Clock ticks of procfs and the kernel's nanoseconds are this far apart at most. */
const TOLERANCE_MS = 50;

export const isSameProcess =
  (live: LiveProcesses): IsSameProcess =>
  process => {
    if (process.exitMs !== undefined) return false;
    const startMs = live.startMs(process.pid);
    if (startMs === undefined) return false;
    // One known by an exec only is older than that.
    return process.startKnown === 'exec'
      ? startMs <= process.startMs + TOLERANCE_MS
      : Math.abs(startMs - process.startMs) <= TOLERANCE_MS;
  };
