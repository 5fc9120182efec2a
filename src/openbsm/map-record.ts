import type { AuditEvent } from '../audit/audit-event.ts';
import { BSM_EVENTS } from './bsm-events.ts';
import { eventOrigin } from './event-origin.ts';
import { type BsmLimits, DEFAULT_BSM_LIMITS } from './limits.ts';
import { mapExec, mapExit, mapFork } from './map-process.ts';
import { mapSocket } from './map-socket.ts';
import { mapUser } from './map-user.ts';
import { ProcessMemory } from './process-memory.ts';
import type { BsmRecord } from './record.ts';
import { findResult, findSubject, headerSeconds } from './record-facts.ts';

/** Whether a record belongs to an event of some table but lacks a part that the event must have. */
export const isUnusable = (record: BsmRecord): boolean => {
  const use = BSM_EVENTS.get(record.header.event)?.use;
  if (use === undefined || use.kind === 'none') return false;
  if (headerSeconds(record.header) === undefined) return true;
  switch (use.kind) {
    case 'user':
      return false;
    case 'exit':
      return findSubject(record) === undefined;
    default:
      return findSubject(record) === undefined || findResult(record) === undefined;
  }
};

/** Makes events of records. It remembers processes: use one for a trail, or one for trails that follow each other. */
export class RecordMapper {
  readonly #memory: ProcessMemory;

  constructor(limits: BsmLimits = DEFAULT_BSM_LIMITS) {
    this.#memory = new ProcessMemory(limits.maxProcesses);
  }

  /**
   * @param serial the record's number within its trail
   * @returns undefined for records of no table, and for those that lack a part their event must have
   */
  map(record: BsmRecord, serial: number): AuditEvent | undefined {
    const use = BSM_EVENTS.get(record.header.event)?.use;
    if (use === undefined || use.kind === 'none') return undefined;
    const origin = eventOrigin(record, serial);
    if (origin === undefined) return undefined;
    switch (use.kind) {
      case 'exec':
        return mapExec(record, origin, use.syscall, this.#memory);
      case 'fork':
        return mapFork(record, origin, use.syscall, this.#memory);
      case 'exit':
        return mapExit(record, origin, use.syscall, this.#memory);
      case 'socket':
        return mapSocket(record, origin, use.syscall, this.#memory);
      case 'user':
        return mapUser(record, origin, use.op, use.label);
    }
  }
}
