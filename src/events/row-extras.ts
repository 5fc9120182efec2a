import { ROW_HEADER_BYTES } from './encoded-row.ts';

/** One value of a row, encoded as an entry of its `map<string,string>`. */
export interface ExtraEntry {
  readonly column: number;
  readonly bytes: Buffer;
}

/**
 * Values that are known later than their rows, and only if somebody asks: kept beside the rows, by their number. Their
 * columns are the last of the table.
 */
export class RowExtras {
  /** Index of the first of the columns. */
  readonly firstColumn: number;
  readonly #names: readonly Buffer[];
  readonly #entries = new Map<number, readonly ExtraEntry[]>();

  /** @param columnNames all columns of the table; the extra ones from `firstColumn` on */
  constructor(columnNames: readonly string[], firstColumn: number) {
    this.firstColumn = firstColumn;
    this.#names = columnNames.map(name => Buffer.from(name));
  }

  /** @param values by column, in the order of the extra columns; undefined for NULL */
  set(eid: number, values: readonly (string | undefined)[]): void {
    const entries: ExtraEntry[] = [];
    values.forEach((value, index) => {
      const column = this.firstColumn + index;
      if (value !== undefined) entries.push({ column, bytes: encodeEntry(this.#names[column]!, value) });
    });
    this.#entries.set(eid, entries);
  }

  find(eid: number): readonly ExtraEntry[] {
    return this.#entries.get(eid) ?? [];
  }

  /** Forgets the values of rows that are gone. They were set in about the order of their numbers. */
  dropBelow(eid: number): void {
    for (const known of this.#entries.keys()) {
      if (known >= eid) return;
      this.#entries.delete(known);
    }
  }
}

const encodeEntry = (name: Buffer, value: string): Buffer => {
  const valueBytes = Buffer.byteLength(value);
  const bytes = Buffer.allocUnsafe(8 + name.length + valueBytes);
  bytes.writeInt32BE(name.length, 0);
  name.copy(bytes, 4);
  bytes.writeInt32BE(valueBytes, 4 + name.length);
  bytes.write(value, 8 + name.length);
  return bytes;
};

/** Bytes that entries add to a row, at most. */
export const entriesLength = (entries: readonly ExtraEntry[]): number =>
  entries.reduce((sum, { bytes }) => sum + bytes.length, ROW_HEADER_BYTES);
