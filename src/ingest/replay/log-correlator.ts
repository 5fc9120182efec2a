import { FULL_RECORD } from '../../audit/argument-list.ts';
import {
  AUDIT_CWD,
  AUDIT_EOE,
  AUDIT_EXECVE,
  AUDIT_PATH,
  AUDIT_PROCTITLE,
  AUDIT_SOCKADDR,
  AUDIT_SOCKETCALL,
  AUDIT_SYSCALL,
  AUDIT_URINGOP,
} from '../../audit/constants.ts';
import { type CorrelatorCounters, type RecordGroup, standsAlone } from '../../audit/correlator.ts';
import { EventsUnderWay, type EventUnderWay } from '../../audit/events-under-way.ts';
import { haveArguments } from '../../audit/execve.ts';
import { KnownBytes } from '../../audit/known-bytes.ts';
import { type AuditRecord, FieldCursor, keyHash } from '../../audit/record.ts';
import { hasQuote } from '../../audit/syscall-record.ts';
import { type SyscallName, socketcallName, syscallName } from '../../audit/syscalls.ts';
import { decimal, hexWord } from '../../audit/value.ts';
import { SeenEvents } from './seen-events.ts';
import { SeenTexts } from './seen-texts.ts';

export interface LogCorrelatorLimits {
  /** Most events in progress; the oldest is ended when one more begins. */
  readonly events: number;
  readonly recordsPerEvent: number;
  readonly bytesPerEvent: number;
  /** Most bytes of all events in progress; the oldest are ended when there are more. */
  readonly bytes: number;
}

export const LOG_CORRELATOR_LIMITS: LogCorrelatorLimits = {
  events: 262_144,
  recordsPerEvent: 8_192,
  bytesPerEvent: 16 * 1024 * 1024,
  bytes: 128 * 1024 * 1024,
};

/** Memory of a kept record besides its bytes. */
const RECORD_OVERHEAD = 256;
/** Seconds after which a log that is in order has nothing more of an event. */
const LATE_SECONDS = 5;
/** Seconds by which times may go back in a log that is in order: the clocks of hosts differ, and are changed. */
const DISORDER_SECONDS = 60;

interface Pending extends EventUnderWay<Pending> {
  readonly records: AuditRecord[];
  bytes: number;
  /** Records from this index on still point into the reader's bytes. */
  borrowedFrom: number;
  /** Whether EOE or PROCTITLE has come. */
  isMarked: boolean;
  /** Bit `type - AUDIT_SYSCALL` for each type of its records. */
  types: number;
  paths: number;
  /** How often its SYSCALL and its EOE came. */
  copies: number;
  ends: number;
  /** What its SYSCALL requires; undefined until it is needed. */
  shape: Shape | undefined;
}

/** What else belongs to an event, derived from its SYSCALL. */
interface Shape {
  /** Number of PATH records. */
  readonly items: number;
  /** Bits of the types of records that must exist. */
  readonly needs: number;
}

/**
 * Groups the records of logs into events, in whatever order. Unlike the kernel's stream, a log can be sorted,
 * doubled, printed backwards, or merged from several, so EOE and PROCTITLE may come before other records. An event
 * therefore ends with them only if it is complete according to its SYSCALL. An incomplete event ends some seconds of
 * log time later if the log is in order; otherwise when there are too many events, or with the log.
 *
 * Repeated records, within the event or after it, are dropped and counted.
 */
export class LogCorrelator {
  readonly #shapes = new ShapeReader();
  readonly counters: CorrelatorCounters & { repeated: number } = {
    unterminated: 0,
    overLimit: 0,
    repeated: 0,
  };
  readonly #onGroup: (group: RecordGroup) => void;
  readonly #limits: LogCorrelatorLimits;
  readonly #events = new EventsUnderWay<Pending>();
  #bytes = 0;
  /** Events besides the newest with records that point into the reader's bytes. */
  #borrowing: Pending[] = [];
  readonly #seen = new SeenEvents();
  readonly #messages = new SeenTexts();
  /** The latest time of a record, in seconds. */
  #time = Number.NEGATIVE_INFINITY;
  #isInOrder = true;

  constructor(onGroup: (group: RecordGroup) => void, limits: LogCorrelatorLimits = LOG_CORRELATOR_LIMITS) {
    this.#onGroup = onGroup;
    this.#limits = limits;
  }

  /** Number of events in progress. */
  get size(): number {
    return this.#events.size;
  }

  has(serial: number): boolean {
    return this.#events.has(serial);
  }

  push(record: AuditRecord, node: string | undefined): void {
    const { type } = record;
    if (standsAlone(type)) {
      this.#message(record, node);
      return;
    }
    const isMark = type === AUDIT_EOE || type === AUDIT_PROCTITLE;
    const event = this.#events.find(record, node) ?? this.#begin(record, node, isMark);
    if (event === undefined) return;
    if (isMark) event.isMarked = true;
    if (type === AUDIT_EOE) event.ends++;
    if (type !== AUDIT_EOE) this.#add(event, record);
    if (!event.isMarked) return;
    // In the kernel's own order SYSCALL is the first record and EOE the last, so that nothing else comes.
    const isOrdered = isMark && event.records[0]?.type === AUDIT_SYSCALL;
    if (isWhole(event, this.#shapes, isOrdered)) this.#end(event, 'record');
  }

  /** A program's message, or a report such as SELinux's, stands alone; other records may have its serial. */
  #message(record: AuditRecord, node: string | undefined): void {
    const { seconds, milliseconds, serial } = record;
    if (!this.#messages.add(record, node)) {
      this.counters.repeated++;
      return;
    }
    this.#onGroup({
      seconds,
      milliseconds,
      serial,
      node,
      records: [record],
      isLogged: true,
      endedBy: 'record',
    });
  }

  #add(event: Pending, record: AuditRecord): void {
    const { records } = event;
    // Two operations of io_uring may have equal records and still be two.
    if (record.type !== AUDIT_URINGOP && isRepeated(records, record)) {
      if (record.type === AUDIT_SYSCALL) event.copies++;
      this.counters.repeated++;
      return;
    }
    const bytes = record.interpretedEnd - record.start;
    if (records.length >= this.#limits.recordsPerEvent || event.bytes + bytes > this.#limits.bytesPerEvent) {
      this.counters.overLimit++;
      return;
    }
    if (event !== this.#events.newest && !isBorrowing(event)) this.#borrowing.push(event);
    event.types |= typeBit(record.type);
    if (record.type === AUDIT_PATH) event.paths++;
    event.bytes += bytes;
    this.#bytes += bytes + RECORD_OVERHEAD;
    records.push(record);
    while (this.#bytes > this.#limits.bytes && this.#events.size > 1) this.#endOldest();
  }

  /** Copies what is still in the reader's bytes, and ends what is over. Call it after each piece of a log. */
  settle(): void {
    const { newest } = this.#events;
    if (newest !== undefined) keep(newest);
    if (this.#borrowing.length > 0) {
      for (const event of this.#borrowing) keep(event);
      this.#borrowing = [];
    }
    if (this.#isInOrder) this.#endLate();
  }

  /**
   * Ends the events in progress, oldest first, because the last log has ended.
   *
   * @param most events to end
   * @returns whether there are others
   */
  flush(most: number): boolean {
    let left = most;
    for (const event of this.#events) {
      if (left-- <= 0) return true;
      this.#end(event, 'flush');
    }
    return false;
  }

  #endLate(): void {
    const before = this.#time - LATE_SECONDS;
    for (const event of this.#events) {
      if (event.seconds >= before) continue;
      const hasCall = (event.types & SYSCALL_BIT) !== 0;
      const isOver = (hasCall && event.isMarked) || (event.types & URINGOP_BIT) !== 0;
      if (isOver || isWhole(event, this.#shapes, true)) this.#end(event, 'age');
    }
  }

  /** @returns undefined for a record of an event that has ended */
  #begin(record: AuditRecord, node: string | undefined, isMark: boolean): Pending | undefined {
    const seen = this.#seen.find(record, node);
    if (seen !== undefined) {
      if (isMark) return undefined;
      if (seen === 'whole') this.counters.repeated++;
      else this.counters.overLimit++;
      return undefined;
    }
    const { seconds, milliseconds, serial } = record;
    if (seconds > this.#time) this.#time = seconds;
    else if (seconds < this.#time - DISORDER_SECONDS) this.#isInOrder = false;
    if (this.#events.size >= this.#limits.events) this.#endOldest();
    const event: Pending = {
      seconds,
      milliseconds,
      serial,
      node,
      records: [],
      bytes: 0,
      borrowedFrom: 0,
      isMarked: false,
      types: 0,
      paths: 0,
      copies: 1,
      ends: 0,
      shape: undefined,
      sibling: undefined,
    };
    const shelved = this.#events.add(event);
    if (shelved !== undefined && isBorrowing(shelved)) this.#borrowing.push(shelved);
    return event;
  }

  #endOldest(): void {
    const { oldest } = this.#events;
    if (oldest !== undefined) this.#end(oldest, 'limit');
  }

  #end(event: Pending, endedBy: RecordGroup['endedBy']): void {
    this.#events.remove(event);
    this.#bytes -= event.bytes + event.records.length * RECORD_OVERHEAD;
    event.borrowedFrom = event.records.length;
    const { seconds, milliseconds, serial, node, records, types } = event;
    this.#seen.see(event, node, endedBy !== 'limit');
    if (endedBy !== 'record' && (types & SYSCALL_BIT) !== 0 && !isWhole(event, this.#shapes, true)) {
      if ((types & URINGOP_BIT) === 0) this.counters.unterminated++;
    }
    if ((types & URINGOP_BIT) !== 0)
      this.counters.repeated += putOperationsFirst(records, Math.max(event.copies, event.ends));
    if (types !== 0) this.#onGroup({ seconds, milliseconds, serial, node, records, isLogged: true, endedBy });
  }
}

const typeBit = (type: number): number => {
  const offset = type - AUDIT_SYSCALL;
  return offset >= 0 && offset < 27 ? 1 << offset : type === AUDIT_URINGOP ? URINGOP_BIT : OTHER_BIT;
};
const URINGOP_BIT = 1 << 27;
const OTHER_BIT = 1 << 28;
const SYSCALL_BIT = 1;
const CWD_BIT = 1 << (AUDIT_CWD - AUDIT_SYSCALL);
const EXECVE_BIT = 1 << (AUDIT_EXECVE - AUDIT_SYSCALL);

/**
 * The kernel writes operations of io_uring before the call that submits them, and they are read in this order. If the
 * call came several times, so did they.
 *
 * @returns how many were dropped
 */
const putOperationsFirst = (records: AuditRecord[], copies: number): number => {
  const operations = records.filter(({ type }) => type === AUDIT_URINGOP);
  const others = records.filter(({ type }) => type !== AUDIT_URINGOP);
  const chosen = copies === 1 ? operations : onceEach(operations, copies);
  records.splice(0, records.length, ...chosen, ...others);
  return operations.length - chosen.length;
};

const onceEach = (records: readonly AuditRecord[], copies: number): AuditRecord[] => {
  const counts = new Map<string, number>();
  return records.filter(({ bytes, start, end }) => {
    const text = bytes.toString('latin1', start, end);
    const count = counts.get(text) ?? 0;
    counts.set(text, count + 1);
    return count % copies === 0;
  });
};

const isRepeated = (records: readonly AuditRecord[], record: AuditRecord): boolean => {
  const { type, bytes, start, end } = record;
  for (let i = records.length - 1; i >= 0; i--) {
    const other = records[i]!;
    if (other.type !== type || other.end - other.start !== end - start) continue;
    if (bytes.compare(other.bytes, other.start, other.end, start, end) === 0) return true;
  }
  return false;
};

/**
 * Whether an event has all records that its SYSCALL requires.
 *
 * @param isOver whether no record is on its way, so that a CWD that the kernel may have left out is not awaited
 */
const isWhole = (event: Pending, shapes: ShapeReader, isOver: boolean): boolean => {
  const { types } = event;
  // The number of io_uring operations is not recorded anywhere.
  if ((types & SYSCALL_BIT) === 0 || (types & URINGOP_BIT) !== 0) return false;
  event.shape ??= shapes.read(event.records.find(({ type }) => type === AUDIT_SYSCALL)!);
  const { items, needs } = event.shape;
  if (event.paths < items) return false;
  if (items > 0 && (types & CWD_BIT) === 0 && !(isOver && event.records.every(hasNoName))) return false;
  if ((types & needs) !== needs) return false;
  return (types & EXECVE_BIT) === 0 || hasArguments(event.records);
};

/**
 * Whether a record is no PATH with a name. For a call on a descriptor, such as fchmod, the kernel records no name, and Linux 5.10
 * then no CWD either: it notes the working directory only when it looks a name up. Source: __audit_getname in its
 * kernel/auditsc.c; fixtures/linux-5.10/files.log.
 */
const hasNoName = ({ type, bytes, start, end }: AuditRecord): boolean => {
  if (type !== AUDIT_PATH) return true;
  cursor.reset(bytes, start, end);
  while (cursor.next()) {
    if (cursor.key === NAME) return bytes.toString('latin1', cursor.valueStart, cursor.valueEnd) === '(null)';
  }
  return true;
};

const hasArguments = (records: readonly AuditRecord[]): boolean => {
  let count = 0;
  let isPlain = true;
  for (const { type, bytes, start, end } of records) {
    if (type !== AUDIT_EXECVE) continue;
    count++;
    // `argc=`
    if (end - start >= FULL_RECORD || bytes[start + 3] !== LETTER_C) isPlain = false;
  }
  if (count === 1 && isPlain) return true;
  return haveArguments(records.filter(({ type }) => type === AUDIT_EXECVE));
};

const LETTER_C = 0x63;
const ARCH = keyHash('arch');
const SYSCALL = keyHash('syscall');
const SUCCESS = keyHash('success');
const A0 = keyHash('a0');
const ITEMS = keyHash('items');
const NAME = keyHash('name');
const LETTER_Y = 0x79;

const SOCKADDR_BIT = 1 << (AUDIT_SOCKADDR - AUDIT_SYSCALL);
const SOCKETCALL_BIT = 1 << (AUDIT_SOCKETCALL - AUDIT_SYSCALL);

/** The records besides its own that a successful system call has. */
const NEEDS: Readonly<Partial<Record<SyscallName, number>>> = {
  execve: EXECVE_BIT,
  execveat: EXECVE_BIT,
  accept: SOCKADDR_BIT,
  accept4: SOCKADDR_BIT,
  io_uring_enter: URINGOP_BIT,
};
/** The same, successful or not. */
const ALWAYS_NEEDS: Readonly<Partial<Record<SyscallName, number>>> = {
  bind: SOCKADDR_BIT,
  connect: SOCKADDR_BIT,
};

const needsOf = (name: string | undefined, succeeded: boolean): number =>
  name === undefined
    ? 0
    : (ALWAYS_NEEDS[name as SyscallName] ?? 0) | (succeeded ? (NEEDS[name as SyscallName] ?? 0) : 0);

const cursor = new FieldCursor();

/** The part of a SYSCALL record before the arguments. */
interface Call {
  readonly arch: number | undefined;
  readonly name: string | undefined;
  readonly succeeded: boolean;
}
const NO_CALL: Call = { arch: undefined, name: undefined, succeeded: false };

/** Longest beginning of a SYSCALL record that is remembered, in bytes. */
const KNOWN_CALL_BYTES = 96;

/** Derives from SYSCALL records what else belongs to their events. */
class ShapeReader {
  /** The beginning read last, up to `a0`: most calls of a log share it. */
  readonly #knownText = new KnownBytes(KNOWN_CALL_BYTES);
  #known: Call = NO_CALL;

  read({ bytes, start, end }: AuditRecord): Shape {
    const from = this.#knownText.endAt(bytes, start, end);
    let { arch, name, succeeded } = from < 0 ? NO_CALL : this.#known;
    let a0: number | undefined;
    let items = 0;
    cursor.reset(bytes, from < 0 ? start : from, end);
    while (cursor.next()) {
      if (cursor.key === ARCH) arch ??= hexWord(cursor);
      else if (cursor.key === SYSCALL) name = syscallName(arch ?? 0, decimal(cursor) ?? -1);
      else if (cursor.key === SUCCESS) succeeded = bytes[cursor.valueStart] === LETTER_Y;
      else if (cursor.key === A0) {
        if (from < 0 && a0 === undefined && !hasQuote(bytes, start, cursor.keyStart)) {
          this.#knownText.keep(bytes, start, cursor.keyStart);
          this.#known = { arch, name, succeeded };
        }
        a0 = hexWord(cursor);
      } else if (cursor.key === ITEMS) {
        items = decimal(cursor) ?? 0;
        break;
      }
    }
    const needs =
      name === 'socketcall'
        ? SOCKETCALL_BIT | needsOf(socketcallName(a0 ?? 0), succeeded)
        : needsOf(name, succeeded);
    return { items, needs };
  }
}

const isBorrowing = ({ borrowedFrom, records }: Pending): boolean => borrowedFrom < records.length;

/** Copies the records that are in the reader's bytes. */
const keep = (event: Pending): void => {
  for (let i = event.borrowedFrom; i < event.records.length; i++) {
    const record = event.records[i]!;
    const copy = Buffer.from(record.bytes.subarray(record.start, record.interpretedEnd));
    record.end -= record.start;
    record.interpretedEnd -= record.start;
    record.start = 0;
    record.bytes = copy;
  }
  event.borrowedFrom = event.records.length;
};
