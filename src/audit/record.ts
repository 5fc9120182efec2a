import { KnownBytes } from './known-bytes.ts';

/**
 * One audit record: `bytes[start..end)` holds its fields, behind the `audit(SEC.MS:SERIAL): ` header. The bytes may
 * belong to a receive arena: copy them to keep a record beyond the call that delivered it.
 */
export interface AuditRecord {
  readonly type: number;
  readonly seconds: number;
  readonly milliseconds: number;
  readonly serial: number;
  bytes: Buffer;
  start: number;
  end: number;
  /**
   * Where auditd's interpreted fields end, in an enriched log: they begin behind a separator at `end`. Else it equals
   * `end`.
   */
  interpretedEnd: number;
}

const HEADER = Buffer.from('audit(');
const SPACE = 0x20;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;
const DOT = 0x2e;
const COLON = 0x3a;
const BRACKET = 0x29;

/** Bytes of `audit(1364481363.243:`, as the kernel writes it until the year 2286. */
const STAMP_BYTES = 21;

/** The content of `audit(SEC.MS:`. */
interface Stamp {
  readonly seconds: number;
  readonly milliseconds: number;
  readonly length: number;
}

/** Longest header that is remembered. */
const KNOWN_HEADER_BYTES = 48;

/** Reads the records of one source. */
export class RecordParser {
  /** The last stamp: everything within one tick of audit's clock shares it. */
  readonly #knownStamp = new KnownBytes(STAMP_BYTES);
  #stamp: Stamp | undefined;
  /** The last header, with its `):`: the records of one event share it. */
  readonly #knownHeader = new KnownBytes(KNOWN_HEADER_BYTES);
  #name = { seconds: 0, milliseconds: 0, serial: 0 };

  /**
   * Reads the header `audit(1364481363.243:24287): ` of a record's payload.
   *
   * @returns the record with its fields, without blanks around them, or undefined if the payload does not start with a
   * whole header
   */
  parse(type: number, bytes: Buffer, start: number, end: number): AuditRecord | undefined {
    let at = this.#knownHeader.endAt(bytes, start, end);
    if (at < 0) {
      at = this.#readHeader(bytes, start, end);
      if (at < 0) return undefined;
    }
    const { seconds, milliseconds, serial } = this.#name;

    // Payloads of the kernel and of programs may end in a newline or NUL.
    let last = end;
    while (last > at && isPadding(bytes[last - 1]!)) last--;
    while (at < last && bytes[at] === SPACE) at++;
    return { type, seconds, milliseconds, serial, bytes, start: at, end: last, interpretedEnd: last };
  }

  /** Reads a header and remembers it. @returns where it ends; -1 if it is not whole */
  #readHeader(bytes: Buffer, start: number, end: number): number {
    const isKnown = end - start > STAMP_BYTES && this.#knownStamp.matches(bytes, start, start + STAMP_BYTES);
    const stamp = isKnown ? this.#stamp : readStamp(bytes, start, end);
    if (stamp === undefined) return -1;
    if (!isKnown && stamp.length === STAMP_BYTES) {
      this.#knownStamp.keep(bytes, start, start + STAMP_BYTES);
      this.#stamp = stamp;
    }
    const serialAt = start + stamp.length;
    const bracket = digitsEnd(bytes, serialAt, end);
    if (bracket === serialAt || bracket + 1 >= end) return -1;
    if (bytes[bracket] !== BRACKET || bytes[bracket + 1] !== COLON) return -1;
    const serial = digitsValue(bytes, serialAt, bracket);
    if (serial > 0xffffffff) return -1;
    this.#name = { seconds: stamp.seconds, milliseconds: stamp.milliseconds, serial };
    this.#knownHeader.keep(bytes, start, bracket + 2);
    return bracket + 2;
  }
}

/** Reads a record by itself; see `RecordParser.parse`. */
export const parseRecord = (...record: Parameters<RecordParser['parse']>): AuditRecord | undefined =>
  new RecordParser().parse(...record);

const isPadding = (byte: number): boolean => byte === NEWLINE || byte === 0 || byte === SPACE;

const readStamp = (bytes: Buffer, start: number, end: number): Stamp | undefined => {
  for (let i = 0; i < HEADER.length; i++) if (bytes[start + i] !== HEADER[i]) return undefined;
  const secondsAt = start + HEADER.length;
  const dot = digitsEnd(bytes, secondsAt, end);
  const colon = digitsEnd(bytes, dot + 1, end);
  // In this order, because each position is valid only if the one before is.
  if (bytes[dot] !== DOT || bytes[colon] !== COLON || colon >= end) return undefined;
  if (dot === secondsAt || colon === dot + 1) return undefined;
  const seconds = digitsValue(bytes, secondsAt, dot);
  const milliseconds = digitsValue(bytes, dot + 1, colon);
  if (seconds > Number.MAX_SAFE_INTEGER || milliseconds > 999) return undefined;
  return { seconds, milliseconds, length: colon + 1 - start };
};

/** Where the decimal digits that begin at `at` end. */
const digitsEnd = (bytes: Buffer, at: number, end: number): number => {
  while (at < end && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
  return at;
};

const digitsValue = (bytes: Buffer, start: number, end: number): number => {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + (bytes[at]! - 0x30);
  return value;
};

/**
 * Walks the `key=value` fields of a record in order, without making strings.
 *
 * A value in `"` ends at the next `"`: the kernel escapes nothing, and writes a value that contains a quote in hex. A
 * value in `'` (the inner message of a user record) ends at the last `'` of the record. Words without `=` are
 * skipped. The cursor is reused: `next()` overwrites the positions of the previous field.
 *
 * A quote that is not closed proves damage, because the kernel closes each: such a value is `unclosed`, and what
 * follows may belong to it.
 */
export class FieldCursor {
  bytes: Buffer = Buffer.alloc(0);
  keyStart = 0;
  keyEnd = 0;
  /** Positions without the quotes. */
  valueStart = 0;
  valueEnd = 0;
  quoted = false;
  /** Whether an unquoted value begins with a quote, so that its end is lost. */
  unclosed = false;
  /** `keyHash` of the key. */
  key = 0;
  #at = 0;
  #end = 0;

  reset(bytes: Buffer, start: number, end: number): this {
    this.bytes = bytes;
    this.#at = start;
    this.#end = end;
    return this;
  }

  /** @returns false after the last field */
  next(): boolean {
    const bytes = this.bytes;
    const end = this.#end;
    let at = this.#at;
    for (;;) {
      while (at < end && bytes[at] === SPACE) at++;
      if (at >= end) {
        this.#at = at;
        return false;
      }
      const keyStart = at;
      let hash = 0;
      let byte = bytes[at]!;
      while (at < end && byte !== EQUALS && byte !== SPACE) {
        hash = (Math.imul(hash, 31) + byte) | 0;
        byte = bytes[++at]!;
      }
      if (at >= end || byte !== EQUALS) continue;
      this.keyStart = keyStart;
      this.keyEnd = at;
      this.key = hash;
      at++;

      const opening = at < end ? bytes[at] : SPACE;
      let closing = -1;
      if (opening === QUOTE) {
        closing = at + 1;
        while (closing < end && bytes[closing] !== QUOTE) closing++;
      } else if (opening === APOSTROPHE) {
        closing = end - 1;
        while (closing > at && bytes[closing] !== APOSTROPHE) closing--;
      }
      if (closing > at && closing < end) {
        this.quoted = true;
        this.unclosed = false;
        this.valueStart = at + 1;
        this.valueEnd = closing;
        at = closing + 1;
      } else {
        this.quoted = false;
        this.unclosed = opening === QUOTE || opening === APOSTROPHE;
        this.valueStart = at;
        while (at < end && bytes[at] !== SPACE) at++;
        this.valueEnd = at;
      }
      this.#at = at;
      return true;
    }
  }

  /** Whether the record ends behind the last field that was read, without a cut-off word. */
  get isAtEnd(): boolean {
    return this.valueEnd + (this.quoted ? 1 : 0) >= this.#end;
  }
}

/** The hash that `FieldCursor.key` has for a key, to compare without making strings. */
export const keyHash = (key: string): number => {
  let hash = 0;
  for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
  return hash;
};
