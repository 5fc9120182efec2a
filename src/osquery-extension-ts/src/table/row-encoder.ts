import { OsqueryError } from '../errors.ts';
import { ByteWriter } from '../wire/byte-writer.ts';
import { T_STRING } from '../wire/thrift-types.ts';
import type { ColumnSpec, Row } from './column.ts';

/** Type bytes (2) and number of entries (4) of a `map<string,string>`. */
export const ROW_HEADER_BYTES = 6;

/** Text up to this length is copied here, longer text by one call into native code: the call costs about as much. */
const SHORT_TEXT = 64;

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
  /** Each column's name as it goes on the wire, length and bytes: how long that is, … */
  readonly #nameBytes: Uint32Array;
  /** … and what, in words of four bytes, the last one filled up with zeros: writing words is four times faster. */
  readonly #nameWords: Uint32Array;
  /** Where in it each column's words begin; one more at the end. */
  readonly #nameStarts: Uint32Array;
  /** Room for everything but texts and blobs. */
  readonly #fixedBytes: number;
  presentLow = 0;
  presentHigh = 0;

  constructor(columns: Columns) {
    this.#columns = columns;
    this.#keys = columns.map(column => column.name);
    this.#kinds = Uint8Array.from(columns, kindOf);
    const names = columns.map(wireName);
    this.#nameBytes = Uint32Array.from(names, name => name.length);
    this.#nameWords = Uint32Array.from(names.flatMap(wordsOf));
    let start = 0;
    this.#nameStarts = Uint32Array.of(
      0,
      ...names.map(name => {
        start += wordsOf(name).length;
        return start;
      }),
    );
    this.#fixedBytes = names.reduce((sum, name) => sum + name.length + 4 + NUMBER_BYTES, ROW_HEADER_BYTES);
  }

  append(row: Row<Columns>, out: ByteWriter): number {
    const keys = this.#keys;
    const kinds = this.#kinds;
    const nameBytes = this.#nameBytes;
    const nameWords = this.#nameWords;
    const nameStarts = this.#nameStarts;
    const values = row as Readonly<Record<string, unknown>>;
    const start = out.length;
    // What is reserved beyond `at`: `fixedLeft` for the columns to come, and then each text asks for its own.
    const fixed = this.#fixedBytes;
    out.reserve(fixed);
    let { bytes, view } = out;
    let at = start + ROW_HEADER_BYTES;
    let low = 0;
    let high = 0;
    let count = 0;
    for (let index = 0; index < keys.length; index += 1) {
      const value = values[keys[index]!];
      if (value === undefined || value === null) continue;
      const kind = kinds[index]!;
      let text = '';
      let room = 0;
      if (kind === INTEGER) {
        if (!isSmall(value)) {
          text = integerText(this.#columns[index]!, value);
          if (text.length > NUMBER_BYTES) room = text.length;
        }
      } else if (typeof value === 'string' && kind !== DOUBLE) {
        // A UTF-16 unit takes at most three bytes of UTF-8.
        room = value.length * 3;
      } else if (kind === DOUBLE) {
        if (typeof value !== 'number') throw invalid(this.#columns[index]!, value, 'a number');
        // SQL has no not-a-number; SQLite itself makes it NULL.
        if (Number.isNaN(value)) continue;
        text = String(value);
      } else if (kind === BLOB && value instanceof Uint8Array) {
        room = value.length;
      } else {
        const expected = kind === TEXT ? 'a string' : 'a Uint8Array or a string';
        throw invalid(this.#columns[index]!, value, expected);
      }
      if (at + room + fixed > bytes.length) {
        out.length = at;
        out.reserve(room + fixed);
        ({ bytes, view } = out);
        out.length = start;
      }

      // The last word may reach up to three bytes too far: the value is written over them.
      const lastWord = nameStarts[index + 1]!;
      for (let word = nameStarts[index]!, to = at; word < lastWord; word += 1, to += 4) {
        view.setUint32(to, nameWords[word]!, true);
      }
      at += nameBytes[index]!;
      if (text !== '') at = writeAscii(text, bytes, at);
      else if (kind === INTEGER) at = writeSmall(value as number, bytes, at);
      else if (typeof value === 'string') at = writeText(value, bytes, at);
      else at = writeBlob(value as Uint8Array, bytes, at);

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

/** Whether a value is a whole number from 0 to 2^32 - 1; -0 too, which is written as 0. */
function isSmall(value: unknown): boolean {
  return typeof value === 'number' && value >>> 0 === value;
}

/** A whole number from 0 to 2^32 - 1 in decimal, without making a string of it. */
function writeSmall(value: number, bytes: Buffer, at: number): number {
  let rest = value >>> 0;
  let digits = 1;
  for (let limit = 10; digits < 10 && rest >= limit; limit *= 10) digits += 1;
  const end = at + 4 + digits;
  for (let i = end - 1; i >= at + 4; i -= 1) {
    const next = (rest / 10) >>> 0;
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

/** Bytes as words in little-endian order, the last one filled up with zeros. */
function wordsOf(bytes: Buffer): number[] {
  const padded = Buffer.alloc(Math.ceil(bytes.length / 4) * 4);
  bytes.copy(padded);
  return Array.from({ length: padded.length / 4 }, (_, i) => padded.readUInt32LE(i * 4));
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
