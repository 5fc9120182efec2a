import type { BootTime } from '../procfs/boot-time.ts';
import type { ProcfsReader } from '../procfs/reader.ts';
import { parseStat } from '../procfs/stat.ts';

/** A process as procfs shows it now. */
export interface LiveProcess {
  readonly pid: number;
  /** Milliseconds since the epoch, to about 10 ms. */
  readonly startMs: number;
  readonly ppid: number;
  readonly comm: string;
  /** undefined for kernel threads, and for other users' processes if the reader is not privileged. */
  readonly path: string | undefined;
}

/**
 * The running processes. Only what the kernel itself knows is read: `cmdline` is in the process's own memory, which
 * may be a file of a file system that does not answer.
 */
export class LiveProcesses {
  readonly #procfs: ProcfsReader;
  readonly #bootTime: BootTime;

  constructor(procfs: ProcfsReader, bootTime: BootTime) {
    this.#procfs = procfs;
    this.#bootTime = bootTime;
  }

  pids(): readonly number[] {
    return this.#procfs.pids();
  }

  /** When the process that has this pid now was started; undefined if there is none. */
  startMs(pid: number): number | undefined {
    const bytes = this.#procfs.read(pid, 'stat');
    const stat = bytes && parseStat(bytes);
    return stat && this.#bootTime.wallMs(stat.startTicks);
  }

  read(pid: number): LiveProcess | undefined {
    const bytes = this.#procfs.read(pid, 'stat');
    const stat = bytes && parseStat(bytes);
    const startMs = stat && this.#bootTime.wallMs(stat.startTicks);
    if (stat === undefined || startMs === undefined) return undefined;
    const path = this.#procfs.link(pid, 'exe');
    return {
      pid,
      startMs,
      ppid: stat.ppid,
      comm: stat.comm,
      path,
    };
  }
}
