import { OsqueryError } from '../errors.ts';
import { ByteWriter } from '../wire/byte-writer.ts';
import { T_STRING } from '../wire/thrift-types.ts';
import type { ColumnSpec, Row } from './column.ts';

/** Type bytes (2) and number of entries (4) of a `map<string,string>`. */
export const ROW_HEADER_BYTES = 6;

/** Text shorter than this is copied here, longer text by one call into native code: the call costs about as much. */
const SHORT_TEXT = 48;

/** Decimal digits of 2^64 and a sign. */
const MAX_INTEGER_BYTES = 21;

/**
 * Encodes rows of one table as they go on the wire. Hot: it runs once for every event, so what does not depend on
 * the row is made beforehand and no object is made per row.
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

/** A column's name as it goes on the wire: length and bytes. */
export function encodedColumnName(column: ColumnSpec): Buffer {
  const writer = new ByteWriter(64);
  writer.string(column.name);
  return writer.take();
}

class Encoder<Columns extends readonly ColumnSpec[]> implements RowEncoder<Columns> {
  readonly #columns: readonly ColumnSpec[];
  readonly #names: readonly Buffer[];
  presentLow = 0;
  presentHigh = 0;

  constructor(columns: Columns) {
    this.#columns = columns;
    this.#names = columns.map(encodedColumnName);
  }

  append(row: Row<Columns>, out: ByteWriter): number {
    const start = out.length;
    out.reserve(ROW_HEADER_BYTES);
    out.length += ROW_HEADER_BYTES;
    let low = 0;
    let high = 0;
    let count = 0;
    try {
      for (let index = 0; index < this.#columns.length; index += 1) {
        const column = this.#columns[index]!;
        const value = (row as Readonly<Record<string, unknown>>)[column.name];
        if (value === undefined || value === null) continue;
        if (!this.#entry(index, column, value, out)) continue;
        count += 1;
        if (index < 32) low |= 1 << index;
        else high |= 1 << Math.min(index - 32, 31);
      }
    } catch (error) {
      out.length = start;
      throw error;
    }
    const { bytes } = out;
    bytes[start] = T_STRING;
    bytes[start + 1] = T_STRING;
    bytes.writeInt32BE(count, start + 2);
    this.presentLow = low >>> 0;
    this.presentHigh = high >>> 0;
    return out.length - start;
  }

  /** Appends name and value; false when the value is as good as NULL. */
  #entry(index: number, column: ColumnSpec, value: unknown, out: ByteWriter): boolean {
    const name = this.#names[index]!;
    switch (column.type) {
      case 'TEXT':
        if (typeof value !== 'string') throw invalid(column, value, 'a string');
        out.reserve(name.length + 4 + value.length * 3);
        appendName(name, out);
        appendText(value, out);
        return true;
      case 'BLOB':
        if (typeof value === 'string') {
          out.reserve(name.length + 4 + value.length * 3);
          appendName(name, out);
          appendText(value, out);
          return true;
        }
        if (!(value instanceof Uint8Array)) throw invalid(column, value, 'a Uint8Array or a string');
        out.reserve(name.length + 4 + value.length);
        appendName(name, out);
        out.i32(value.length);
        out.raw(value);
        return true;
      case 'DOUBLE':
        if (typeof value !== 'number') throw invalid(column, value, 'a number');
        // SQL has no not-a-number; SQLite itself makes it NULL.
        if (Number.isNaN(value)) return false;
        out.reserve(name.length + 32);
        appendName(name, out);
        appendAscii(String(value), out);
        return true;
      default:
        out.reserve(name.length + 4 + MAX_INTEGER_BYTES);
        if (typeof value === 'number' && value >= 0 && value <= 0x7fffffff && (value | 0) === value) {
          appendName(name, out);
          appendSmallInteger(value, out);
          return true;
        }
        {
          const text = integerText(column, value);
          out.reserve(name.length + 4 + text.length);
          appendName(name, out);
          appendAscii(text, out);
        }
        return true;
    }
  }
}

// The append functions write without asking for room: the caller has reserved it.

function appendName(name: Buffer, out: ByteWriter): void {
  const { bytes, length } = out;
  // A loop: names are short, and a call of Buffer#copy costs more than it copies.
  for (let i = 0; i < name.length; i += 1) bytes[length + i] = name[i]!;
  out.length = length + name.length;
}

function appendText(value: string, out: ByteWriter): void {
  const { bytes } = out;
  const start = out.length + 4;
  const { length } = value;
  if (length <= SHORT_TEXT) {
    let i = 0;
    for (; i < length; i += 1) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) break;
      bytes[start + i] = unit;
    }
    if (i === length) {
      appendLength(length, out);
      out.length = start + length;
      return;
    }
  }
  // Half a surrogate pair becomes U+FFFD here, as in every conversion of Node to UTF-8.
  const written = bytes.write(value, start);
  appendLength(written, out);
  out.length = start + written;
}

function appendAscii(value: string, out: ByteWriter): void {
  const { bytes } = out;
  const start = out.length + 4;
  for (let i = 0; i < value.length; i += 1) bytes[start + i] = value.charCodeAt(i);
  appendLength(value.length, out);
  out.length = start + value.length;
}

/** A whole number from 0 to 2^31 - 1 in decimal, without making a string of it. */
function appendSmallInteger(value: number, out: ByteWriter): void {
  let digits = 1;
  for (let limit = 10; digits < 10 && value >= limit; limit *= 10) digits += 1;
  const { bytes } = out;
  const start = out.length + 4;
  let rest = value;
  for (let i = start + digits - 1; i >= start; i -= 1) {
    const next = (rest / 10) | 0;
    bytes[i] = 48 + rest - next * 10;
    rest = next;
  }
  appendLength(digits, out);
  out.length = start + digits;
}

/** Writes a length at the end of what is there, without moving the end. */
function appendLength(value: number, out: ByteWriter): void {
  const { bytes, length } = out;
  bytes[length] = value >>> 24;
  bytes[length + 1] = value >>> 16;
  bytes[length + 2] = value >>> 8;
  bytes[length + 3] = value;
}

function integerText(column: ColumnSpec, value: unknown): string {
  switch (typeof value) {
    case 'bigint':
      return String(value);
    case 'boolean':
      return value ? '1' : '0';
    case 'number':
      // Through BigInt: String(1e21) would be "1e+21", and String(-0) is "0" as it should be.
      if (Number.isInteger(value)) return Number.isSafeInteger(value) ? String(value) : String(BigInt(value));
      throw invalid(column, value, 'a whole number');
    default:
      throw invalid(column, value, 'a number, bigint or boolean');
  }
}

function invalid(column: ColumnSpec, value: unknown, expected: string): OsqueryError {
  const got = typeof value === 'number' ? String(value) : typeof value;
  return new OsqueryError(
    'OSQUERY_INVALID',
    `column ${column.name} (${column.type}): expected ${expected}, got ${got}`,
  );
}
