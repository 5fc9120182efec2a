import { readFileSync, readlinkSync } from 'node:fs';
import type { ProcessEvent, SignalTarget } from '../audit/audit-event.ts';

/** Least number of processes whose last program is remembered; at most twice as many are. */
const REMEMBERED = 16_384;

/** What a process executed last. */
interface Executed {
  readonly comm: string | undefined;
  readonly path: string;
}

/** The questions to procfs; undefined if the process is gone, or may not be asked. */
export interface LiveTargets {
  comm(pid: number): string | undefined;
  path(pid: number): string | undefined;
}

/** Reads only what the kernel itself knows, and touches no file. */
export const procfsTargets: LiveTargets = {
  comm: pid => unlessGone(() => readFileSync(`/proc/${pid}/comm`, 'latin1').replace(/\n$/, '')),
  path: pid => unlessGone(() => readlinkSync(`/proc/${pid}/exe`)),
};

const unlessGone = (read: () => string): string | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

/**
 * The programs of processes that get signals: from procfs or, if the process is gone, what it executed last. The
 * record has the process's name: if that differs from the name of what is found, the number belongs to another
 * process by now.
 */
export class TargetPaths {
  readonly #live: LiveTargets | undefined;
  /**
   * By process number. Two maps, so that entries need not be removed one by one: finding the oldest entry of a map is
   * slow.
   */
  #newer = new Map<number, Executed>();
  #older: ReadonlyMap<number, Executed> = new Map();

  /** @param live undefined for recorded events, whose processes are gone */
  constructor(live: LiveTargets | undefined) {
    this.#live = live;
  }

  /** Takes process events, in their order. */
  see({ action, pid, comm, path }: Pick<ProcessEvent, 'action' | 'pid' | 'comm' | 'path'>): void {
    if (action !== 'exec' || path === undefined) return;
    if (this.#newer.size === REMEMBERED) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    this.#newer.set(pid, { comm, path });
  }

  pathOf({ pid, comm }: SignalTarget): string | undefined {
    if (comm === undefined) return undefined;
    if (this.#live?.comm(pid) === comm) {
      const path = this.#live.path(pid);
      if (path !== undefined) return path;
    }
    const executed = this.#newer.get(pid) ?? this.#older.get(pid);
    return executed?.comm === comm ? executed.path : undefined;
  }
}
