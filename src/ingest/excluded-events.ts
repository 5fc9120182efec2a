import type { AuditEvent } from '../audit/audit-event.ts';
import type { Exclusions } from '../flags/exclusions.ts';

export interface ExcludedCounters {
  excludedByExe: number;
  excludedByUid: number;
  excludedByAuid: number;
}

/**
 * Leaves out events of unwanted programs and users. The kernel has already left out what one of our rules can
 * express, and those are not counted. This handles the rest: programs, and events recorded by rules of others.
 * Reports of programs themselves (user messages) are never left out.
 */
export class ExcludedEvents {
  readonly counters: ExcludedCounters = { excludedByExe: 0, excludedByUid: 0, excludedByAuid: 0 };
  #exes: ReadonlySet<string> = new Set();
  #uids: ReadonlySet<number> = new Set();
  #auids: ReadonlySet<number> = new Set();
  #isEmpty = true;

  constructor(exclusions: Exclusions) {
    this.set(exclusions);
  }

  set({ exes, uids, auids }: Exclusions): void {
    this.#exes = new Set(exes);
    this.#uids = new Set(uids);
    this.#auids = new Set(auids);
    this.#isEmpty = exes.length + uids.length + auids.length === 0;
  }

  /** Whether an event is left out; if so, counts it. */
  has(event: AuditEvent): boolean {
    if (this.#isEmpty || (event.kind !== 'process' && event.kind !== 'socket')) return false;
    const path = event.kind === 'process' ? event.path : event.exe;
    if (path !== undefined && this.#exes.has(path)) this.counters.excludedByExe++;
    else if (this.#uids.has(event.uid)) this.counters.excludedByUid++;
    else if (event.auid !== undefined && this.#auids.has(event.auid)) this.counters.excludedByAuid++;
    else return false;
    return true;
  }
}
