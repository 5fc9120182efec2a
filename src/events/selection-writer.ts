import {
  type ColumnMask,
  emptyRows,
  isPresent,
  maskOf,
  ROW_HEADER_BYTES,
  writeRowHeader,
} from './encoded-row.ts';
import { type ExtraEntry, entriesLength } from './late-columns.ts';

/** The row to add. */
export interface RowView {
  /** The segment's bytes, which include the row. They may have to be unpacked, so ask only when needed. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Whether the bytes are valid only until the next row. */
  readonly isPassing: boolean;
  low: number;
  high: number;
  eid: number;
}

const EMPTY = Buffer.alloc(0);
export const NO_ENTRIES: readonly ExtraEntry[] = [];
/** Room for projected rows: little at first, for the thousands of small selects of a join; then more. */
const FIRST_PROJECTION_BYTES = 2 * 1024;
const PROJECTION_BYTES = 64 * 1024;

/** Up to this, a loop takes less time than the call that copies. */
const LOOPED_BYTES = 96;

/** Collects rows for one reply. */
export class SelectionWriter {
  readonly #wanted: ColumnMask;
  readonly #overheads: Uint32Array;
  readonly #chunks: Buffer[] = [];
  #count = 0;
  /** Bytes of the chunks. */
  #length = 0;
  #none: boolean;
  /** The run of whole rows that is growing. */
  #run: Buffer = EMPTY;
  #runStart = 0;
  #runEnd = 0;
  /** Memory of the last run that became a chunk. */
  #lastRun: Buffer = EMPTY;
  /** Memory that projected rows are copied to. */
  #copy: Buffer = EMPTY;
  #copyStart = 0;
  #copyEnd = 0;

  constructor(wanted: ColumnMask, overheads: Uint32Array) {
    this.#wanted = wanted;
    this.#overheads = overheads;
    this.#none = wanted.low === 0 && wanted.high === 0;
  }

  add(row: RowView, lateColumns: readonly ExtraEntry[]): void {
    this.#count++;
    if (this.#none) return;
    let low = (row.low & this.#wanted.low) >>> 0;
    let high = (row.high & this.#wanted.high) >>> 0;
    let more = NO_ENTRIES;
    if (lateColumns.length > 0) {
      more = lateColumns.filter(({ column }) => isPresent(this.#wanted.low, this.#wanted.high, column));
      const replaced = maskOf(more.map(({ column }) => column));
      low = (low & ~replaced.low) >>> 0;
      high = (high & ~replaced.high) >>> 0;
    }
    if (low === row.low && high === row.high && more.length === 0 && !row.isPassing) this.#whole(row);
    else this.#projected(row, low, high, more);
  }

  #whole(row: RowView): void {
    if (this.#run !== row.bytes || this.#runEnd !== row.start) {
      this.#flush();
      this.#run = row.bytes;
      this.#runStart = row.start;
    }
    this.#runEnd = row.end;
  }

  #projected(row: RowView, low: number, high: number, more: readonly ExtraEntry[]): void {
    this.#endRun();
    const { bytes, start, end } = row;
    // A projection is never longer than its row plus what is added.
    const longest = end - start + (more.length === 0 ? 0 : entriesLength(more));
    if (this.#copyEnd + longest > this.#copy.length) {
      this.#endCopy();
      const least = this.#copy.length === 0 ? FIRST_PROJECTION_BYTES : PROJECTION_BYTES;
      this.#copy =
        longest <= least && least === FIRST_PROJECTION_BYTES
          ? Buffer.allocUnsafe(least)
          : Buffer.allocUnsafeSlow(Math.max(PROJECTION_BYTES, longest));
      this.#copyStart = 0;
      this.#copyEnd = 0;
    }
    writeRowHeader(this.#copy, this.#copyEnd, bitCount(low) + bitCount(high) + more.length);
    this.#copyEnd += ROW_HEADER_BYTES;
    let at = start + ROW_HEADER_BYTES;
    // Neighbouring columns are copied together.
    let pending = -1;
    for (let column = 0; at < end; column++) {
      if (!isPresent(row.low, row.high, column)) continue;
      const value = at + this.#overheads[column]!;
      const next = value + bytes.readInt32BE(value - 4);
      if (isPresent(low, high, column)) {
        if (pending < 0) pending = at;
      } else if (pending >= 0) {
        this.#append(bytes, pending, at);
        pending = -1;
      }
      at = next;
    }
    if (pending >= 0) this.#append(bytes, pending, end);
    for (const entry of more) this.#copyEnd += entry.bytes.copy(this.#copy, this.#copyEnd);
  }

  #append(bytes: Buffer, from: number, end: number): void {
    const copy = this.#copy;
    let to = this.#copyEnd;
    if (end - from > LOOPED_BYTES) to += bytes.copy(copy, to, from, end);
    else for (let at = from; at < end; ) copy[to++] = bytes[at++]!;
    this.#copyEnd = to;
  }

  #endRun(): void {
    if (this.#runEnd > this.#runStart) {
      this.#push(this.#run.subarray(this.#runStart, this.#runEnd));
      this.#lastRun = this.#run;
    }
    this.#run = EMPTY;
    this.#runStart = 0;
    this.#runEnd = 0;
  }

  #endCopy(): void {
    if (this.#copyEnd > this.#copyStart) this.#push(this.#copy.subarray(this.#copyStart, this.#copyEnd));
    this.#copyStart = this.#copyEnd;
  }

  #push(chunk: Buffer): void {
    this.#length += chunk.length;
    this.#chunks.push(chunk);
  }

  #flush(): void {
    this.#endRun();
    this.#endCopy();
  }

  /** @returns the bytes of all rows so far */
  endSegment(): number {
    this.#flush();
    return this.#none ? this.#count * ROW_HEADER_BYTES : this.#length;
  }

  /** Whether chunks of the last segment refer to these bytes without a copy. */
  liesIn(bytes: Buffer): boolean {
    return this.#lastRun === bytes;
  }

  finish(): { readonly count: number; readonly chunks: readonly Buffer[] } {
    this.#flush();
    if (this.#none) this.#chunks.push(...emptyRows(this.#count));
    return { count: this.#count, chunks: this.#chunks };
  }
}

const bitCount = (word: number): number => {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
};
