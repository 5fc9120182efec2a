import { decodeUtf8 } from '../runtime/utf8.ts';
import { asciiText } from './ascii-text.ts';
import type { FieldCursor } from './record.ts';

/**
 * Bytes as text. Each byte that is not UTF-8 becomes `\xHH`, so that different byte strings do not become the same
 * text, as with U+FFFD. A NUL becomes `\x00`, because SQL text ends at a NUL.
 */
export const decodeText = (bytes: Uint8Array, start = 0, end = bytes.length): string => {
  const ascii = asciiText(bytes, start, end);
  if (ascii !== undefined) return ascii;
  const text = decodeUtf8(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), start, end);
  return text.includes('\0') ? text.replaceAll('\0', '\\x00') : text;
};

/** A record as one line for people. Control characters, which programs can put into messages, become `\xHH`. */
export const printable = (bytes: Uint8Array, start: number, end: number): string =>
  decodeText(bytes, start, end)
    .trimEnd()
    .replaceAll(/\p{Cc}/gu, c => `\\x${c.codePointAt(0)!.toString(16).toUpperCase().padStart(2, '0')}`);

/** Value of each byte as a hex digit, or -1. */
const NIBBLES = Int8Array.from({ length: 256 }, (_, byte) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase()),
);

/** The bytes of a hex text; undefined if it contains anything else, or an odd number of digits. */
export const decodeHex = (bytes: Uint8Array, start: number, end: number): Buffer | undefined => {
  const decoded = Buffer.allocUnsafe((end - start) >>> 1);
  return decodeHexInto(decoded, bytes, start, end) === undefined ? undefined : decoded;
};

/** Like `decodeHex`, into existing memory. @returns how many bytes were written */
export const decodeHexInto = (
  target: Uint8Array,
  bytes: Uint8Array,
  start: number,
  end: number,
): number | undefined => {
  const digits = end - start;
  if (digits % 2 !== 0) return undefined;
  let to = 0;
  for (let at = start; at < end; at += 2) {
    const value = (NIBBLES[bytes[at]!]! << 4) | NIBBLES[bytes[at + 1]!]!;
    if (value < 0) return undefined;
    target[to++] = value;
  }
  return to;
};

/**
 * The bytes of a field that the kernel writes as an untrusted string (comm, exe, name, cwd, aN, key …): quoted, or
 * unquoted in hex. Whether a value is hex follows from its field, never from how it looks.
 *
 * @returns undefined for an unquoted `(null)`, `(none)` or `?`, which stand for no value, and for a damaged value:
 * its quote is not closed, or it is not hex
 */
export const untrustedBytes = (field: FieldCursor): Uint8Array | undefined => {
  const { bytes, valueStart, valueEnd, quoted } = field;
  if (quoted) return bytes.subarray(valueStart, valueEnd);
  return isAbsent(field) ? undefined : decodeHex(bytes, valueStart, valueEnd);
};

/** `untrustedBytes` as text. */
export const untrustedText = (field: FieldCursor): string | undefined => {
  if (field.quoted) return decodeText(field.bytes, field.valueStart, field.valueEnd);
  const bytes = untrustedBytes(field);
  return bytes === undefined ? undefined : decodeText(bytes);
};

/**
 * Most bytes of a hex value that are checked. Above this length, old kernels wrote hex because of the length alone.
 */
const CHECKED_BYTES = 3_000;

/**
 * Whether an untrusted string of the kernel is proved to be damaged: its quote is not closed, it is not hex, or it is
 * hex of a text that the kernel would have quoted, which is what remains of a longer value. Source:
 * audit_string_contains_control in kernel/audit.c.
 *
 * @param value of the field: what `untrustedBytes` returned
 */
export const isDamaged = (field: FieldCursor, value: Uint8Array | undefined): boolean =>
  !field.quoted &&
  (value === undefined
    ? field.valueEnd === field.valueStart || !isAbsent(field)
    : value.length < CHECKED_BYTES && !needsHex(value));

/** Whether the kernel writes these bytes in hex. */
export const needsHex = (bytes: Uint8Array): boolean => {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte < 0x21 || byte > 0x7e || byte === 0x22) return true;
  }
  return false;
};

/** An untrusted string, with damage distinguished from absence. */
export type TextReading = string | undefined | typeof DAMAGED;
export const DAMAGED = Symbol('damaged');

/** The text of a field that the kernel writes as an untrusted string. */
export const readText = (field: FieldCursor): TextReading => {
  if (field.quoted) return decodeText(field.bytes, field.valueStart, field.valueEnd);
  const bytes = untrustedBytes(field);
  if (isDamaged(field, bytes)) return DAMAGED;
  return bytes === undefined ? undefined : decodeText(bytes);
};

/**
 * An absolute path that the kernel writes (exe, cwd), like `readText`. For a path that it could not build it writes
 * `<too_long>`, which cannot be a path. Source: audit_log_d_path in kernel/audit.c.
 */
export const readPath = (field: FieldCursor): TextReading => {
  const text = readText(field);
  return text === '<too_long>' || text === '<no_memory>' ? undefined : text;
};

/** A field that the kernel writes without encoding (tty, op, res …). */
export const plainText = (field: FieldCursor): string | undefined =>
  !field.quoted && isAbsent(field) ? undefined : decodeText(field.bytes, field.valueStart, field.valueEnd);

/** Whether an unquoted value is how the kernel or a program writes that there is none. */
export const isAbsent = ({ bytes, valueStart, valueEnd }: FieldCursor): boolean => {
  const length = valueEnd - valueStart;
  if (length === 0) return true;
  if (length === 1) return bytes[valueStart] === 0x3f;
  if (length !== 6 || bytes[valueStart] !== 0x28) return false;
  const text = asciiText(bytes, valueStart, valueEnd);
  return text === '(null)' || text === '(none)';
};

/** A decimal number with an optional sign; undefined if the value is anything else. */
export const decimal = ({ bytes, valueStart, valueEnd }: FieldCursor): number | undefined => {
  let at = valueStart;
  const negative = bytes[at] === 0x2d;
  if (negative) at++;
  if (at >= valueEnd) return undefined;
  let value = 0;
  for (; at < valueEnd; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
};

/**
 * The low 32 bits of a hexadecimal number, unsigned (`arch`, the int arguments `a0` … of a system call); undefined if
 * the value is anything else.
 */
export const hexWord = ({ bytes, valueStart, valueEnd }: FieldCursor): number | undefined => {
  if (valueStart >= valueEnd) return undefined;
  let value = 0;
  for (let at = valueStart; at < valueEnd; at++) {
    const digit = NIBBLES[bytes[at]!]!;
    if (digit < 0) return undefined;
    value = (value << 4) | digit;
  }
  return value >>> 0;
};
