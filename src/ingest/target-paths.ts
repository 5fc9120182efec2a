import { readFileSync, readlinkSync } from 'node:fs';
import type { ProcessEvent, SignalTarget } from '../audit/audit-event.ts';

/** Processes whose last program is remembered at least, and twice as many at most. */
const REMEMBERED = 16_384;

/** What a process executed last. */
interface Executed {
  readonly comm: string | undefined;
  readonly path: string;
}

/** What of procfs is asked; undefined for a process that is gone, or may not be asked. */
export interface LiveTargets {
  comm(pid: number): string | undefined;
  path(pid: number): string | undefined;
}

/** Only what the kernel itself knows is read: no file of any file system is touched. */
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
 * The programs of processes that get signals: what procfs shows, or, of one that is gone, what it executed last. The record
 * has the process's name: where that is not the name of what is found, the number is another process's by now.
 */
export class TargetPaths {
  readonly #live: LiveTargets | undefined;
  /** By number of the process. Two, so that none has to be taken out one by one: a map is slow to find its oldest. */
  #newer = new Map<number, Executed>();
  #older: ReadonlyMap<number, Executed> = new Map();

  /** @param live undefined for recorded events, of which nothing is left to look at */
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
