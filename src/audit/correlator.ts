import { ArgumentList } from './argument-list.ts';
import {
  AUDIT_EOE,
  AUDIT_EXECVE,
  AUDIT_FIRST_USER_MSG,
  AUDIT_FIRST_USER_MSG2,
  AUDIT_LAST_USER_MSG,
  AUDIT_LAST_USER_MSG2,
  AUDIT_PROCTITLE,
  AUDIT_SYSCALL,
  AUDIT_URINGOP,
} from './constants.ts';
import { EventsUnderWay, type EventUnderWay } from './events-under-way.ts';
import type { AuditRecord } from './record.ts';
import { isReport } from './record-event.ts';
import { releaseBytes } from './release-bytes.ts';

/** The records of one event, in the order received. Their bytes are valid only during the call that delivers them. */
export interface RecordGroup {
  readonly seconds: number;
  readonly milliseconds: number;
  readonly serial: number;
  /** The host named in a log. */
  readonly node?: string | undefined;
  /** Whether its records come from a log and may contain additions by auditd. */
  readonly isLogged?: boolean;
  readonly records: readonly AuditRecord[];
  /** The content of its EXECVE records, if there were too many to keep them with the others. */
  readonly arguments?: ArgumentList | undefined;
  /**
   * What ended it: `record` is EOE, PROCTITLE or a record that stands alone; `age` the timer; `limit` one of our
   * bounds; `flush` the end of the source. Only `record` proves that nothing is missing at the end.
   */
  readonly endedBy: 'record' | 'age' | 'limit' | 'flush';
}

/** The first record of a type. A loop, because `find` would make a function for each search. */
export const firstOf = ({ records }: RecordGroup, type: number): AuditRecord | undefined => {
  for (let i = 0; i < records.length; i++) if (records[i]!.type === type) return records[i];
  return undefined;
};

export interface CorrelatorLimits {
  /** Milliseconds of wall clock that an event may wait for its end. */
  readonly ageMs: number;
  /** Most events in progress; the oldest is ended when one more begins. */
  readonly events: number;
  /** Most records of one event; further ones are dropped and counted. */
  readonly recordsPerEvent: number;
  /** Most bytes of the records of one event. */
  readonly bytesPerEvent: number;
  /** Most bytes of all events in progress; the oldest are ended when there are more. */
  readonly bytes: number;
}

export const CORRELATOR_LIMITS: CorrelatorLimits = {
  ageMs: 2_000,
  events: 16_384,
  recordsPerEvent: 4_096,
  bytesPerEvent: 16 * 1024 * 1024,
  bytes: 64 * 1024 * 1024,
};

/**
 * Above this many bytes, the EXECVE records of an event are parsed as they arrive and not kept: a command line may
 * have 6 MB, which the kernel writes as 12.
 */
const LONG_BYTES = 32 * 1024;
/** Above this many bytes, the copies of an event's records are freed at once. */
const LARGE_BYTES = 256 * 1024;

/**
 * Milliseconds after which records without a SYSCALL count as a whole event: the kernel writes the records of a
 * system call together, when it ends.
 */
const ALONE_MS = 250;

/** Memory of a kept record besides its bytes. */
const RECORD_OVERHEAD = 256;

export interface CorrelatorCounters {
  /** System calls whose event was ended by something other than a record. */
  unterminated: number;
  /** Records dropped because their event was over a limit. */
  overLimit: number;
}

interface Pending extends EventUnderWay<Pending> {
  readonly since: number;
  records: AuditRecord[];
  /** Its EXECVE records, once there are many. */
  arguments: ArgumentList | undefined;
  /** Bytes of its kept records. */
  bytes: number;
  /** Records from this index on still point into the receive arena. */
  borrowedFrom: number;
}

/**
 * Groups records into events. Timestamp, serial and node identify an event: the serial alone wraps, and logs of
 * several hosts repeat it.
 *
 * An event ends at its EOE; at its PROCTITLE, which the kernel writes last and which remains where EOE is excluded;
 * at once for records that stand alone, such as those of user space and SELinux; else by age. LOGIN and CONFIG_CHANGE
 * may stand alone or belong to a system call's event, and only age can tell.
 */
export class Correlator {
  readonly counters: CorrelatorCounters = { unterminated: 0, overLimit: 0 };
  readonly #events = new EventsUnderWay<Pending>();
  /** Bytes of the events in progress. */
  #bytes = 0;
  /** Events besides the newest that have records in the receive arena. */
  #borrowing: Pending[] = [];
  readonly #onGroup: (group: RecordGroup) => void;
  readonly #limits: CorrelatorLimits;
  /** Bytes of an event's arguments that are wanted. */
  argumentBytes = Number.POSITIVE_INFINITY;

  constructor(onGroup: (group: RecordGroup) => void, limits: CorrelatorLimits = CORRELATOR_LIMITS) {
    this.#onGroup = onGroup;
    this.#limits = limits;
  }

  /** Number of events in progress. */
  get size(): number {
    return this.#events.size;
  }

  /** Whether an event with this serial is in progress. */
  has(serial: number): boolean {
    return this.#events.has(serial);
  }

  /**
   * Whether more records may come for the events in progress. An event without a SYSCALL is awaited for at most
   * ALONE_MS: CONFIG_CHANGE, EVENT_LISTENER, LOGIN and others may be complete by themselves.
   *
   * @param now milliseconds of the clock of `push`
   */
  expectsMore(now: number): boolean {
    for (const event of this.#events) if (isOfCall(event) || now - event.since < ALONE_MS) return true;
    return false;
  }

  /** @param now milliseconds of a monotonic clock */
  push(record: AuditRecord, now: number, node?: string): void {
    const { type } = record;
    if (standsAlone(type)) {
      const { seconds, milliseconds, serial } = record;
      this.#onGroup({ seconds, milliseconds, serial, node, records: [record], endedBy: 'record' });
      return;
    }
    const pending = this.#events.find(record, node);
    // PROCTITLE is truncated, and the process can write it: it marks an end, and is never a source of arguments.
    if (type === AUDIT_EOE || type === AUDIT_PROCTITLE) {
      if (pending !== undefined) this.#end(pending, 'record');
      return;
    }
    const event = pending ?? this.#begin(record, now, node);
    const { records } = event;
    const bytes = record.end - record.start;
    if (type === AUDIT_EXECVE && (event.arguments !== undefined || event.bytes + bytes > LONG_BYTES)) {
      this.#read(event, record);
      return;
    }
    if (records.length >= this.#limits.recordsPerEvent || event.bytes + bytes > this.#limits.bytesPerEvent) {
      this.counters.overLimit++;
      return;
    }
    if (event !== this.#events.newest && !isBorrowing(event)) this.#borrowing.push(event);
    event.bytes += bytes;
    this.#bytes += bytes + RECORD_OVERHEAD;
    // An array that grows for the first time makes room for seventeen more elements; most events have two records.
    if (records.length < 2) event.records = records.length === 0 ? [record] : [records[0]!, record];
    else records.push(record);
    while (this.#bytes > this.#limits.bytes) this.#endOldest();
  }

  /** Parses a record with arguments, and those before it. */
  #read(event: Pending, record: AuditRecord): void {
    if (event.arguments === undefined) this.#readBefore(event);
    const list = event.arguments!;
    const before = list.size;
    list.push(record);
    event.bytes += list.size - before;
    this.#bytes += list.size - before;
    while (this.#bytes > this.#limits.bytes) this.#endOldest();
  }

  #readBefore(event: Pending): void {
    const list = new ArgumentList(this.argumentBytes);
    event.arguments = list;
    const others: AuditRecord[] = [];
    let borrowedFrom = 0;
    event.records.forEach((record, i) => {
      const isCopy = i < event.borrowedFrom;
      if (record.type !== AUDIT_EXECVE) {
        others.push(record);
        if (isCopy) borrowedFrom++;
        return;
      }
      const bytes = record.end - record.start;
      event.bytes -= bytes;
      this.#bytes -= bytes + RECORD_OVERHEAD;
      list.push(record);
    });
    event.records = others;
    event.borrowedFrom = borrowedFrom;
    event.bytes += list.size;
    this.#bytes += list.size;
  }

  /**
   * Copies the records of unfinished events out of the receive arena. Call it after each batch, before the arena is
   * written again.
   */
  settle(): void {
    const { newest } = this.#events;
    if (newest !== undefined) keep(newest);
    if (this.#borrowing.length === 0) return;
    for (const event of this.#borrowing) keep(event);
    this.#borrowing = [];
  }

  /** Ends the events that are older than the limit. Call it at least every second, also when nothing arrives. */
  expire(now: number): void {
    for (const event of this.#events) {
      if (now - event.since < this.#limits.ageMs) return;
      this.#end(event, 'age');
    }
  }

  /** Ends everything in progress, because the source has ended. */
  flush(): void {
    for (const event of this.#events) this.#end(event, 'flush');
  }

  #begin(record: AuditRecord, now: number, node: string | undefined): Pending {
    if (this.#events.size >= this.#limits.events) this.#endOldest();
    const event: Pending = {
      seconds: record.seconds,
      milliseconds: record.milliseconds,
      serial: record.serial,
      node,
      since: now,
      records: NO_RECORDS,
      arguments: undefined,
      bytes: 0,
      borrowedFrom: 0,
      sibling: undefined,
    };
    const before = this.#events.add(event);
    if (before !== undefined && isBorrowing(before)) this.#borrowing.push(before);
    return event;
  }

  #endOldest(): void {
    const { oldest } = this.#events;
    if (oldest !== undefined) this.#end(oldest, 'limit');
  }

  #end(event: Pending, endedBy: RecordGroup['endedBy']): void {
    this.#events.remove(event);
    this.#bytes -= event.bytes + event.records.length * RECORD_OVERHEAD;
    const copies = event.borrowedFrom;
    event.borrowedFrom = event.records.length;
    if (endedBy !== 'record' && event.records.some(record => record.type === AUDIT_SYSCALL)) {
      this.counters.unterminated++;
    }
    const { seconds, milliseconds, serial, node, records } = event;
    this.#onGroup({ seconds, milliseconds, serial, node, records, arguments: event.arguments, endedBy });
    if (event.bytes <= LARGE_BYTES) return;
    for (let i = 0; i < copies; i++) releaseBytes(event.records[i]!.bytes);
  }
}

const NO_RECORDS: AuditRecord[] = [];

/** Whether an event is known to belong to a system call. */
const isOfCall = ({ records, arguments: list }: Pending): boolean =>
  list !== undefined || records.some(({ type }) => type === AUDIT_SYSCALL || type === AUDIT_URINGOP);

const isBorrowing = ({ borrowedFrom, records }: Pending): boolean => borrowedFrom < records.length;

/** Copies the records that are in the receive arena. */
const keep = (event: Pending): void => {
  for (let i = event.borrowedFrom; i < event.records.length; i++) {
    const record = event.records[i]!;
    const copy = Buffer.from(record.bytes.subarray(record.start, record.end));
    record.bytes = copy;
    record.start = 0;
    record.end = copy.length;
    record.interpretedEnd = copy.length;
  }
  event.borrowedFrom = event.records.length;
};

/** Records that programs send through the kernel: one record is the whole event, and no EOE follows. */
export const isUserMessage = (type: number): boolean =>
  (type >= AUDIT_FIRST_USER_MSG && type <= AUDIT_LAST_USER_MSG) ||
  (type >= AUDIT_FIRST_USER_MSG2 && type <= AUDIT_LAST_USER_MSG2);

/** Records that each are an event, whatever else has their serial. */
export const standsAlone = (type: number): boolean => isUserMessage(type) || isReport(type);
