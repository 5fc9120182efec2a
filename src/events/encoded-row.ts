import type { ColumnSpec } from 'osquery-extension-ts';

/**
 * The layout of a row in a buffer, a Thrift `map<string,string>`: two type bytes, i32 number of entries, then per
 * entry i32 length and bytes of the name, i32 length and bytes of the value. A row's columns are in column order, so
 * the presence mask tells which entry is which column.
 */
export const ROW_HEADER_BYTES = 6;
const T_STRING = 11;

/**
 * The last entry of every row: its number, by which core tells rows apart. Without it core numbers the rows of each
 * answer, and takes rows in the same place of two answers for the same. A WHERE with OR, for which it asks once per
 * branch, would then lose rows and show others twice; even if a request has no constraint, because core leaves out a
 * comparison with ''.
 */
export const ROWID = 'rowid';

/** The names that the rows of a table with these columns hold. */
export const storedColumns = (columns: readonly ColumnSpec[]): readonly ColumnSpec[] => [
  ...columns,
  { name: ROWID, type: 'BIGINT' },
];

export const storedNames = (columns: readonly ColumnSpec[]): readonly string[] =>
  storedColumns(columns).map(({ name }) => name);

/** Bytes before an entry's value: the two lengths and the name. */
export const entryOverheads = (columnNames: readonly string[]): Uint32Array =>
  Uint32Array.from(columnNames, name => 8 + Buffer.byteLength(name));

/** A set of columns as two words, like a row's presence mask. */
export interface ColumnMask {
  readonly low: number;
  readonly high: number;
}

export const maskOf = (columns: Iterable<number>): ColumnMask => {
  let low = 0;
  let high = 0;
  for (const column of columns) {
    if (column < 32) low |= 1 << column;
    else high |= 1 << (column - 32);
  }
  return { low: low >>> 0, high: high >>> 0 };
};

export const isPresent = (low: number, high: number, column: number): boolean =>
  column < 32 ? ((low >>> column) & 1) === 1 : ((high >>> (column - 32)) & 1) === 1;

export const writeRowHeader = (target: Buffer, at: number, entries: number): void => {
  target[at] = T_STRING;
  target[at + 1] = T_STRING;
  target.writeInt32BE(entries, at + 2);
};

export const isRowHeader = (bytes: Buffer, at: number, entries: number): boolean =>
  bytes[at] === T_STRING && bytes[at + 1] === T_STRING && bytes.readInt32BE(at + 2) === entries;

/** Most empty rows in one piece: 64 KiB. */
const EMPTY_ROWS = 10_922;
const emptyPiece = Buffer.alloc(EMPTY_ROWS * ROW_HEADER_BYTES);
for (let at = 0; at < emptyPiece.length; at += ROW_HEADER_BYTES) writeRowHeader(emptyPiece, at, 0);

/** Rows without any column, as a count(*) needs them. They are all the same, and so is the memory of the pieces. */
export const emptyRows = (count: number): Buffer[] => {
  const pieces: Buffer[] = [];
  for (let left = count; left > 0; left -= EMPTY_ROWS) {
    const rows = Math.min(left, EMPTY_ROWS);
    pieces.push(rows === EMPTY_ROWS ? emptyPiece : emptyPiece.subarray(0, rows * ROW_HEADER_BYTES));
  }
  return pieces;
};

/** A row among others: where it starts, and which columns it has. */
export interface RowPlace extends ColumnMask {
  readonly bytes: Buffer;
  readonly start: number;
}

/** Where the value of one column is in a row, or undefined if it is absent. */
export const findValue = (
  row: RowPlace,
  column: number,
  overheads: Uint32Array,
): { readonly start: number; readonly end: number } | undefined => {
  const { low, high } = row;
  if (!isPresent(low, high, column)) return undefined;
  const { bytes } = row;
  let at = row.start + ROW_HEADER_BYTES;
  for (let c = 0; ; c++) {
    if (!isPresent(low, high, c)) continue;
    const start = at + overheads[c]!;
    const end = start + bytes.readInt32BE(start - 4);
    if (c === column) return { start, end };
    at = end;
  }
};
