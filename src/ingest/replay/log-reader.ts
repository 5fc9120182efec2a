import { asciiText } from '../../audit/ascii-text.ts';
import {
  AUDIT_CWD,
  AUDIT_EOE,
  AUDIT_EXECVE,
  AUDIT_OBJ_PID,
  AUDIT_OPENAT2,
  AUDIT_PATH,
  AUDIT_PROCTITLE,
  AUDIT_SOCKADDR,
  AUDIT_SOCKETCALL,
  AUDIT_SYSCALL,
  AUDIT_URINGOP,
} from '../../audit/constants.ts';
import { isUserMessage, standsAlone } from '../../audit/correlator.ts';
import { ByteViews, KnownBytes } from '../../audit/known-bytes.ts';
import { isUsableWithoutEnd, looksEnded } from './cut-record.ts';
import { ENRICHED_SEPARATOR, enrichmentStart, headerProblem, parseLogLine, startsWith } from './log-line.ts';
import { recordTypeNumbers } from './record-types.ts';
import { unwrapLine } from './unwrap-line.ts';

/** Longest line of a log, in bytes. The kernel's own records stay below 9 KB. */
export const MAX_LOG_LINE_BYTES = 1 << 20;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const APOSTROPHE = 0x27;

/** Counters of one log, updated while it is read. */
export interface LogCounters {
  lines: number;
  records: number;
  /** Lines, or parts of lines, that should be a record and cannot be read. */
  malformed: number;
  /** The first malformed line, counted from 1. */
  firstMalformed: { readonly line: number; readonly reason: string } | undefined;
  /** Lines of a system log or similar that have nothing to do with audit. */
  foreign: number;
}

export const newLogCounters = (): LogCounters => ({
  lines: 0,
  records: 0,
  malformed: 0,
  firstMalformed: undefined,
  foreign: 0,
});

/** One record of a log: `bytes[start, end)` from `audit(` on. */
export interface LoggedRecord {
  readonly type: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Where the fields end that auditd interpreted, which begin behind a separator at `end`; `end` if there are none. */
  readonly interpretedEnd: number;
  /** The host that auditd put in front of the record. */
  readonly node: string | undefined;
}

/**
 * Takes one record. Its bytes may be overwritten after the call in which the reader was given them.
 *
 * @returns false if its header cannot be read
 */
export type RecordSink = (record: LoggedRecord) => boolean;

/** A record whose end is not known yet. */
type Beginning = Pick<LoggedRecord, 'type' | 'bytes' | 'start' | 'node'>;

/** Types of records that make events or end them. */
const isOfInterest = (type: number): boolean =>
  type === AUDIT_SYSCALL ||
  type === AUDIT_PATH ||
  type === AUDIT_EXECVE ||
  type === AUDIT_CWD ||
  type === AUDIT_PROCTITLE ||
  type === AUDIT_SOCKADDR ||
  type === AUDIT_EOE ||
  type === AUDIT_SOCKETCALL ||
  type === AUDIT_URINGOP ||
  type === AUDIT_OBJ_PID ||
  type === AUDIT_OPENAT2 ||
  standsAlone(type);

const MSG = ' msg=';
const HEADER_TEXT = `${MSG}audit(`;
const HEADER = Buffer.from(HEADER_TEXT);
const BRACKET = 0x28;
/** Place of the bracket in `audit(`. */
const OWN_BRACKET = 5;
/** A second record in a line, from its host or type on. */
const SECOND = /(?:node=\S+ )?type=[A-Z_0-9[\]]+ msg=audit\(/g;
/** The beginning that the kernel writes for a program's message. */
const MESSAGE_HEADER = / msg=audit\(\d+\.\d+:\d+\): (?:user )?pid=\d+ uid=\d+ auid=\d+ /;

export interface LogReaderOptions {
  readonly counters?: LogCounters;
  readonly maxLineBytes?: number;
  /** Passes on records of all types; without it, those of types that make no event are only counted. */
  readonly allTypes?: boolean;
}

/**
 * Turns pieces of a log into records, and keeps at most one unfinished line. What cannot be read is counted and
 * skipped.
 */
export class LogReader {
  readonly counters: LogCounters;
  readonly #sink: RecordSink;
  readonly #maxLineBytes: number;
  readonly #allTypes: boolean;
  readonly #types = new LineTypes();
  /** The unfinished line. */
  #pieces: Buffer[] = [];
  #length = 0;
  /** Whether the rest of an overlong line is being skipped. */
  #skipping = false;
  /** Positions of the next `(` and the next separator in the piece; -1 if there is none. */
  #nextBracket = 0;
  #nextSeparator = 0;

  constructor(sink: RecordSink, options: LogReaderOptions = {}) {
    this.#sink = sink;
    this.counters = options.counters ?? newLogCounters();
    this.#maxLineBytes = options.maxLineBytes ?? MAX_LOG_LINE_BYTES;
    this.#allTypes = options.allTypes ?? false;
  }

  /** Passes on the records that `chunk` completes; its bytes are not needed afterwards. */
  push(chunk: Buffer): void {
    let start = 0;
    this.#lookIn(chunk);
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      if (this.#length === 0 && !this.#skipping) {
        this.#line(chunk, start, end, true);
      } else {
        this.#keep(chunk.subarray(start, end));
        this.#finish(true);
        this.#lookIn(chunk);
      }
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  /** Passes on what is certain in a last line without a line feed. */
  end(): void {
    if (this.#length > 0 || this.#skipping) this.#finish(false);
  }

  #lookIn(bytes: Buffer): void {
    this.#nextBracket = 0;
    this.#nextSeparator = bytes.indexOf(ENRICHED_SEPARATOR);
  }

  #keep(piece: Buffer): void {
    if (this.#skipping) return;
    // A crash leaves blocks of NULs, which are not lines.
    const from = this.#length === 0 ? skipNuls(piece, 0, piece.length) : 0;
    if (from > 0) this.#nuls(from);
    if (from === piece.length) return;
    this.#length += piece.length - from;
    if (this.#length > this.#maxLineBytes) {
      this.#skipping = true;
      this.#pieces = [];
      this.#length = 0;
    } else {
      this.#pieces.push(Buffer.from(piece.subarray(from)));
    }
  }

  #finish(isEnded: boolean): void {
    if (this.#skipping) {
      this.counters.lines++;
      this.#skipping = false;
      this.#malformed(`longer than ${this.#maxLineBytes} bytes`);
      return;
    }
    const line = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.#length);
    this.#pieces = [];
    this.#length = 0;
    this.#lookIn(line);
    this.#line(line, 0, line.length, isEnded);
  }

  #line(bytes: Buffer, start: number, end: number, isEnded: boolean): void {
    this.counters.lines++;
    if (bytes[start] === 0) {
      const from = skipNuls(bytes, start, end);
      this.#nuls(from - start);
      start = from;
    }
    if (end - start > this.#maxLineBytes) {
      this.#malformed(`longer than ${this.#maxLineBytes} bytes`);
      return;
    }
    while (end > start && bytes[end - 1] === CARRIAGE_RETURN) end--;
    if (start < end) this.#part(bytes, start, end, isEnded);
  }

  /** Reads a line, or the rest of one. */
  #part(bytes: Buffer, start: number, end: number, isEnded: boolean): void {
    let at = start;
    let node: string | undefined;
    if (startsWith(bytes, start, end, 'node=')) {
      at = bytes.indexOf(SPACE, start) + 1;
      node = this.#nodeText(bytes, start + 5, at - 1);
    }
    const type = this.#types.typeAt(bytes, at, end);
    if (type === undefined) this.#unusual(bytes, start, end, isEnded);
    else this.#record({ type, bytes, start: this.#types.headerAt + MSG.length, node }, end, isEnded);
  }

  /** Nearly always the same as in the previous line. */
  #nodeText(bytes: Buffer, start: number, end: number): string {
    const node = asciiText(bytes, start, Math.max(start, end));
    return node ?? bytes.toString('latin1', start, end);
  }

  /** @param end of the line */
  #record(record: Beginning, end: number, isEnded: boolean): void {
    const { type, bytes, start } = record;
    let fieldsEnd = end;
    if (this.#nextSeparator >= 0 && this.#nextSeparator < start)
      this.#nextSeparator = bytes.indexOf(ENRICHED_SEPARATOR, start);
    if (this.#nextSeparator >= 0 && this.#nextSeparator < end)
      fieldsEnd = isUserMessage(type) ? enrichmentStart(bytes, type, start, end) : this.#nextSeparator;

    if (this.#hasHeader(bytes, start, end)) {
      if (isUserMessage(type)) {
        if (this.#isTornMessage(bytes, start, fieldsEnd)) return;
      } else {
        const second = secondRecord(bytes, start, end);
        if (second !== undefined) {
          const firstEnd = Math.min(fieldsEnd, second.firstEnd);
          // With a blank between them, the line is a list; without one, the first record is torn.
          if (second.isList) this.#hand(record, firstEnd, second.firstEnd);
          else this.#cut(record, firstEnd);
          this.#part(bytes, second.start, end, isEnded);
          return;
        }
      }
    }
    if (fieldsEnd === end && !isEnded) this.#cut(record, end);
    else this.#hand(record, fieldsEnd, end);
  }

  /**
   * Whether another header is in a line. Searches for its bracket: finding one byte is ten times as fast, and few
   * lines have a second bracket.
   */
  #hasHeader(bytes: Buffer, start: number, end: number): boolean {
    // Behind the record's own bracket.
    const from = start + OWN_BRACKET + 1;
    if (this.#nextBracket >= 0 && this.#nextBracket < from) this.#nextBracket = bytes.indexOf(BRACKET, from);
    while (this.#nextBracket >= 0 && this.#nextBracket < end) {
      const at = this.#nextBracket + 1 - HEADER.length;
      if (at >= start && startsWith(bytes, at, end, HEADER_TEXT)) return true;
      this.#nextBracket = bytes.indexOf(BRACKET, this.#nextBracket + 1);
    }
    return false;
  }

  /**
   * A program's message is arbitrary text and may contain a record, which is not read as one. If the line looks like
   * two messages, neither can be trusted.
   */
  #isTornMessage(bytes: Buffer, start: number, end: number): boolean {
    const isClosed = bytes[end - 1] === APOSTROPHE;
    if (isClosed && !MESSAGE_HEADER.test(bytes.toString('latin1', start, end))) return false;
    this.#malformed('two records in one line, and which text is whose cannot be told');
    this.#malformed('two records in one line, and which text is whose cannot be told');
    return true;
  }

  /** A record that may be cut off, because nothing follows it. */
  #cut(record: Beginning, end: number): void {
    const { type, bytes, start } = record;
    const last = withoutNuls(bytes, start, end);
    const fields = /^[^)]*\): ?(.*)$/s.exec(bytes.toString('latin1', start, last))?.[1];
    if (fields !== undefined && isUsableWithoutEnd(type, fields)) {
      this.#hand(record, last, last);
      if (looksEnded(fields)) return;
    }
    this.#malformed('the record is cut off');
  }

  #hand({ type, bytes, start, node }: Beginning, end: number, interpretedEnd: number): void {
    if (!this.#allTypes && !isOfInterest(type)) {
      this.counters.records++;
    } else if (this.#sink({ type, bytes, start, end, interpretedEnd, node })) {
      this.counters.records++;
    } else {
      this.#malformed(headerProblem(bytes, start, end) ?? 'the header cannot be read');
    }
  }

  /** Any line that does not begin with `type=NAME msg=audit(…`. */
  #unusual(bytes: Buffer, start: number, end: number, isEnded: boolean): void {
    const line = parseLogLine(bytes, start, end);
    switch (line.kind) {
      case 'blank':
      case 'comment':
        return;
      case 'record': {
        const { type, node, interpretedEnd } = line.record;
        this.#record({ type, bytes, start: line.record.start, node }, interpretedEnd, isEnded);
        return;
      }
      case 'malformed': {
        const unwrapped = unwrapLine(bytes.subarray(start, end));
        if (unwrapped.kind === 'foreign') this.counters.foreign++;
        else if (unwrapped.kind === 'malformed') this.#malformed(unwrapped.reason ?? line.reason);
        else this.#inner(unwrapped.lines, isEnded || unwrapped.isClosed);
      }
    }
  }

  /** Lines that were contained in another one. */
  #inner(lines: readonly Buffer[], isEnded: boolean): void {
    for (const inner of lines) {
      this.#lookIn(inner);
      if (
        this.#types.typeAt(inner, 0, inner.length) !== undefined ||
        parseLogLine(inner, 0, inner.length).kind === 'record'
      )
        this.#part(inner, 0, inner.length, isEnded);
      else this.#malformed('the record in it cannot be read');
    }
    // The line was a part of the piece being read, where the search continues.
    this.#nextBracket = 0;
    this.#nextSeparator = 0;
  }

  #nuls(count: number): void {
    this.#malformed(`a block of ${count} NUL bytes, as a crash leaves them: their content is lost`);
  }

  #malformed(reason: string): void {
    this.counters.malformed++;
    this.counters.firstMalformed ??= { line: Math.max(1, this.counters.lines), reason };
  }
}

/** A type of records, by name. */
interface NamedType {
  readonly type: number;
  readonly name: Buffer;
}

/** Types by the hash of their name. */
const typesByHash = new Map<number, NamedType>();
const hashOf = (bytes: Uint8Array, start: number, end: number): number => {
  let hash = 0;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
  return hash;
};
for (const [name, type] of Object.entries(recordTypeNumbers)) {
  const bytes = Buffer.from(name);
  typesByHash.set(hashOf(bytes, 0, bytes.length), { type, name: bytes });
}

/** A type that occurs in the log. */
interface SeenType {
  readonly type: number;
  /** `type=NAME msg=audit(` */
  readonly beginning: KnownBytes;
  /** The type that followed it last: events have their records in the same order. */
  next: SeenType | undefined;
}

/** Determines the types of a log's lines. For most, the type of the previous line tells which name to expect. */
class LineTypes {
  readonly #views = new ByteViews();
  readonly #seen = new Map<NamedType, SeenType>();
  /** Type of the previous line. */
  #last: SeenType | undefined;
  /** Where ` msg=audit(` begins in the last line whose type was found. */
  headerAt = 0;

  /** The type of a line `type=NAME msg=audit(…`, as nearly all are; undefined for any other. */
  typeAt(bytes: Buffer, start: number, end: number): number | undefined {
    const before = this.#last;
    if (before !== undefined) {
      if (before.next !== undefined && this.#isOf(before.next, bytes, start, end)) return before.next.type;
      // For example PATH behind PATH.
      if (this.#isOf(before, bytes, start, end)) return before.type;
    }
    const found = this.#find(bytes, start, end);
    if (found === undefined) return undefined;
    if (before !== undefined) before.next = found;
    this.#last = found;
    return found.type;
  }

  #isOf(type: SeenType, bytes: Buffer, start: number, end: number): boolean {
    const beginningEnd = type.beginning.endAt(bytes, start, end);
    if (beginningEnd < 0) return false;
    this.headerAt = beginningEnd - HEADER.length;
    this.#last = type;
    return true;
  }

  #find(bytes: Buffer, start: number, end: number): SeenType | undefined {
    if (!startsWith(bytes, start, end, 'type=')) return undefined;
    const first = start + 5;
    let at = first;
    let hash = 0;
    while (at < end && bytes[at] !== SPACE) hash = (Math.imul(hash, 31) + bytes[at++]!) | 0;
    const named = typesByHash.get(hash);
    if (named === undefined || named.name.length !== at - first) return undefined;
    const { name } = named;
    for (let i = 0; i < name.length; i++) if (bytes[first + i] !== name[i]) return undefined;
    if (!startsWith(bytes, at, end, HEADER_TEXT)) return undefined;
    this.headerAt = at;
    return this.#see(named);
  }

  #see(named: NamedType): SeenType {
    let seen = this.#seen.get(named);
    if (seen === undefined) {
      const line = Buffer.from(`type=${named.name}${HEADER_TEXT}`);
      const beginning = new KnownBytes(line.length, this.#views);
      beginning.keep(line, 0, line.length);
      seen = { type: named.type, beginning, next: undefined };
      this.#seen.set(named, seen);
    }
    return seen;
  }
}

interface SecondRecord {
  readonly start: number;
  /** Where the first one ends. */
  readonly firstEnd: number;
  /** Whether a blank stands between the two. */
  readonly isList: boolean;
}

/**
 * Finds another record in the line of a kernel record: the kernel's strings contain no blank, so a second `
 * msg=audit(` begins a new record.
 */
const secondRecord = (bytes: Buffer, start: number, end: number): SecondRecord | undefined => {
  const at = bytes.indexOf(HEADER, start);
  if (at < 0 || at >= end) return undefined;
  const line = bytes.toString('latin1', start, end);
  SECOND.lastIndex = 0;
  const found = SECOND.exec(line);
  if (found === null) return undefined;
  const second = start + found.index;
  const isList = bytes[second - 1] === SPACE;
  return { start: second, firstEnd: isList ? second - 1 : second, isList };
};

const skipNuls = (bytes: Buffer, start: number, end: number): number => {
  let at = start;
  while (at < end && bytes[at] === 0) at++;
  return at;
};

const withoutNuls = (bytes: Buffer, start: number, end: number): number => {
  let last = end;
  while (last > start && bytes[last - 1] === 0) last--;
  return last;
};
