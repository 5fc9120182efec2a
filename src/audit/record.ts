/**
 * One audit record: `bytes[start..end)` holds its fields, behind the `audit(SEC.MS:SERIAL): ` header.
 * The bytes may belong to a receive arena: whoever keeps a record beyond the call that delivered it copies them.
 */
export interface AuditRecord {
  readonly type: number;
  readonly seconds: number;
  readonly milliseconds: number;
  readonly serial: number;
  bytes: Buffer;
  start: number;
  end: number;
}

const HEADER = Buffer.from('audit(');
const SPACE = 0x20;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;

/**
 * Reads the header `audit(1364481363.243:24287): ` of a record's payload.
 *
 * @returns the record with its fields, without blanks around them, or undefined if the payload does not start with a
 * whole header
 */
export const parseRecord = (
  type: number,
  bytes: Buffer,
  start: number,
  end: number,
): AuditRecord | undefined => {
  for (let i = 0; i < HEADER.length; i++) if (bytes[start + i] !== HEADER[i]) return undefined;
  let at = start + HEADER.length;

  const number = (terminator: number, limit: number): number => {
    let value = 0;
    const first = at;
    for (; at < end; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const valid = at > first && at < end && bytes[at] === terminator && value <= limit;
    at++;
    return valid ? value : -1;
  };
  const seconds = number(0x2e, Number.MAX_SAFE_INTEGER);
  if (seconds < 0) return undefined;
  const milliseconds = number(0x3a, 999);
  if (milliseconds < 0) return undefined;
  const serial = number(0x29, 0xffffffff);
  if (serial < 0 || bytes[at] !== 0x3a || at >= end) return undefined;
  at++;

  // Payloads of the kernel and of programs may end in a newline or NUL.
  let last = end;
  while (last > at && (bytes[last - 1] === NEWLINE || bytes[last - 1] === 0 || bytes[last - 1] === SPACE))
    last--;
  while (at < last && bytes[at] === SPACE) at++;
  return { type, seconds, milliseconds, serial, bytes, start: at, end: last };
};

/**
 * Walks the `key=value` fields of a record in order, without making strings.
 *
 * A value in `"` ends at the next `"`: the kernel escapes nothing, a value with a quote in it is written in hex.
 * A value in `'` (the inner message of a user record) ends at the last `'` of the record. Words without `=` are
 * skipped. The cursor is reused: `next()` overwrites the positions of the field before.
 */
export class FieldCursor {
  bytes: Buffer = Buffer.alloc(0);
  keyStart = 0;
  keyEnd = 0;
  /** Without its quotes. */
  valueStart = 0;
  valueEnd = 0;
  quoted = false;
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
      if (opening === QUOTE) closing = bytes.indexOf(QUOTE, at + 1);
      else if (opening === APOSTROPHE) closing = bytes.lastIndexOf(APOSTROPHE, end - 1);
      if (closing > at && closing < end) {
        this.quoted = true;
        this.valueStart = at + 1;
        this.valueEnd = closing;
        at = closing + 1;
      } else {
        this.quoted = false;
        this.valueStart = at;
        while (at < end && bytes[at] !== SPACE) at++;
        this.valueEnd = at;
      }
      this.#at = at;
      return true;
    }
  }
}

/** The hash `FieldCursor.key` has for a key, for comparing without making strings. */
export const keyHash = (key: string): number => {
  let hash = 0;
  for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
  return hash;
};
