import type { QueryCursors, RowRange } from 'osquery-extension-ts/events';
import type { EventBuffer } from './event-buffer.ts';
import { unpackRows } from './packing.ts';
import { renumberRows } from './renumber-rows.ts';
import { isPackedBatch, type PackedBatch, type StoredBatch } from './row-batch.ts';
import { ownersOf } from './row-owner.ts';

/** The rows of a table, and the positions of its queries. */
export interface TableRows {
  readonly columnNames: readonly string[];
  readonly buffer: EventBuffer;
  readonly cursors: QueryCursors;
}

/** Rows with consecutive numbers, and the new number of the first one. */
interface Run extends RowRange {
  readonly now: number;
}

/**
 * Appends the rows of a table to other rows of the same table, with numbers that follow theirs. If there are no
 * others, they keep their numbers.
 *
 * @param former the rows to append; must not be used any more
 * @param here the rows that come first
 * @returns a function from a row's old number to its new one
 */
export const putBehind = (former: TableRows, here: TableRows): ((eid: number) => number) => {
  const { buffer, columnNames } = here;
  const end = buffer.range.to;
  const position = former.buffer.save();
  const batches = former.buffer.batches(former.buffer.range).map(unpacked);
  if (end === 1) {
    buffer.restore(take => {
      for (const batch of batches) take({ ...batch, owners: ownersOf(batch, columnNames) });
    }, position);
    here.cursors.takeOver(former.cursors, end, eid => eid);
    return eid => eid;
  }
  const runs: Run[] = [];
  for (const batch of batches) {
    for (const rows of withoutRanges(batch, position.gone)) {
      const now = buffer.range.to;
      const renumbered = renumberRows(rows, columnNames, now);
      buffer.append({ ...renumbered, owners: ownersOf(renumbered, columnNames) });
      runs.push({ from: rows.firstEid, to: rows.firstEid + rows.ends.length, now });
    }
  }
  const moved = (eid: number): number => numberNow(eid, runs, buffer.range.to);
  here.cursors.takeOver(former.cursors, end, moved);
  return moved;
};

/** A missing row maps to the number of the next row that exists. */
const numberNow = (eid: number, runs: readonly Run[], end: number): number => {
  const run = runs.find(({ to }) => eid < to);
  return run === undefined ? end : run.now + Math.max(0, eid - run.from);
};

const unpacked = (batch: StoredBatch | PackedBatch): StoredBatch =>
  isPackedBatch(batch) ? { ...batch, bytes: unpackRows(batch.packed, batch.length) } : batch;

/** The rows of a batch outside some ranges, which are in order. */
const withoutRanges = (batch: StoredBatch, ranges: readonly RowRange[]): StoredBatch[] => {
  const parts: StoredBatch[] = [];
  const end = batch.firstEid + batch.ends.length;
  let from = batch.firstEid;
  for (const range of [...ranges, { from: end, to: end }]) {
    const to = Math.min(range.from, end);
    if (from < to) parts.push(partOf(batch, from - batch.firstEid, to - batch.firstEid));
    from = Math.max(from, range.to);
  }
  return parts;
};

const partOf = (
  { bytes, ends, times, masks, firstEid }: StoredBatch,
  from: number,
  to: number,
): StoredBatch => {
  const start = from === 0 ? 0 : ends[from - 1]!;
  return {
    bytes: bytes.subarray(start, ends[to - 1]),
    ends: ends.slice(from, to).map(one => one - start),
    times: times.slice(from, to),
    masks: masks.slice(2 * from, 2 * to),
    firstEid: firstEid + from,
  };
};
