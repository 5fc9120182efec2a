import { OsqueryError } from '../errors.ts';
import { ByteWriter } from '../wire/byte-writer.ts';
import { T_STRING } from '../wire/thrift-types.ts';
import type { ColumnSpec, Row } from './column.ts';

/** Type bytes (2) and number of entries (4) of a `map<string,string>`. */
export const ROW_HEADER_BYTES = 6;

/** Text up to this length is copied here, longer text by one call into native code: the call costs about as much. */
const SHORT_TEXT = 40;

/** Room for a number: the digits of 2^64 and a sign, or a double's shortest text. */
const NUMBER_BYTES = 32;

const TEXT = 0;
const INTEGER = 1;
const DOUBLE = 2;
const BLOB = 3;

/**
 * Encodes rows of one table as they go on the wire. Hot: it runs once for every event, so what does not depend on
 * the row is made beforehand, and nothing is allocated per row.
 */
export interface RowEncoder<Columns extends readonly ColumnSpec[]> {
  /**
   * Appends one row to `out`.
   *
   * @returns bytes appended
   * @throws OsqueryError OSQUERY_INVALID for a value that its column cannot hold; `out` is as before then
   */
  append(row: Row<Columns>, out: ByteWriter): number;
  /** Which of columns 0 to 31 the row last appended has: bit i for column i. As an unsigned 32-bit number. */
  readonly presentLow: number;
  /** The same for columns 32 to 63; bit 31 stands for all from the 64th on. */
  readonly presentHigh: number;
}

/** Makes the encoder for a table's columns. */
export function createRowEncoder<const Columns extends readonly ColumnSpec[]>(
  columns: Columns,
): RowEncoder<Columns> {
  return new Encoder(columns);
}

class Encoder<Columns extends readonly ColumnSpec[]> implements RowEncoder<Columns> {
  readonly #columns: readonly ColumnSpec[];
  readonly #keys: readonly string[];
  readonly #kinds: Uint8Array;
  /** Each column's name as it goes on the wire: length and bytes. */
  readonly #names: readonly Buffer[];
  /** Room for everything but texts and blobs. */
  readonly #fixedBytes: number;
  presentLow = 0;
  presentHigh = 0;

  constructor(columns: Columns) {
    this.#columns = columns;
    this.#keys = columns.map(column => column.name);
    this.#kinds = Uint8Array.from(columns, kindOf);
    this.#names = columns.map(wireName);
    this.#fixedBytes = this.#names.reduce(
      (sum, name) => sum + name.length + 4 + NUMBER_BYTES,
      ROW_HEADER_BYTES,
    );
  }

  append(row: Row<Columns>, out: ByteWriter): number {
    const keys = this.#keys;
    const names = this.#names;
    const kinds = this.#kinds;
    const values = row as Readonly<Record<string, unknown>>;
    const start = out.length;
    // What is reserved beyond `at`: `fixedLeft` for the columns to come, and then each text asks for its own.
    const fixed = this.#fixedBytes;
    out.reserve(fixed);
    let { bytes } = out;
    let at = start + ROW_HEADER_BYTES;
    let low = 0;
    let high = 0;
    let count = 0;
    for (let index = 0; index < keys.length; index += 1) {
      const value = values[keys[index]!];
      if (value === undefined || value === null) continue;
      const name = names[index]!;
      const kind = kinds[index]!;
      if (kind === INTEGER) {
        const text = isSmall(value) ? '' : integerText(this.#columns[index]!, value);
        if (text.length > NUMBER_BYTES) {
          out.length = at;
          out.reserve(text.length + fixed);
          bytes = out.bytes;
          out.length = start;
        }
        for (let i = 0; i < name.length; i += 1) bytes[at + i] = name[i]!;
        at += name.length;
        at = text === '' ? writeSmall(value as number, bytes, at) : writeAscii(text, bytes, at);
      } else if (kind === DOUBLE) {
        if (typeof value !== 'number') throw invalid(this.#columns[index]!, value, 'a number');
        // SQL has no not-a-number; SQLite itself makes it NULL.
        if (Number.isNaN(value)) continue;
        for (let i = 0; i < name.length; i += 1) bytes[at + i] = name[i]!;
        at = writeAscii(String(value), bytes, at + name.length);
      } else {
        const isText = typeof value === 'string';
        if (!isText && (kind === TEXT || !(value instanceof Uint8Array))) {
          const expected = kind === TEXT ? 'a string' : 'a Uint8Array or a string';
          throw invalid(this.#columns[index]!, value, expected);
        }
        // A UTF-16 unit takes at most three bytes of UTF-8.
        const room = isText ? value.length * 3 : (value as Uint8Array).length;
        if (at + room + fixed > bytes.length) {
          out.length = at;
          out.reserve(room + fixed);
          bytes = out.bytes;
          out.length = start;
        }
        for (let i = 0; i < name.length; i += 1) bytes[at + i] = name[i]!;
        at += name.length;
        at = isText ? writeText(value, bytes, at) : writeBlob(value as Uint8Array, bytes, at);
      }
      count += 1;
      if (index < 32) low |= 1 << index;
      else high |= 1 << Math.min(index - 32, 31);
    }
    bytes[start] = T_STRING;
    bytes[start + 1] = T_STRING;
    writeLength(count, bytes, start + 2);
    out.length = at;
    this.presentLow = low >>> 0;
    this.presentHigh = high >>> 0;
    return at - start;
  }
}

// The functions below write where the caller has made room and return where they stopped.

function writeText(value: string, bytes: Buffer, at: number): number {
  const start = at + 4;
  const { length } = value;
  if (length <= SHORT_TEXT) {
    let i = 0;
    for (; i < length; i += 1) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) break;
      bytes[start + i] = unit;
    }
    if (i === length) {
      writeLength(length, bytes, at);
      return start + length;
    }
  }
  // Half a surrogate pair becomes U+FFFD here, as in every conversion of Node to UTF-8.
  const written = bytes.write(value, start);
  writeLength(written, bytes, at);
  return start + written;
}

function writeBlob(value: Uint8Array, bytes: Buffer, at: number): number {
  writeLength(value.length, bytes, at);
  bytes.set(value, at + 4);
  return at + 4 + value.length;
}

function writeAscii(value: string, bytes: Buffer, at: number): number {
  for (let i = 0; i < value.length; i += 1) bytes[at + 4 + i] = value.charCodeAt(i);
  writeLength(value.length, bytes, at);
  return at + 4 + value.length;
}

/** Whether a value is a whole number from 0 to 2^31 - 1; -0 too, which is written as 0. */
function isSmall(value: unknown): boolean {
  return typeof value === 'number' && (value | 0) === value && value >= 0;
}

/** A whole number from 0 to 2^31 - 1 in decimal, without making a string of it. */
function writeSmall(value: number, bytes: Buffer, at: number): number {
  let rest = value | 0;
  let digits = 1;
  for (let limit = 10; digits < 10 && rest >= limit; limit *= 10) digits += 1;
  const end = at + 4 + digits;
  for (let i = end - 1; i >= at + 4; i -= 1) {
    const next = (rest / 10) | 0;
    bytes[i] = 48 + rest - next * 10;
    rest = next;
  }
  writeLength(digits, bytes, at);
  return end;
}

function writeLength(value: number, bytes: Buffer, at: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function kindOf(column: ColumnSpec): number {
  switch (column.type) {
    case 'TEXT':
      return TEXT;
    case 'BLOB':
      return BLOB;
    case 'DOUBLE':
      return DOUBLE;
    default:
      return INTEGER;
  }
}

function wireName(column: ColumnSpec): Buffer {
  const writer = new ByteWriter(64);
  writer.string(column.name);
  return writer.take();
}

function integerText(column: ColumnSpec, value: unknown): string {
  switch (typeof value) {
    case 'bigint':
      return String(value);
    case 'boolean':
      return value ? '1' : '0';
    case 'number':
      // Beyond 2^53 through BigInt: String(1e21) would be "1e+21".
      if (Number.isInteger(value)) return Number.isSafeInteger(value) ? String(value) : String(BigInt(value));
      throw invalid(column, value, 'a whole number');
    default:
      throw invalid(column, value, 'a number, bigint or boolean');
  }
}

function invalid(column: ColumnSpec, value: unknown, expected: string): OsqueryError {
  const got = typeof value === 'number' ? `number ${value}` : typeof value;
  return new OsqueryError(
    'OSQUERY_INVALID',
    `column ${column.name} (${column.type}): expected ${expected}, got ${got}`,
  );
}
