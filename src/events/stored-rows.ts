import type { LateChunk } from 'osquery-extension-ts/types';
import type { DerivedArguments } from './derived-column.ts';
import type { ColumnMask } from './encoded-row.ts';
import type { ExtraEntry, LateColumns, LateRowValues } from './late-columns.ts';
import { releaseRows } from './packing.ts';
import { eidAt, rowsOf, type StoredRows } from './segment.ts';
import { NO_ENTRIES, type RowView, SelectionWriter } from './selection-writer.ts';
import { framesOf, unpackFrame } from './unpacked-frames.ts';
import type { ZstdFrame } from './zstd-frames.ts';

/** Decides on one row. */
export type RowFilter = (row: RowView) => boolean;

export const rowsThat = (filter: RowFilter, row: SegmentRow, rows: Uint32Array): Uint32Array =>
  rows.filter(index => {
    row.moveTo(index);
    return filter(row);
  });

/**
 * The row that is being looked at. Rows of a packed segment are unpacked when their bytes are asked for: the whole
 * segment, or single frames if few frames contain the rows.
 */
export class SegmentRow implements RowView {
  low = 0;
  high = 0;
  eid = 0;
  #stored: StoredRows | undefined;
  /** The segment's, asked for once, because they may be in a file. */
  #ends: Uint32Array = NO_WORDS;
  #masks: Uint32Array = NO_WORDS;
  /** undefined: the segment is unpacked as a whole. */
  #frames: readonly ZstdFrame[] | undefined;
  /** Where the row is among the rows of the segment. */
  #from = 0;
  #to = 0;
  /** The unpacked bytes, and their range. */
  #bytes: Buffer | undefined;
  #bytesFrom = 0;
  #bytesTo = 0;

  /** @param places of all rows that may be looked at, in order */
  open(stored: StoredRows, places: Uint32Array): void {
    this.#stored = stored;
    this.#ends = stored.ends;
    this.#masks = stored.masks;
    this.#bytes = undefined;
    this.#bytesTo = 0;
    const frames = stored.isPacked ? framesOf(stored.bytes, stored.used) : undefined;
    this.#frames = frames !== undefined && liesInFew(frames, stored, places) ? frames : undefined;
  }

  moveTo(index: number): void {
    const ends = this.#ends;
    const masks = this.#masks;
    this.#from = index === 0 ? 0 : ends[index - 1]!;
    this.#to = ends[index]!;
    this.low = masks[2 * index]!;
    this.high = masks[2 * index + 1]!;
    this.eid = eidAt(this.#stored!, index);
  }

  get bytes(): Buffer {
    this.#load();
    return this.#bytes!;
  }

  get start(): number {
    this.#load();
    return this.#from - this.#bytesFrom;
  }

  get end(): number {
    this.#load();
    return this.#to - this.#bytesFrom;
  }

  get isPassing(): boolean {
    return this.#frames !== undefined;
  }

  #load(): void {
    if (this.#from >= this.#bytesFrom && this.#to <= this.#bytesTo) return;
    const frames = this.#frames;
    if (frames === undefined) {
      const stored = this.#stored!;
      this.#bytes = rowsOf(stored);
      this.#bytesFrom = 0;
      this.#bytesTo = Number.POSITIVE_INFINITY;
      return;
    }
    const first = frameAt(frames, this.#from);
    const last = frameAt(frames, this.#to - 1);
    const { bytes: packed } = this.#stored!;
    this.#bytesFrom = frames[first]!.contentFrom;
    this.#bytesTo = frames[last]!.contentTo;
    this.#bytes =
      first === last
        ? unpackFrame(packed, frames[first]!)
        : // Copied one by one: each is valid until the next.
          frames
            .slice(first, last + 1)
            .reduce((before, frame) => Buffer.concat([before, unpackFrame(packed, frame)]), EMPTY);
  }

  /** Frees what was unpacked to look at the rows, unless the writer's chunks refer to it. */
  leave(writer: SelectionWriter): void {
    const bytes = this.#bytes;
    this.#bytes = undefined;
    this.#bytesTo = 0;
    if (bytes === undefined || this.#frames !== undefined || !this.#stored!.isPacked) return;
    if (!writer.liesIn(bytes)) releaseRows(bytes, this.#stored!.used);
  }
}

const EMPTY = Buffer.alloc(0);
const NO_WORDS = new Uint32Array(0);
/** Largest part of the frames that is unpacked one by one: unpacking a frame has a fixed cost. */
const FEW_FRAMES = 0.5;

const liesInFew = (frames: readonly ZstdFrame[], { ends }: StoredRows, places: Uint32Array): boolean => {
  let left = frames.length * FEW_FRAMES;
  let at = 0;
  for (const place of places) {
    const end = ends[place]!;
    at = Math.max(at, place === 0 ? 0 : ends[place - 1]!);
    for (; at < end; at = frames[frameAt(frames, at)]!.contentTo) {
      if (--left < 0) return false;
    }
  }
  return true;
};

/** The index of the frame with a byte of the content. */
const frameAt = (frames: readonly ZstdFrame[], offset: number): number => {
  let place = 0;
  while (place < frames.length - 1 && frames[place]!.contentTo <= offset) place++;
  return place;
};

/** The late values of a row, and the derived one. */
export const withDerived = (
  row: RowView,
  derived: DerivedArguments | undefined,
  entries: readonly ExtraEntry[],
): readonly ExtraEntry[] => {
  const entry = derived?.entryOf(row);
  return entry === undefined ? entries : [...entries, entry];
};

/** What is wanted of rows. */
export interface WantedOfRows {
  readonly wanted: ColumnMask;
  readonly overheads: Uint32Array;
  readonly lateColumns: LateColumns | undefined;
  readonly derived: DerivedArguments | undefined;
}

/** A packed segment does not change, and its bytes may be in a file; any other segment changes. */
const copyOf = ({ bytes, isPacked, used, firstEid, eids, ends, masks }: StoredRows): StoredRows => ({
  bytes,
  isPacked,
  used,
  firstEid,
  eids,
  ends,
  masks,
});

/** Some rows of a segment as they are at one moment, whatever happens to the segment later. */
export class SegmentChunk implements LateChunk {
  readonly length: number;
  readonly #stored: StoredRows;
  readonly #rows: Uint32Array;
  readonly #wanted: ColumnMask;
  readonly #overheads: Uint32Array;
  readonly #lateColumns: LateColumns | undefined;
  readonly #derived: DerivedArguments | undefined;
  /** By place in `rows`; undefined where no row has any. */
  readonly #values: readonly LateRowValues[] | undefined;

  constructor(
    segment: StoredRows,
    rows: Uint32Array,
    { wanted, overheads, lateColumns, derived }: WantedOfRows,
  ) {
    const { ends } = segment;
    this.#stored = segment.isPacked ? segment : copyOf(segment);
    this.#rows = rows;
    this.#wanted = wanted;
    this.#overheads = overheads;
    this.#lateColumns = lateColumns;
    this.#derived = derived;
    // Includes everything between them: an upper bound is enough.
    const first = rows[0]!;
    let length = ends[rows[rows.length - 1]!]! - (first === 0 ? 0 : ends[first - 1]!);
    length += derived?.mostBytes(length) ?? 0;
    let values: LateRowValues[] | undefined;
    if (lateColumns !== undefined) {
      for (let place = 0; place < rows.length; place++) {
        const found = lateColumns.valuesOf(eidAt(this.#stored, rows[place]!));
        if (found === undefined) continue;
        values ??= new Array<LateRowValues>(rows.length).fill(undefined);
        values[place] = found;
        length += lateColumns.mostBytes(found);
      }
    }
    this.#values = values;
    this.length = length;
  }

  make(): readonly Uint8Array[] {
    const writer = new SelectionWriter(this.#wanted, this.#overheads);
    const row = new SegmentRow();
    row.open(this.#stored, this.#rows);
    this.#write(row, writer);
    const { chunks } = writer.finish();
    row.leave(writer);
    return chunks;
  }

  /** No code after the loop: V8 compiles the loop before that code has run, and would deoptimize each time. */
  #write(row: SegmentRow, writer: SelectionWriter): void {
    const rows = this.#rows;
    for (let place = 0; place < rows.length; place++) {
      const index = rows[place]!;
      row.moveTo(index);
      const values = this.#values?.[place];
      const late = values === undefined ? NO_ENTRIES : this.#lateColumns!.encode(values);
      writer.add(row, this.#derived === undefined ? late : withDerived(row, this.#derived, late));
    }
  }
}
