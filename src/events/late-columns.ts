import { ROW_HEADER_BYTES } from './encoded-row.ts';

/** One value of a row, encoded as an entry of its `map<string,string>`. */
export interface ExtraEntry {
  readonly column: number;
  readonly bytes: Buffer;
}

/** The late values of one row, in the order of the extra columns; null where the row's own value counts, or NULL. */
export type LateRow = readonly [eid: number, values: readonly (string | null)[]];

/** In the order of the extra columns; undefined where the row's own value counts, or NULL. */
export type LateRowValues = readonly (string | undefined)[] | undefined;

/** Most UTF-8 bytes for one unit of UTF-16. */
const MOST_BYTES_PER_UNIT = 3;

/** Rows whose values are kept in one array, so that the garbage collector does not have to move one array per row. */
const PAGE_ROWS = 64;

/**
 * Values that become known after their rows, stored beside them by row number. A late value replaces the row's own.
 * Values are encoded on demand: most are never asked for.
 */
export class LateColumns {
  readonly #columns: readonly { readonly index: number; readonly name: Buffer }[];
  readonly #names: readonly string[];
  /** By `eid / PAGE_ROWS`: the values of one row after the other. */
  readonly #pages = new Map<number, (string | undefined)[]>();
  /** Values of the last few rows of a page whose other rows are gone. */
  readonly #single = new Map<number, readonly (string | undefined)[]>();
  /** Rows below this number have no values any more. */
  #from = 0;
  /** Rows that got values since the last search for dropped rows. */
  #sinceSweep = 0;
  /** Rows with new values since the last `takeChanges`; undefined while nobody asks. */
  #changed: number[] | undefined;

  /**
   * @param columnNames all columns of the table
   * @param extraNames those of them that may have late values; names that the table does not have are ignored
   */
  constructor(columnNames: readonly string[], extraNames: readonly string[]) {
    this.#names = extraNames;
    this.#columns = extraNames.map(name => ({ index: columnNames.indexOf(name), name: Buffer.from(name) }));
  }

  /** Whether a column may have late values. */
  has(column: number): boolean {
    return this.#columns.some(({ index }) => index === column);
  }

  /**
   * @param values in the order of the extra columns; they are copied. undefined where the row's own value counts, or
   * NULL
   * @param first the place of the first column; known values of other columns stay
   */
  set(eid: number, values: readonly (string | undefined)[], first = 0): void {
    if (eid < this.#from || !values.some(isKnown)) return;
    const width = this.#names.length;
    const number = Math.floor(eid / PAGE_ROWS);
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = new Array<string | undefined>(PAGE_ROWS * width);
      this.#pages.set(number, page);
    }
    const start = (eid - number * PAGE_ROWS) * width;
    const single = this.#single.get(eid);
    if (single !== undefined) {
      for (let i = 0; i < width; i++) page[start + i] = single[i];
      this.#single.delete(eid);
    }
    for (let i = 0; i < values.length; i++) page[start + first + i] = values[i];
    this.#sinceSweep++;
    this.#changed?.push(eid);
  }

  /** The extra columns, in the order of the values. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** Takes saved values, under the names that they had. */
  restore(names: readonly string[], saved: readonly LateRow[]): void {
    const places = this.#names.map(name => names.indexOf(name));
    for (const [eid, values] of saved) {
      this.set(
        eid,
        places.map(place => values[place] ?? undefined),
      );
    }
  }

  /** The values that came since the last call; the first call returns none. */
  takeChanges(): LateRow[] {
    const changed = new Set(this.#changed?.filter(eid => eid >= this.#from));
    this.#changed = [];
    return Array.from(
      changed,
      eid => [eid, Array.from(this.valuesOf(eid) ?? [], value => value ?? null)] as const,
    );
  }

  /** The values of all rows. */
  all(): LateRow[] {
    const all: LateRow[] = [];
    for (const number of this.#pages.keys()) {
      for (let eid = number * PAGE_ROWS; eid < (number + 1) * PAGE_ROWS; eid++) {
        const values = this.valuesOf(eid);
        if (values !== undefined) all.push(lateRow(eid, values));
      }
    }
    for (const [eid, values] of this.#single) if (eid >= this.#from) all.push(lateRow(eid, values));
    return all;
  }

  find(eid: number): readonly ExtraEntry[] {
    return this.encode(this.valuesOf(eid));
  }

  /** The present values, for `encode` later. */
  valuesOf(eid: number): LateRowValues {
    if (eid < this.#from) return undefined;
    const width = this.#names.length;
    const number = Math.floor(eid / PAGE_ROWS);
    const start = (eid - number * PAGE_ROWS) * width;
    const values = this.#pages.get(number)?.slice(start, start + width);
    return values?.some(isKnown) ? values : this.#single.get(eid);
  }

  /** Most bytes that they can take in a row. */
  mostBytes(values: NonNullable<LateRowValues>): number {
    let most = 0;
    for (let position = 0; position < this.#columns.length; position++) {
      const value = values[position];
      if (value !== undefined)
        most += 8 + this.#columns[position]!.name.length + MOST_BYTES_PER_UNIT * value.length;
    }
    return most;
  }

  encode(values: LateRowValues): readonly ExtraEntry[] {
    if (values === undefined) return NO_ENTRIES;
    const entries: ExtraEntry[] = [];
    this.#columns.forEach(({ index, name }, position) => {
      const value = values[position];
      if (value !== undefined && index >= 0) entries.push({ column: index, bytes: encodeEntry(name, value) });
    });
    return entries;
  }

  /** Forgets the values of dropped rows. Pages were begun in about the order of their numbers. */
  dropBelow(eid: number): void {
    this.#from = Math.max(this.#from, eid);
    for (const number of this.#pages.keys()) {
      if ((number + 1) * PAGE_ROWS > eid) return;
      this.#pages.delete(number);
    }
  }

  /**
   * Forgets the values of all dropped rows. Frequent calls are cheap: a full scan happens only after as many new
   * values came as exist.
   */
  dropGone(rows: RowsThere): void {
    this.dropBelow(rows.range.from);
    if (this.#sinceSweep < rows.rowCount + SWEEP_ROWS) return;
    this.#sinceSweep = 0;
    for (const eid of this.#single.keys()) if (!rows.has(eid)) this.#single.delete(eid);
    const width = this.#names.length;
    for (const [number, page] of this.#pages) {
      let left = 0;
      for (let i = 0; i < PAGE_ROWS; i++) {
        const start = i * width;
        if (rows.has(number * PAGE_ROWS + i)) left++;
        else page.fill(undefined, start, start + width);
      }
      // Rows that are still to come keep their page; one or two remaining rows of many do not.
      const isOpen = (number + 1) * PAGE_ROWS > rows.range.to;
      if (!isOpen && left <= SINGLE_ROWS) this.#breakUp(number, page);
    }
  }

  #breakUp(number: number, page: readonly (string | undefined)[]): void {
    this.#pages.delete(number);
    const width = this.#names.length;
    for (let i = 0; i < PAGE_ROWS; i++) {
      const values = page.slice(i * width, (i + 1) * width);
      if (values.some(isKnown)) this.#single.set(number * PAGE_ROWS + i, values);
    }
  }
}

/** Rows with new values, besides as many as exist, between two searches for dropped rows. */
const SWEEP_ROWS = 4096;
/** Rows left of a page when it is broken up. */
const SINGLE_ROWS = 8;

/** The part of a buffer that is needed here. */
export interface RowsThere {
  readonly range: { readonly from: number; readonly to: number };
  readonly rowCount: number;
  has(eid: number): boolean;
}

const lateRow = (eid: number, values: readonly (string | undefined)[]): LateRow => [
  eid,
  Array.from(values, value => value ?? null),
];

const isKnown = (value: string | undefined): boolean => value !== undefined;

const NO_ENTRIES: readonly ExtraEntry[] = [];

/** A value as an entry of a row. */
export const encodeEntry = (name: Buffer, value: string): Buffer => {
  const valueBytes = Buffer.byteLength(value);
  const bytes = Buffer.allocUnsafe(8 + name.length + valueBytes);
  bytes.writeInt32BE(name.length, 0);
  name.copy(bytes, 4);
  bytes.writeInt32BE(valueBytes, 4 + name.length);
  bytes.write(value, 8 + name.length);
  return bytes;
};

/** Most bytes that entries add to a row. */
export const entriesLength = (entries: readonly ExtraEntry[]): number =>
  entries.reduce((sum, { bytes }) => sum + bytes.length, ROW_HEADER_BYTES);
