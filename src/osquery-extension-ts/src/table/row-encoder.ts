import { OsqueryError, shown } from '../errors.ts';
import { ByteWriter } from '../wire/byte-writer.ts';
import { T_STRING } from '../wire/thrift-types.ts';
import type { ColumnSpec, Row } from './column.ts';
import { ROWID_DIGITS, type RowIdentity } from './row-identity.ts';

/** Type bytes (2) and number of entries (4) of a `map<string,string>`. */
export const ROW_HEADER_BYTES = 6;

/** Text up to this length is copied here, longer text by one native call, which costs about as much. */
const SHORT_TEXT = 64;

const INITIAL_BYTES = 1024;
/**
 * A longer row is forgotten: one of many megabytes must not take memory permanently, and room for long ones is made
 * each time.
 */
const KEPT_BYTES = 512 * 1024;
/** Rows from which the order of properties is learned, before it is given up. */
const MAX_LEARNED = 16;

const TEXT = 0;
const INTEGER = 1;
const DOUBLE = 2;
const BLOB = 3;
/** A signed 32-bit number: core silently cuts off others. */
const INTEGER_32 = 4;

const MAX_INT32 = 2 ** 31 - 1;
const MIN_INT32 = -(2 ** 31);
const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

/** Instead of a column's index: it is a column, but is not written. */
const LEFT_OUT = 0xffff_ffff;

/** Instead of a text. */
const NO_TEXT = Symbol('no text');

/**
 * Encodes rows of one table into wire format. Hot: it runs once for every event, and consecutive rows are similar. So
 * the last row is kept encoded, and only the differences of the next one are written.
 */
export interface RowEncoder<Columns extends readonly ColumnSpec[]> {
  /**
   * Appends one row to `out`. Fastest for plain objects with the same properties in the same order; for those,
   * non-enumerable properties are ignored.
   *
   * @returns bytes appended
   * @throws OsqueryError OSQUERY_INVALID for a value that its column cannot hold; then `out` is unchanged
   */
  append(row: Row<Columns>, out: ByteWriter): number;
  /** Which of columns 0 to 31 the last appended row has: bit i for column i, as an unsigned 32-bit number. */
  readonly presentLow: number;
  /** The same for columns 32 to 63; bit 31 stands for all from the 64th on. */
  readonly presentHigh: number;
}

/** Options of an encoder. */
export interface RowEncoderOptions {
  /**
   * The table's name, for errors. With it, rows are checked for authors without a compiler: a value that is not a
   * row, a name that is not a column, or a number that core would cut off, is an error.
   */
  readonly table?: string;
  /** Columns that are written. Default: all. */
  readonly only?: ReadonlySet<string>;
}

/** Makes the encoder for a table's columns. */
export function createRowEncoder<const Columns extends readonly ColumnSpec[]>(
  columns: Columns,
  options: RowEncoderOptions = {},
): RowEncoder<Columns> {
  return new TableRowEncoder(columns, options);
}

export class TableRowEncoder<Columns extends readonly ColumnSpec[]> implements RowEncoder<Columns> {
  /** Columns that are written. */
  readonly #columns: readonly ColumnSpec[];
  readonly #table: string | undefined;
  readonly #kinds: Uint8Array;
  /** Each column's name in wire format, length and bytes. */
  readonly #names: readonly Buffer[];
  /** Bytes of a column's entry besides its value. */
  readonly #overheads: Uint32Array;
  readonly #columnOf: ReadonlyMap<string, number>;
  /** The last encoded row. */
  #bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  /** The same memory. */
  #words = wordsOf(this.#bytes);
  /** Where each column's entry begins in it; one more for the end. An absent column has an empty entry. */
  readonly #places: Uint32Array;
  /** Its numbers that are not text; NaN for everything else. */
  readonly #numbers: Float64Array;
  /** Its texts: undefined for an absent column, NO_TEXT for everything else. */
  readonly #texts: unknown[];
  /** Names of the properties of rows, in order, and their columns; all other columns are absent then. */
  #order: readonly string[] | undefined;
  #orderColumns = new Uint32Array(0);
  #learned: number;
  /** Whether the row's columns differ from `presentLow` and `presentHigh`. */
  #isOther = true;
  presentLow = 0;
  presentHigh = 0;

  constructor(columns: Columns, { table, only }: RowEncoderOptions) {
    const written = columns.filter(({ name }) => only?.has(name) ?? true);
    this.#columns = written;
    this.#table = table;
    this.#kinds = Uint8Array.from(written, column => kindOf(column, table !== undefined));
    this.#names = written.map(wireName);
    this.#overheads = Uint32Array.from(this.#names, name => name.length + 4);
    this.#columnOf = new Map([
      ...columns.map(({ name }) => [name, LEFT_OUT] as const),
      ...written.map(({ name }, index) => [name, index] as const),
    ]);
    // A name that stands for two columns has no place of its own.
    this.#learned = this.#columnOf.size === columns.length ? 0 : MAX_LEARNED;
    this.#places = new Uint32Array(written.length + 1).fill(ROW_HEADER_BYTES);
    this.#numbers = new Float64Array(written.length).fill(Number.NaN);
    this.#texts = new Array<unknown>(written.length).fill(undefined);
  }

  append(row: Row<Columns>, out: ByteWriter): number {
    if (this.#table !== undefined) this.#checkRow(row);
    if (!this.#takeInOrder(row)) this.#takeByName(row);
    return this.#copyTo(out);
  }

  /**
   * Like {@link append}; a row without a value in the last column gets its number there, derived from its content.
   *
   * @returns bytes appended
   */
  appendNumbered(row: Row<Columns>, out: ByteWriter, identity: RowIdentity): number {
    if (this.#table !== undefined) this.#checkRow(row);
    if (!this.#takeInOrder(row)) this.#takeByName(row);
    const last = this.#columns.length - 1;
    if (this.#texts[last] !== undefined) return this.#copyTo(out);
    const at = this.#room(last, ROWID_DIGITS);
    identity.write(this.#bytes, this.#words, this.#places[last]!, at);
    return this.#copyTo(out);
  }

  #copyTo(out: ByteWriter): number {
    if (this.#isOther) this.#countColumns();
    const length = this.#end;
    out.reserve(length);
    this.#bytes.copy(out.bytes, out.length, 0, length);
    out.length += length;
    if (this.#bytes.length > KEPT_BYTES) this.#forget();
    return length;
  }

  get #end(): number {
    return this.#places[this.#columns.length]!;
  }

  /**
   * Takes a row with the same properties in the same order as the previous one, so that no name has to be looked up.
   */
  #takeInOrder(row: object): boolean {
    const order = this.#order;
    if (order === undefined || Object.getPrototypeOf(row) !== Object.prototype) return false;
    const columns = this.#orderColumns;
    const numbers = this.#numbers;
    const texts = this.#texts;
    let taken = 0;
    for (const key in row) {
      if (key !== order[taken]) return false;
      const column = columns[taken++]!;
      if (column === LEFT_OUT) continue;
      const value = (row as Readonly<Record<string, unknown>>)[key];
      if (typeof value === 'number' ? value !== numbers[column] : value !== texts[column]) {
        this.#take(column, value);
      }
    }
    return taken === order.length;
  }

  #takeByName(row: object): void {
    this.#order = undefined;
    if (this.#table !== undefined) this.#checkNames(row);
    const values = row as Readonly<Record<string, unknown>>;
    for (let column = 0; column < this.#columns.length; column++) {
      this.#take(column, values[this.#columns[column]!.name]);
    }
    if (this.#learned >= MAX_LEARNED || Object.getPrototypeOf(row) !== Object.prototype) return;
    this.#learned++;
    const names = Object.getOwnPropertyNames(row);
    const columns = names.map(name => this.#columnOf.get(name));
    if (columns.some(column => column === undefined) || names.length !== Object.keys(row).length) return;
    this.#order = names;
    this.#orderColumns = Uint32Array.from(columns as number[]);
  }

  #checkRow(row: unknown): void {
    if (typeof row === 'object' && row !== null && !Array.isArray(row) && !(row instanceof Map)) return;
    const hint = Array.isArray(row) ? '; a list of [name, value] pairs, such as a Map, is none' : '';
    throw this.#noRow(row, hint);
  }

  #noRow(row: unknown, hint: string): OsqueryError {
    const names = [...this.#columnOf.keys()].join(', ');
    return this.#invalid(`expected a row, an object with any of ${names}, got ${shown(row)}${hint}`);
  }

  #checkNames(row: object): void {
    const own = Object.keys(row);
    // An instance of a class may have its columns as accessors; a promise or a Set has none.
    if (own.length === 0 && isOfClass(row) && ![...this.#columnOf.keys()].some(name => name in row)) {
      throw this.#noRow(row, row instanceof Promise ? '; await it, or Promise.all of a list' : '');
    }
    for (const name of own) {
      if (this.#columnOf.has(name)) continue;
      const names = [...this.#columnOf.keys()].join(', ');
      throw this.#invalid(
        `a row has ${shown(name)}, which is not a column; expected any of ${names} (pickColumns leaves out others)`,
      );
    }
  }

  #invalid(what: string): OsqueryError {
    const where = this.#table === undefined ? '' : `table ${this.#table}: `;
    return new OsqueryError('OSQUERY_INVALID', where + what);
  }

  #invalidValue(column: ColumnSpec, value: unknown, expected: string): OsqueryError {
    const got = typeof value === 'string' ? `the text ${shown(value)}` : shown(value);
    return this.#invalid(`column ${column.name} (${column.type}): expected ${expected}, got ${got}`);
  }

  /** Sets a column of the row. */
  #take(column: number, value: unknown): void {
    const isAbsent =
      value === undefined || value === null || (Number.isNaN(value) && this.#kinds[column] === DOUBLE);
    // SQL has no not-a-number; SQLite itself makes it NULL.
    if (isAbsent) this.#remove(column);
    else this.#put(column, value);
    this.#numbers[column] = typeof value === 'number' ? value : Number.NaN;
    this.#texts[column] = isAbsent ? undefined : typeof value === 'string' ? value : NO_TEXT;
  }

  #put(column: number, value: unknown): void {
    const kind = this.#kinds[column]!;
    if (kind === INTEGER) {
      if (isSmall(value)) this.#putSmall(column, value as number);
      else this.#putAscii(column, this.#integerText(this.#columns[column]!, value));
    } else if (kind === INTEGER_32) {
      if (isSmall(value) && (value as number) <= MAX_INT32) this.#putSmall(column, value as number);
      else this.#putAscii(column, this.#integerText(this.#columns[column]!, value));
    } else if (kind === DOUBLE) {
      if (typeof value !== 'number') throw this.#invalidValue(this.#columns[column]!, value, 'a number');
      this.#putAscii(column, String(value));
    } else if (typeof value === 'string') {
      this.#putText(column, value);
    } else if (kind === BLOB && value instanceof Uint8Array) {
      const at = this.#room(column, value.length);
      this.#bytes.set(value, at);
    } else {
      const expected = kind === TEXT ? 'a string' : 'a Uint8Array or a string';
      throw this.#invalidValue(this.#columns[column]!, value, expected);
    }
  }

  #integerText(column: ColumnSpec, value: unknown): string {
    if (typeof value === 'boolean') return value ? '1' : '0';
    if (typeof value !== 'number' && typeof value !== 'bigint') {
      throw this.#invalidValue(column, value, 'a number, bigint or boolean');
    }
    if (typeof value === 'number' && !Number.isInteger(value)) {
      throw this.#invalidValue(column, value, 'a whole number');
    }
    if (this.#table !== undefined) this.#checkRange(column, value);
    // Beyond 2^53 through BigInt, because String(1e21) would be "1e+21".
    return Number.isSafeInteger(value) ? String(value) : String(BigInt(value));
  }

  /** Core reads INTEGER into 32 signed bits and the others into 64; larger numbers become something else, or NULL. */
  #checkRange(column: ColumnSpec, value: number | bigint): void {
    if (column.type === 'INTEGER') {
      if (value >= MIN_INT32 && value <= MAX_INT32) return;
      throw this.#invalidValue(column, value, 'a number of 32 bits with a sign (BIGINT has 64)');
    }
    if (value >= MIN_INT64 && value <= MAX_INT64) return;
    throw this.#invalidValue(column, value, 'a number of 64 bits with a sign, which is what core can read');
  }

  #putText(column: number, value: string): void {
    const { length } = value;
    if (length <= SHORT_TEXT) {
      const at = this.#room(column, length);
      const bytes = this.#bytes;
      let i = 0;
      for (; i < length; i += 1) {
        const unit = value.charCodeAt(i);
        if (unit > 0x7f) break;
        bytes[at + i] = unit;
      }
      if (i === length) return;
    }
    // Half a surrogate pair becomes U+FFFD here, as in every conversion of Node to UTF-8.
    const written = Buffer.byteLength(value);
    const at = this.#room(column, written);
    this.#bytes.write(value, at, written);
  }

  #putAscii(column: number, value: string): void {
    const at = this.#room(column, value.length);
    for (let i = 0; i < value.length; i += 1) this.#bytes[at + i] = value.charCodeAt(i);
  }

  /** A whole number from 0 to 2^32 - 1 in decimal, without making a string of it. */
  #putSmall(column: number, value: number): void {
    let rest = value >>> 0;
    let digits = 1;
    for (let limit = 10; digits < 10 && rest >= limit; limit *= 10) digits += 1;
    const at = this.#room(column, digits);
    const bytes = this.#bytes;
    for (let i = at + digits - 1; i >= at; i -= 1) {
      const next = (rest / 10) >>> 0;
      bytes[i] = 48 + rest - next * 10;
      rest = next;
    }
  }

  /**
   * Makes room for a column's value of some length.
   *
   * @returns where to write it
   */
  #room(column: number, length: number): number {
    const start = this.#places[column]!;
    const before = this.#places[column + 1]! - start;
    const after = this.#overheads[column]! + length;
    const at = start + after - length;
    if (before === after) return at;
    this.#resize(column, after);
    if (before === 0) {
      this.#names[column]!.copy(this.#bytes, start);
      this.#isOther = true;
    }
    writeLength(length, this.#bytes, at - 4);
    return at;
  }

  #remove(column: number): void {
    if (this.#places[column] === this.#places[column + 1]) return;
    this.#resize(column, 0);
    this.#isOther = true;
  }

  /** Resizes a column's entry, and moves what is behind it. */
  #resize(column: number, size: number): void {
    const places = this.#places;
    const start = places[column]!;
    const next = places[column + 1]!;
    const end = this.#end;
    const more = start + size - next;
    if (end + more > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(end + more, 2 * this.#bytes.length));
      this.#bytes.copy(grown, 0, 0, end);
      this.#bytes = grown;
      this.#words = wordsOf(grown);
    }
    this.#bytes.copyWithin(start + size, next, end);
    for (let i = column + 1; i < places.length; i += 1) places[i]! += more;
  }

  /** Writes the row's header, and determines its columns. */
  #countColumns(): void {
    let low = 0;
    let high = 0;
    let count = 0;
    for (let column = 0; column < this.#columns.length; column += 1) {
      if (this.#places[column] === this.#places[column + 1]) continue;
      count += 1;
      if (column < 32) low |= 1 << column;
      else high |= 1 << Math.min(column - 32, 31);
    }
    this.#bytes[0] = T_STRING;
    this.#bytes[1] = T_STRING;
    writeLength(count, this.#bytes, 2);
    this.presentLow = low >>> 0;
    this.presentHigh = high >>> 0;
    this.#isOther = false;
  }

  #forget(): void {
    this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.#words = wordsOf(this.#bytes);
    this.#places.fill(ROW_HEADER_BYTES);
    this.#numbers.fill(Number.NaN);
    this.#texts.fill(undefined);
    this.#isOther = true;
  }
}

/** Whether a value is a whole number from 0 to 2^32 - 1; -0 too, which is written as 0. */
function isOfClass(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype !== Object.prototype && prototype !== null;
}

function isSmall(value: unknown): boolean {
  return typeof value === 'number' && value >>> 0 === value;
}

function writeLength(value: number, bytes: Buffer, at: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function kindOf(column: ColumnSpec, isChecked: boolean): number {
  switch (column.type) {
    case 'TEXT':
      return TEXT;
    case 'BLOB':
      return BLOB;
    case 'DOUBLE':
      return DOUBLE;
    case 'INTEGER':
      return isChecked ? INTEGER_32 : INTEGER;
    default:
      return INTEGER;
  }
}

/** A separate buffer as words, only whole ones. */
function wordsOf({ buffer, length }: Buffer): Int32Array {
  return new Int32Array(buffer, 0, length >>> 2);
}

function wireName(column: ColumnSpec): Buffer {
  const writer = new ByteWriter(64);
  writer.string(column.name);
  return writer.take();
}
