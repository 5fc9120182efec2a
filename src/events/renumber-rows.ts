import { entryOverheads, findValue, ROWID, type RowPlace } from './encoded-row.ts';
import type { StoredBatch } from './row-batch.ts';
import { eidText } from './row-batch-writer.ts';

/** Columns that contain a row's number. */
const NUMBERED: readonly { readonly name: string; readonly text: (number: number) => string }[] = [
  { name: 'eid', text: eidText },
  { name: ROWID, text: String },
];

interface NumberedColumn {
  readonly index: number;
  readonly text: (number: number) => string;
}

/**
 * The same rows with other numbers, to be appended to the rows of another buffer.
 *
 * @param columnNames what the rows hold
 * @param firstEid number of the first
 */
export const renumberRows = (
  batch: StoredBatch,
  columnNames: readonly string[],
  firstEid: number,
): StoredBatch => {
  const overheads = entryOverheads(columnNames);
  const columns = NUMBERED.map(({ name, text }) => ({ index: columnNames.indexOf(name), text }))
    .filter(({ index }) => index >= 0)
    .sort((a, b) => a.index - b.index);
  const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength);
  const ends = new Uint32Array(batch.ends.length);
  const parts: Buffer[] = [];
  let length = 0;
  for (let row = 0; row < ends.length; row++) {
    const start = row === 0 ? 0 : batch.ends[row - 1]!;
    const place = {
      bytes: bytes.subarray(start, batch.ends[row]),
      start: 0,
      low: batch.masks[2 * row]!,
      high: batch.masks[2 * row + 1]!,
    };
    const renumbered = renumberRow(place, columns, overheads, firstEid + row);
    parts.push(...renumbered);
    for (const part of renumbered) length += part.length;
    ends[row] = length;
  }
  return { ...batch, bytes: Buffer.concat(parts, length), ends, firstEid };
};

const renumberRow = (
  row: RowPlace,
  columns: readonly NumberedColumn[],
  overheads: Uint32Array,
  number: number,
): Buffer[] => {
  const parts: Buffer[] = [];
  let copied = 0;
  for (const { index, text } of columns) {
    const found = findValue(row, index, overheads);
    if (found === undefined) continue;
    const { start, end } = found;
    const value = Buffer.from(text(number));
    const length = Buffer.alloc(4);
    length.writeInt32BE(value.length);
    parts.push(row.bytes.subarray(copied, start - 4), length, value);
    copied = end;
  }
  parts.push(row.bytes.subarray(copied));
  return parts;
};
