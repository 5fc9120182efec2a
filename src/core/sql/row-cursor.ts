import { CodedError } from '../../runtime/coded-error.ts';

/**
 * A cursor over rows in TBinaryProtocol form (one `map<string,string>` after another, headers included), as they are
 * in a table's reply. Values are never copied: for each column of the current row the cursor keeps the value's place.
 */

/** Thrift's type id of string. */
const THRIFT_STRING = 11;
/** Bytes of a map without entries: key and value type, then their number. */
export const MAP_HEADER = 6;

export class MalformedRowsError extends CodedError<'malformed-rows'> {
  override readonly name = 'MalformedRowsError';
  constructor(expected: string, at: number) {
    super('malformed-rows', `malformed rows in the table's reply: expected ${expected} at byte ${at}`);
  }
}

/** Rows as they are in a reply. */
export interface EncodedRowList {
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Whether all rows are without columns, because they are only counted; then there are no bytes. */
  readonly areEmpty?: boolean | undefined;
  /** The row number where the next part of an answer begins; undefined after the last part. */
  readonly next?: number | undefined;
}

export class RowCursor {
  /** Offset of each column's value in the current row, or -1 when the row has no such column. */
  readonly offsets: Int32Array;
  /** Length in bytes of each column's value in the current row. */
  readonly lengths: Int32Array;
  /** Index of the current row. */
  row = 0;
  /** Place of the key `rowid`, if the row has one. A writable table names its rows by it. */
  rowidOffset = -1;
  rowidLength = 0;

  readonly #bytes: Uint8Array;
  readonly #count: number;
  readonly #areEmpty: boolean;
  readonly #names: readonly Uint8Array[];
  readonly #byName: ReadonlyMap<string, number>;
  /** The column that each entry of the previous row named: rows nearly always have their keys in the same order. */
  readonly #guess: number[] = [];
  /** A table may also declare `rowid` as a column. */
  readonly #rowidColumn: number;
  #at = 0;

  /** `names` are the table's columns. Of two columns with the same name, the first counts. */
  constructor(rows: EncodedRowList, names: readonly string[]) {
    this.#bytes = rows.bytes;
    this.#count = rows.count;
    this.#areEmpty = rows.areEmpty === true;
    this.#names = names.map(name => Buffer.from(name));
    const byName = new Map<string, number>();
    for (const [index, name] of names.entries()) if (!byName.has(name)) byName.set(name, index);
    this.#byName = byName;
    this.#rowidColumn = byName.get('rowid') ?? -1;
    this.offsets = new Int32Array(names.length);
    this.lengths = new Int32Array(names.length);
    if (this.#count > 0) this.#read();
  }

  get eof(): boolean {
    return this.row >= this.#count;
  }

  next(): void {
    this.row += 1;
    if (this.row < this.#count) this.#read();
  }

  #read(): void {
    const bytes = this.#bytes;
    const { offsets, lengths } = this;
    offsets.fill(-1);
    this.rowidOffset = -1;
    if (this.#areEmpty) return;
    let at = this.#at;
    const size = this.#size(at + 2);
    if (size > 0 && (bytes[at] !== THRIFT_STRING || bytes[at + 1] !== THRIFT_STRING)) {
      throw new MalformedRowsError('a map of strings', at);
    }
    at += MAP_HEADER;
    for (let entry = 0; entry < size; entry += 1) {
      const keyLength = this.#size(at);
      const key = at + 4;
      const valueLength = this.#size(key + keyLength);
      const value = key + keyLength + 4;
      at = value + valueLength;
      if (at > bytes.length) throw new MalformedRowsError(`${valueLength} bytes of a value`, value);
      const column = this.#column(entry, key, keyLength);
      if (column >= 0) {
        offsets[column] = value;
        lengths[column] = valueLength;
      } else if (column === -2) {
        this.rowidOffset = value;
        this.rowidLength = valueLength;
      }
    }
    if (this.#rowidColumn >= 0) {
      this.rowidOffset = offsets[this.#rowidColumn]!;
      this.rowidLength = lengths[this.#rowidColumn]!;
    }
    this.#at = at;
  }

  #size(at: number): number {
    const bytes = this.#bytes;
    if (at + 4 > bytes.length) throw new MalformedRowsError('a length of 4 bytes', at);
    const size = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if (size < 0) throw new MalformedRowsError('a length of at least 0', at);
    return size;
  }

  /** The column that the key names; -1 for an unknown key, -2 for `rowid`. */
  #column(entry: number, key: number, length: number): number {
    const guess = this.#guess[entry];
    if (guess !== undefined && guess >= 0 && this.#isName(this.#names[guess]!, key, length)) return guess;
    if (key + length > this.#bytes.length) throw new MalformedRowsError(`${length} bytes of a key`, key);
    const name = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + key, length).toString('latin1');
    // Column names are ASCII; any other key finds no column.
    const found = this.#byName.get(name) ?? (name === 'rowid' ? -2 : -1);
    if (entry < this.#names.length + 1) this.#guess[entry] = found;
    return found;
  }

  #isName(name: Uint8Array, key: number, length: number): boolean {
    if (name.length !== length) return false;
    const bytes = this.#bytes;
    for (let index = 0; index < length; index += 1) {
      if (bytes[key + index] !== name[index]) return false;
    }
    return true;
  }
}
