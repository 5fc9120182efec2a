import { isUserMessage } from '../../audit/correlator.ts';
import { recordTypeNumber } from './record-types.ts';

/** The place of one record in a line. */
export interface RecordSpan {
  /** AUDIT_* number. */
  readonly type: number;
  /** From `audit(` on: no line end, no interpreted fields. */
  readonly start: number;
  readonly end: number;
  /** Where the interpreted fields end, which begin behind a 0x1D at `end`; `end` if there are none. */
  readonly interpretedEnd: number;
  /** The host that auditd put in front of the record. */
  readonly node: string | undefined;
}

export type LogLine =
  | { readonly kind: 'record'; readonly record: RecordSpan }
  | { readonly kind: 'blank' }
  /** `#` comments, and what ausearch writes between events: `----` and `time->…`. */
  | { readonly kind: 'comment' }
  | { readonly kind: 'malformed'; readonly reason: string };

const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const COMMA = 0x2c;
const APOSTROPHE = 0x27;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
/** Separates the kernel's fields from the interpreted ones in enriched logs. */
export const ENRICHED_SEPARATOR = 0x1d;

/** Fields as auditd interprets them. None of their values contains the `'` that ends a message, except in quotes. */
const INTERPRETED = /^(?:[A-Za-z0-9_-]+=(?:"[^"]*"|\{[^}']*\}|[^ '"{][^ '"]*|)(?: |$))*$/;

/** A netlink message type has 16 bits. */
const MAX_RECORD_TYPE = 0xffff;
/** Longest token that is read as a type's name; the longest known name has 24 letters. */
const MAX_TYPE_TOKEN = 48;

/**
 * Reads `bytes[start, end)`, a line without its line feed. Forms:
 *
 * - `type=SYSCALL msg=audit(1364481363.243:24287): arch=…`, auditd's log; in front of it perhaps `node=HOST `,
 *   behind it perhaps 0x1D and interpreted fields; `UNKNOWN[1334]` or a number for the name
 * - `1300 audit(…): …`, `1300, audit(…): …` and `type=1300 audit(…): …`: a stream written down raw
 */
export const parseLogLine = (bytes: Buffer, start: number, end: number): LogLine => {
  const last = withoutReturns(bytes, start, end);

  let at = skipBlanks(bytes, start, last);
  if (at === last) return { kind: 'blank' };
  if (isComment(bytes, at, last)) return { kind: 'comment' };

  let node: string | undefined;
  if (startsWith(bytes, at, last, 'node=')) {
    const nodeEnd = tokenEnd(bytes, at + 5, last);
    node = text(bytes, at + 5, nodeEnd);
    at = skipBlanks(bytes, nodeEnd, last);
  }

  const named = startsWith(bytes, at, last, 'type=');
  if (named) at += 5;
  const tokenStop = tokenEnd(bytes, at, last);
  const token = text(bytes, at, Math.min(tokenStop, at + MAX_TYPE_TOKEN));
  const type = typeOf(token, named);
  if (type === undefined) return malformed(whyNoType(token, named));

  at = skipBlanks(bytes, tokenStop, last);
  if (bytes[at] === COMMA && at < last) at = skipBlanks(bytes, at + 1, last);
  if (startsWith(bytes, at, last, 'msg=')) at += 4;
  if (!startsWith(bytes, at, last, 'audit(')) return malformed('expected "audit(" after the record type');
  const header = headerProblem(bytes, at, last);
  if (header !== undefined) return malformed(header);
  const recordEnd = withoutReturns(bytes, at, enrichmentStart(bytes, type, at, last));
  return { kind: 'record', record: { type, start: at, end: recordEnd, interpretedEnd: last, node } };
};

/**
 * Where the interpreted fields begin, including their separator; `end` if there are none. The kernel itself writes no
 * 0x1D, but passes on those in a program's message: the message runs to the last `'` of the record, and interpreted
 * fields come behind it.
 */
export const enrichmentStart = (bytes: Buffer, type: number, start: number, end: number): number => {
  // Only within the line: the rest may be a megabyte without one.
  const line = bytes.subarray(start, end);
  const found = line.indexOf(ENRICHED_SEPARATOR);
  if (found < 0) return end;
  const first = start + found;
  if (!isUserMessage(type)) return first;
  const last = line.lastIndexOf(ENRICHED_SEPARATOR);
  if (!line.subarray(0, first - start).includes(APOSTROPHE)) return first;
  return INTERPRETED.test(text(line, last + 1, line.length)) ? start + last : end;
};

const malformed = (reason: string): LogLine => ({ kind: 'malformed', reason });

/** `SYSCALL`, `UNKNOWN[1334]` and `1300` after `type=`; without it only a number. */
const typeOf = (token: string, named: boolean): number | undefined => {
  const bracket = named ? /^[A-Z_0-9]*\[([0-9]{1,5})\]$/.exec(token)?.[1] : undefined;
  const digits = bracket ?? (/^[0-9]{1,5}$/.test(token) ? token : undefined);
  if (digits === undefined) return named ? recordTypeNumber(token) : undefined;
  const type = Number(digits);
  return type >= 1 && type <= MAX_RECORD_TYPE ? type : undefined;
};

const whyNoType = (token: string, named: boolean): string => {
  if (!named) return 'expected "type=NAME msg=audit(…" or "NUMBER audit(…"';
  return /^[A-Z][A-Z_0-9]*$/.test(token)
    ? `unknown record type ${token}`
    : 'expected a record type after "type="';
};

/** Why such a log cannot be read back, and how to make one that can. */
export const INTERPRETED_LOG = 'the time is interpreted: make the log with "ausearch --raw"';

/**
 * What is wrong with a header, `audit(SECONDS.MILLISECONDS:SERIAL)`; undefined if nothing is. The times of `ausearch
 * -i` depend on its locale; all of them contain a blank or a second colon.
 *
 * @param start of `audit(`
 */
export const headerProblem = (bytes: Buffer, start: number, end: number): string | undefined => {
  const secondsAt = start + 'audit('.length;
  const dot = skipDigits(bytes, secondsAt, end);
  const colon = skipDigits(bytes, dot + 1, end);
  const close = skipDigits(bytes, colon + 1, end);
  const isSeconds = dot > secondsAt && dot < end && bytes[dot] === 0x2e;
  const isMilliseconds = colon > dot + 1 && colon < end && bytes[colon] === 0x3a;
  const isSerial = close > colon + 1 && close < end && bytes[close] === 0x29;
  if (isSeconds && isMilliseconds && isSerial) return undefined;
  const stamp = /^[^)]{1,80}\)/.exec(text(bytes, secondsAt, Math.min(end, secondsAt + 96)))?.[0] ?? '';
  if (/:\d\d:\d\d|[\d\u0080-\u00ff] .*:/.test(stamp)) return INTERPRETED_LOG;
  if (dot === secondsAt || dot >= end) return 'expected seconds after "audit("';
  if (!isSeconds) return 'expected seconds and "." after "audit("';
  return isMilliseconds
    ? 'expected a serial number and ")" in the time stamp'
    : 'expected milliseconds and ":" in the time stamp';
};

const withoutReturns = (bytes: Uint8Array, start: number, end: number): number => {
  let last = end;
  while (last > start && bytes[last - 1] === CARRIAGE_RETURN) last--;
  return last;
};

const isComment = (bytes: Uint8Array, start: number, end: number): boolean =>
  bytes[start] === 0x23 || startsWith(bytes, start, end, '----') || startsWith(bytes, start, end, 'time->');

export const startsWith = (bytes: Uint8Array, start: number, end: number, word: string): boolean => {
  if (start + word.length > end) return false;
  for (let i = 0; i < word.length; i++) {
    if (bytes[start + i] !== word.charCodeAt(i)) return false;
  }
  return true;
};

const skipBlanks = (bytes: Uint8Array, start: number, end: number): number => {
  let at = start;
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
  return at;
};

const skipDigits = (bytes: Uint8Array, start: number, end: number): number => {
  let at = start;
  while (at < end && bytes[at]! >= DIGIT_0 && bytes[at]! <= DIGIT_9) at++;
  return at;
};

const tokenEnd = (bytes: Uint8Array, start: number, end: number): number => {
  let at = start;
  while (at < end && bytes[at] !== SPACE && bytes[at] !== TAB && bytes[at] !== COMMA) at++;
  return at;
};

/** Type names and hosts are ASCII; any other byte becomes a character that no name contains. */
const text = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.max(0, end - start)).toString('latin1');
