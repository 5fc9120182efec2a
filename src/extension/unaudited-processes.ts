import type { ProcfsReader } from '../model/procfs/reader.ts';
import { parseStat } from '../model/procfs/stat.ts';
import { socketUsers, socketUsersText } from '../model/sockets/socket-users.ts';

/** What audit_status shows of them. */
export interface UnauditedStatus {
  readonly processes: number;
  /** The programs with most TCP and UDP sockets, with their numbers. */
  readonly sockets: string;
}

/** Milliseconds between two looks: they read a few files of each process. */
const LOOK_MS = 60_000;
const MOST_USERS = 5;

/**
 * The processes that audit cannot see. Once audit is on they become only fewer: each new process is audited, unless a rule
 * prevents that. So they are determined once; later it is only looked which of them still run.
 */
export class UnauditedProcesses {
  readonly #procfs: ProcfsReader;
  readonly #now: () => number;
  /** When each was started, in clock ticks since boot: another process may have its pid by now. */
  readonly #startTicks = new Map<number, number>();
  #status: UnauditedStatus | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #look: Promise<void> | undefined;

  /** @param now milliseconds of a monotonic clock */
  constructor(pids: readonly number[], procfs: ProcfsReader, now: () => number) {
    this.#procfs = procfs;
    this.#now = now;
    for (const pid of pids) {
      const startTicks = this.#startTicksOf(pid);
      if (startTicks !== undefined) this.#startTicks.set(pid, startTicks);
    }
  }

  /** As of the last look. A new one begins if that is long ago; only the first is waited for. */
  async status(): Promise<UnauditedStatus | undefined> {
    if (this.#now() - this.#lookedAt >= LOOK_MS) {
      this.#lookedAt = this.#now();
      this.#look = this.#lookAgain();
    }
    if (this.#status === undefined) await this.#look;
    return this.#status;
  }

  async #lookAgain(): Promise<void> {
    for (const [pid, startTicks] of this.#startTicks)
      if (this.#startTicksOf(pid) !== startTicks) this.#startTicks.delete(pid);
    const users = await socketUsers(this.#procfs, this.#startTicks.keys());
    this.#status = { processes: this.#startTicks.size, sockets: socketUsersText(users, MOST_USERS) };
  }

  #startTicksOf(pid: number): number | undefined {
    const bytes = this.#procfs.read(pid, 'stat');
    return bytes && parseStat(bytes)?.startTicks;
  }
}
