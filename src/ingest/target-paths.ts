import { readFileSync, readlinkSync } from 'node:fs';
import type { ProcessEvent, SignalTarget } from '../audit/audit-event.ts';

/** Processes whose last program is remembered; one more, and the one that was remembered first is forgotten. */
const MOST_REMEMBERED = 16_384;

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
  readonly #executed = new Map<number, { readonly comm: string | undefined; readonly path: string }>();

  /** @param live undefined for recorded events, of which nothing is left to look at */
  constructor(live: LiveTargets | undefined) {
    this.#live = live;
  }

  /** Takes each process event, in the order of the events. */
  see({ action, pid, comm, path }: Pick<ProcessEvent, 'action' | 'pid' | 'comm' | 'path'>): void {
    if (action !== 'exec' || path === undefined) return;
    this.#executed.delete(pid);
    this.#executed.set(pid, { comm, path });
    if (this.#executed.size <= MOST_REMEMBERED) return;
    for (const oldest of this.#executed.keys()) {
      this.#executed.delete(oldest);
      return;
    }
  }

  pathOf({ pid, comm }: SignalTarget): string | undefined {
    if (comm === undefined) return undefined;
    if (this.#live?.comm(pid) === comm) {
      const path = this.#live.path(pid);
      if (path !== undefined) return path;
    }
    const executed = this.#executed.get(pid);
    return executed?.comm === comm ? executed.path : undefined;
  }
}
