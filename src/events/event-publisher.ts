import type { AuditEvent } from '../audit/audit-event.ts';
import type { Interests } from '../audit/interpreter.ts';
import type { SyscallName } from '../audit/syscalls.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import { storedColumns } from './encoded-row.ts';
import type { EventTable, RowContext, RowLookups } from './event-table.ts';
import type { RowBatch } from './row-batch.ts';
import { RowBatchWriter } from './row-batch-writer.ts';
import { ownerOf } from './row-owner.ts';

export interface PublisherCounters {
  /** Events that became a row of some table. */
  published: number;
  /** Events every table left out. */
  filtered: number;
  /** Rows that could not be encoded. */
  unencodable: number;
}

export interface TableBatch {
  readonly table: string;
  readonly batch: RowBatch;
}

interface Subscriber {
  readonly table: EventTable;
  readonly writer: RowBatchWriter;
}

/** Passes each event to the tables for its kind, which make rows of it. */
export class EventPublisher {
  readonly counters: PublisherCounters = { published: 0, filtered: 0, unencodable: 0 };
  readonly #subscribers: readonly Subscriber[];
  readonly #context: { -readonly [Key in keyof RowContext]: RowContext[Key] };

  /** @param nextEids number of the next row, by table name; 1 if absent */
  constructor(
    tables: readonly EventTable[],
    context: RowLookups & Pick<RowContext, 'settings'>,
    nextEids?: ReadonlyMap<string, number>,
  ) {
    const ids = new AuditIds();
    this.#context = { ...context, auditId: event => ids.of(event) };
    this.#subscribers = tables.map(table => ({
      table,
      writer: new RowBatchWriter(storedColumns(table.spec.columns), nextEids?.get(table.spec.name)),
    }));
  }

  setSettings(settings: AuditSettings): void {
    this.#context.settings = settings;
  }

  /** @returns the number of the event's first row; undefined if it made none */
  publish(event: AuditEvent): number | undefined {
    let wanted = false;
    let eid: number | undefined;
    const owner = ownerOf(event.auid, event.uid);
    for (const { table, writer } of this.#subscribers) {
      if (table.kind !== event.kind) continue;
      const row = table.toRow(event, this.#context);
      if (row === undefined) continue;
      wanted = true;
      try {
        const number = writer.append(row, event.seconds, owner);
        eid ??= number;
      } catch {
        this.counters.unencodable++;
      }
    }
    if (eid !== undefined) this.counters.published++;
    else if (!wanted) this.counters.filtered++;
    return eid;
  }

  /** Bytes of the rows made since the last `take`. */
  get byteCount(): number {
    return this.#subscribers.reduce((sum, { writer }) => sum + writer.byteCount, 0);
  }

  /** The rows made since the last `take`. */
  take(): TableBatch[] {
    const batches: TableBatch[] = [];
    for (const { table, writer } of this.#subscribers) {
      const batch = writer.take();
      if (batch !== undefined) batches.push({ table: table.spec.name, batch });
    }
    return batches;
  }
}

/** All numbers of three digits as text, made once: nearly every event needs one. */
const MILLISECONDS: readonly string[] = Array.from({ length: 1000 }, (_, ms) => String(ms).padStart(3, '0'));

/** Timestamp and serial of events, as in the header of their records: `1364481363.243:24287`. */
export class AuditIds {
  #seconds = -1;
  #milliseconds = -1;
  /** All but the serial: events of one tick of audit's clock share it. */
  #stamp = '';

  /** undefined for an event that audit did not see. */
  of({
    seconds,
    milliseconds,
    serial,
    isUnaudited,
  }: Pick<AuditEvent, 'seconds' | 'milliseconds' | 'serial' | 'isUnaudited'>): string | undefined {
    if (isUnaudited === true) return undefined;
    if (seconds !== this.#seconds || milliseconds !== this.#milliseconds) {
      this.#seconds = seconds;
      this.#milliseconds = milliseconds;
      this.#stamp = `${seconds}.${MILLISECONDS[milliseconds] ?? milliseconds}:`;
    }
    return this.#stamp + serial;
  }
}

/** What the enabled tables together need from their source. */
export const interestsOf = (tables: readonly EventTable[], settings: AuditSettings): Interests => {
  const subscriptions = tables.map(table => table.subscribes(settings)).filter(s => s !== undefined);
  const syscalls = new Set<SyscallName>(subscriptions.flatMap(({ syscalls: names = [] }) => names));
  // All calls except those that start a program show the program that the kernel was told, which may be claimed.
  if ([...syscalls].some(name => name !== 'execve' && name !== 'execveat')) syscalls.add('prctl');
  return {
    syscalls,
    userMessages: subscriptions.some(({ userMessages }) => userMessages === true),
    reports: new Set(subscriptions.flatMap(({ reports = [] }) => reports)),
    datagrams: subscriptions.some(({ datagrams }) => datagrams === true),
  };
};
