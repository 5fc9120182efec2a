import type { LateChunk } from 'osquery-extension-ts';
import type { DerivedArguments } from './derived-column.ts';
import type { ColumnMask } from './encoded-row.ts';
import { releaseRows } from './packing.ts';
import type { ExtraEntry, LateRowValues, RowExtras } from './row-extras.ts';
import { eidAt, rowsOf, type StoredRows } from './segment.ts';
import { NO_ENTRIES, type RowView, SelectionWriter } from './selection-writer.ts';

/** Decides on one row. */
export type RowFilter = (row: RowView) => boolean;

export const rowsThat = (filter: RowFilter, row: SegmentRow, rows: Uint32Array): Uint32Array =>
  rows.filter(index => {
    row.moveTo(index);
    return filter(row);
  });

/** The row that is being looked at. */
export class SegmentRow implements RowView {
  start = 0;
  low = 0;
  high = 0;
  eid = 0;
  #stored: StoredRows | undefined;
  #bytes: Buffer | undefined;

  set stored(stored: StoredRows) {
    this.#stored = stored;
    this.#bytes = undefined;
  }

  moveTo(index: number): void {
    const stored = this.#stored!;
    const { ends, masks } = stored;
    this.start = index === 0 ? 0 : ends[index - 1]!;
    this.low = masks[2 * index]!;
    this.high = masks[2 * index + 1]!;
    this.eid = eidAt(stored, index);
  }

  get bytes(): Buffer {
    this.#bytes ??= rowsOf(this.#stored!);
    return this.#bytes;
  }

  /** Gives back what was unpacked to look at the rows, unless the writer's chunks lie in it. */
  leave(writer: SelectionWriter): void {
    const bytes = this.#bytes;
    this.#bytes = undefined;
    if (bytes !== undefined && this.#stored!.isPacked && !writer.liesIn(bytes)) {
      releaseRows(bytes, this.#stored!.used);
    }
  }
}

/** What is beside a row, and what follows from it. */
export const withDerived = (
  row: RowView,
  derived: DerivedArguments | undefined,
  entries: readonly ExtraEntry[],
): readonly ExtraEntry[] => {
  const entry = derived?.entryOf(row);
  return entry === undefined ? entries : [...entries, entry];
};

/** What is wanted of rows besides their own values. */
export interface BesideRows {
  readonly extras: RowExtras | undefined;
  readonly derived: DerivedArguments | undefined;
}

/** Some rows of a segment as they are at a moment, whatever becomes of the segment. */
export class SegmentChunk implements LateChunk {
  readonly length: number;
  readonly #stored: StoredRows;
  readonly #rows: Uint32Array;
  readonly #wanted: ColumnMask;
  readonly #overheads: Uint32Array;
  readonly #extras: RowExtras | undefined;
  readonly #derived: DerivedArguments | undefined;
  /** By place in `rows`; undefined where no row has any. */
  readonly #values: readonly LateRowValues[] | undefined;

  constructor(
    { bytes, isPacked, used, firstEid, eids, ends, masks }: StoredRows,
    rows: Uint32Array,
    wanted: ColumnMask,
    overheads: Uint32Array,
    { extras, derived }: BesideRows,
  ) {
    this.#stored = { bytes, isPacked, used, firstEid, eids, ends, masks };
    this.#rows = rows;
    this.#wanted = wanted;
    this.#overheads = overheads;
    this.#extras = extras;
    this.#derived = derived;
    // All that lies between them counts, too: at most is enough.
    const first = rows[0]!;
    let length = ends[rows[rows.length - 1]!]! - (first === 0 ? 0 : ends[first - 1]!);
    length += derived?.mostBytes(length) ?? 0;
    let values: LateRowValues[] | undefined;
    if (extras !== undefined) {
      for (let place = 0; place < rows.length; place++) {
        const found = extras.valuesOf(eidAt(this.#stored, rows[place]!));
        if (found === undefined) continue;
        values ??= new Array<LateRowValues>(rows.length).fill(undefined);
        values[place] = found;
        length += extras.mostBytes(found);
      }
    }
    this.#values = values;
    this.length = length;
  }

  make(): readonly Uint8Array[] {
    const writer = new SelectionWriter(this.#wanted, this.#overheads);
    const row = new SegmentRow();
    row.stored = this.#stored;
    this.#write(row, writer);
    const { chunks } = writer.finish();
    row.leave(writer);
    return chunks;
  }

  /** Nothing else: what stands behind such a loop has not run when V8 compiles it, and would make it begin anew each time. */
  #write(row: SegmentRow, writer: SelectionWriter): void {
    const rows = this.#rows;
    const { ends } = this.#stored;
    for (let place = 0; place < rows.length; place++) {
      const index = rows[place]!;
      row.moveTo(index);
      const values = this.#values?.[place];
      const late = values === undefined ? NO_ENTRIES : this.#extras!.encode(values);
      writer.add(
        row,
        ends[index]!,
        this.#derived === undefined ? late : withDerived(row, this.#derived, late),
      );
    }
  }
}
