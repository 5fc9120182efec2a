import type { EncodedRows, LateChunk } from 'osquery-extension-ts';
import { type ColumnMask, entryOverheads } from './encoded-row.ts';
import { packRows } from './packing.ts';
import { isPackedBatch, type PackedBatch, type RowBatch } from './row-batch.ts';
import type { RowExtras } from './row-extras.ts';
import { growIndex, placeOf, rowsOf, rowsWithin, type Segment } from './segment.ts';
import { NO_ENTRIES, SelectionWriter } from './selection-writer.ts';
import { type RowFilter, rowsThat, SegmentChunk, SegmentRow } from './stored-rows.ts';

/** Bytes of one segment; a row that is longer gets a segment of its own. */
const SEGMENT_BYTES = 1024 * 1024;
/**
 * Segments that lie open; older ones are packed. Most of a row is the names of its columns and what the rows before it say
 * too, so that a megabyte becomes a tenth and less, for 0.2 ms each way: a fifth of a microsecond per row.
 */
const OPEN_SEGMENTS = 2;
/** What is kept in pieces of this or more is packed for it: a small piece costs as much to write as to pack. */
const KEPT_PACKED_BYTES = 64 * 1024;
/** Room for rows in the index of a segment, at least; a little more than the one before needed. */
const INITIAL_ROWS = 256;
const SPARE_ROWS = 1.0625;

export interface EventBufferLimits {
  /** Rows kept: the newest. */
  readonly rows: number;
  /** Bytes of encoded rows kept. */
  readonly bytes: number;
}

export interface EventBufferCounters {
  /** Rows taken in. */
  appended: number;
  /** Rows dropped for one of the limits; not those a SELECT had consumed. */
  evicted: number;
  /** … of these, rows that no SELECT had returned. */
  evictedUnread: number;
  /** Rows dropped for their age. */
  expired: number;
  expiredUnread: number;
}

/** Of more than this it must be known what an answer comes to: there is a limit for it, and it may be of few columns. */
const LATE_BYTES = 256 * 1024 * 1024;

/** Rows are asked for by number (`eid`), `from` inclusive, `to` exclusive. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** Times of rows, in seconds since the epoch; both inclusive. */
export interface TimeBounds {
  readonly from: number;
  readonly to: number;
}

/** Which rows a SELECT may find. */
export interface RowSpan extends RowRange {
  /** Absent: of any time. */
  readonly times?: TimeBounds | undefined;
}

/** Where a buffer stands, without its rows. */
export interface SavedBuffer {
  /** Number of the oldest row kept. */
  readonly from: number;
  readonly nextEid: number;
  /** Rows below this number have been returned by some SELECT. */
  readonly readUpTo: number;
  /** Rows from `from` on that are gone all the same. */
  readonly gone: readonly RowRange[];
}

const ANY_TIME: TimeBounds = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

const NO_COUNTS: Readonly<EventBufferCounters> = {
  appended: 0,
  evicted: 0,
  evictedUnread: 0,
  expired: 0,
  expiredUnread: 0,
};

/**
 * The rows of one table, oldest first, in append-only segments: encoded once when they are made, copied or handed out
 * as they are when they are read. Only whole segments are given back, so what a SELECT was handed stays as it was; and old
 * ones are kept compressed.
 */
export class EventBuffer {
  readonly counters: EventBufferCounters = { ...NO_COUNTS };
  #limits: EventBufferLimits;
  readonly #overheads: Uint32Array;
  #segments: Segment[] = [];
  /** The oldest row kept, and the number the next one gets. */
  #firstEid: number;
  #nextEid: number;
  #bytes = 0;
  /** Rows below this number have been returned by some SELECT. */
  #readUpTo: number;
  /** Rows that wait for the rows before them to go. */
  #gone = 0;
  /** Memory for the next segment, of one that is packed or gone. */
  #spare: Buffer | undefined;

  constructor(columnNames: readonly string[], limits: EventBufferLimits) {
    this.#limits = limits;
    this.#overheads = entryOverheads(columnNames);
    this.#firstEid = 1;
    this.#nextEid = 1;
    this.#readUpTo = 1;
  }

  /** Fills an empty buffer with the rows of one before it, and goes on with its numbers. */
  restore(batches: readonly RowBatch[], { from, nextEid, readUpTo, gone }: SavedBuffer): void {
    const first = batches[0]?.firstEid ?? nextEid;
    this.#firstEid = first;
    this.#nextEid = first;
    this.#readUpTo = readUpTo;
    for (const batch of batches) this.append(batch);
    for (const segment of this.#segments) {
      for (const range of gone) {
        const begin = Math.max(range.from - segment.firstEid, this.#firstEid - segment.firstEid, 0);
        const end = Math.min(range.to - segment.firstEid, segment.rows);
        for (let i = begin; i < end; i++) {
          this.#gone += 1 - segment.gone[i]!;
          segment.gone[i] = 1;
        }
      }
    }
    this.discardBelow(from);
    // What was dropped was dropped before, too.
    Object.assign(this.counters, NO_COUNTS);
  }

  /** What `restore` needs besides the rows. */
  save(): SavedBuffer {
    const gone: { from: number; to: number }[] = [];
    if (this.#gone > 0) {
      for (const segment of this.#segments) {
        for (let i = Math.max(0, this.#firstEid - segment.firstEid); i < segment.rows; i++) {
          if (segment.gone[i] === 0) continue;
          const eid = segment.firstEid + i;
          const last = gone.at(-1);
          if (last?.to === eid) last.to++;
          else gone.push({ from: eid, to: eid + 1 });
        }
      }
    }
    return { from: this.#firstEid, nextEid: this.#nextEid, readUpTo: this.#readUpTo, gone };
  }

  /**
   * The rows of a range as they came, for keeping: those that are gone but wait for others, too. New ones are not copied:
   * they stay as they are until `giveBack`. What makes up a segment is packed, now if it was not yet: so it is packed
   * once, for the disk and for here.
   */
  batches({ from, to }: RowRange): (RowBatch | PackedBatch)[] {
    const batches: (RowBatch | PackedBatch)[] = [];
    for (const segment of this.#segments) {
      const first = Math.max(from, this.#firstEid, segment.firstEid) - segment.firstEid;
      const last = Math.min(to - segment.firstEid, segment.rows);
      if (first >= last) continue;
      const isWhole = first === 0 && last === segment.rows;
      if (isWhole && segment.used >= KEPT_PACKED_BYTES) this.#pack(segment);
      const start = first === 0 ? 0 : segment.ends[first - 1]!;
      const index = {
        firstEid: segment.firstEid + first,
        ends: segment.ends.slice(first, last).map(end => end - start),
        times: segment.times.subarray(first, last),
        masks: segment.masks.subarray(2 * first, 2 * last),
      };
      if (isWhole && segment.isPacked) {
        batches.push({ ...index, packed: segment.bytes, length: segment.used });
        continue;
      }
      if (!segment.isPacked) segment.readers++;
      batches.push({ ...index, bytes: rowsOf(segment).subarray(start, segment.ends[last - 1]!) });
    }
    return batches;
  }

  /** Ends the use of what `batches` has handed out. Without it their memory is not used again. */
  giveBack(batches: readonly (RowBatch | PackedBatch)[]): void {
    for (const batch of batches) {
      if (isPackedBatch(batch)) continue;
      const segment = this.#segments.find(({ bytes }) => bytes.buffer === batch.bytes.buffer);
      if (segment !== undefined) segment.readers--;
    }
  }

  get rowCount(): number {
    return this.#nextEid - this.#firstEid - this.#gone;
  }

  /** Bytes that rows take up, without indexes and unused ends of segments. */
  get byteCount(): number {
    return this.#bytes;
  }

  get range(): RowRange {
    return { from: this.#firstEid, to: this.#nextEid };
  }

  /** Bytes before the value of each column in a row. */
  get overheads(): Uint32Array {
    return this.#overheads;
  }

  setLimits(limits: EventBufferLimits): void {
    this.#limits = limits;
    this.#evict();
  }

  append(batch: RowBatch): void {
    const { ends, times, masks } = batch;
    for (let next = 0; next < ends.length; ) {
      const from = next === 0 ? 0 : ends[next - 1]!;
      const segment = this.#segmentFor(ends[next]! - from);
      const used = segment.used;
      const room = from + segment.bytes.length - used;
      for (; next < ends.length && ends[next]! <= room; next++) {
        if (segment.rows === segment.ends.length) growIndex(segment);
        segment.ends[segment.rows] = used + ends[next]! - from;
        const time = times[next]!;
        segment.times[segment.rows] = time;
        if (time < segment.oldest) segment.oldest = time;
        if (time > segment.newest) segment.newest = time;
        segment.masks[2 * segment.rows] = masks[2 * next]!;
        segment.masks[2 * segment.rows + 1] = masks[2 * next + 1]!;
        segment.rows++;
        this.#nextEid++;
      }
      const to = ends[next - 1]!;
      segment.bytes.set(batch.bytes.subarray(from, to), used);
      segment.used += to - from;
      this.#bytes += to - from;
    }
    this.counters.appended += ends.length;
    this.#evict();
  }

  #segmentFor(bytes: number): Segment {
    const last = this.#segments.at(-1);
    if (last?.isPacked === false && last.used + bytes <= last.bytes.length) return last;
    const old = this.#segments.at(-OPEN_SEGMENTS);
    if (old !== undefined) this.#pack(old);
    const rows = Math.max(INITIAL_ROWS, Math.ceil((last?.rows ?? 0) * SPARE_ROWS));
    const segment: Segment = {
      bytes: this.#memoryFor(bytes),
      isPacked: false,
      readers: 0,
      firstEid: this.#nextEid,
      eids: undefined,
      rows: 0,
      used: 0,
      ends: new Uint32Array(rows),
      times: new Float64Array(rows),
      oldest: Number.POSITIVE_INFINITY,
      newest: Number.NEGATIVE_INFINITY,
      masks: new Uint32Array(2 * rows),
      gone: new Uint8Array(rows),
    };
    this.#segments.push(segment);
    return segment;
  }

  /**
   * A segment's memory is used again where it can be: a megabyte that is thrown away so often makes the garbage collector
   * look through all that there is, and the system hand out and clear 256 pages.
   */
  #memoryFor(bytes: number): Buffer {
    const spare = bytes <= SEGMENT_BYTES ? this.#spare : undefined;
    if (spare === undefined) {
      // Slow buffers are their own allocation: the pool would keep segments alive for one another.
      return Buffer.allocUnsafeSlow(Math.max(SEGMENT_BYTES, bytes));
    }
    this.#spare = undefined;
    return spare;
  }

  #pack(segment: Segment): void {
    if (segment.isPacked) return;
    this.#takeSpare(segment);
    segment.bytes = packRows(segment.bytes.subarray(0, segment.used));
    segment.isPacked = true;
  }

  #takeSpare({ bytes, isPacked, readers }: Segment): void {
    if (!isPacked && readers === 0 && bytes.length === SEGMENT_BYTES) this.#spare = bytes;
  }

  #evict(): void {
    while (
      this.#firstEid < this.#nextEid &&
      (this.rowCount > this.#limits.rows || this.#bytes > this.#limits.bytes)
    ) {
      const eid = this.#firstEid;
      if (!this.#dropFirst()) continue;
      this.counters.evicted++;
      if (eid >= this.#readUpTo) this.counters.evictedUnread++;
    }
    this.#dropGone();
  }

  /**
   * Drops the rows whose event was before `time` (seconds since the epoch), wherever they are: clocks are set, and
   * one row from the future must not keep all that came after it.
   */
  expireBefore(time: number): void {
    for (const segment of this.#segments) if (segment.oldest < time) this.#expireOf(segment, time);
    this.#dropGone();
  }

  #expireOf(segment: Segment, time: number): void {
    segment.oldest = Number.POSITIVE_INFINITY;
    for (let i = Math.max(0, this.#firstEid - segment.firstEid); i < segment.rows; i++) {
      if (segment.gone[i] === 1) continue;
      if (segment.times[i]! >= time) {
        segment.oldest = Math.min(segment.oldest, segment.times[i]!);
        continue;
      }
      segment.gone[i] = 1;
      this.#gone++;
      this.counters.expired++;
      if (segment.firstEid + i >= this.#readUpTo) this.counters.expiredUnread++;
    }
  }

  /** Drops the rows below a number: all their readers have had them. */
  discardBelow(eid: number): void {
    while (this.#firstEid < Math.min(eid, this.#nextEid)) this.#dropFirst();
    this.#dropGone();
  }

  #dropGone(): void {
    while (this.#firstEid < this.#nextEid) {
      const segment = this.#segments[0]!;
      if (segment.gone[this.#firstEid - segment.firstEid] === 0) return;
      this.#dropFirst();
    }
  }

  /** @returns false if the row was gone already */
  #dropFirst(): boolean {
    const segment = this.#segments[0]!;
    const row = this.#firstEid - segment.firstEid;
    const wasGone = segment.gone[row]!;
    this.#bytes -= segment.ends[row]! - (row === 0 ? 0 : segment.ends[row - 1]!);
    this.#gone -= wasGone;
    this.#firstEid++;
    if (row + 1 === segment.rows) {
      this.#segments.shift();
      this.#takeSpare(segment);
    }
    return wasGone === 0;
  }

  /** Notes that rows below `eid` were returned: losing them later is no loss. */
  markRead(eid: number): void {
    this.#readUpTo = Math.max(this.#readUpTo, eid);
  }

  /**
   * Rows of a span that pass the filter, with just the wanted columns, oldest first. Without a filter their bytes are
   * made when they are asked for, as the rows are now: whoever asks for many is served a megabyte at a time, and others
   * in between. Rows wanted whole are handed out in place, neighbours as one chunk.
   *
   * @param consume drops the rows that are returned
   * @param extras late values of the rows, if one of their columns is wanted
   */
  select(
    span: RowSpan,
    wanted: ColumnMask,
    filter?: RowFilter,
    consume = false,
    extras?: RowExtras,
  ): EncodedRows {
    const from = Math.max(span.from, this.#firstEid);
    const to = Math.min(span.to, this.#nextEid);
    const { from: oldest, to: newest } = span.times ?? ANY_TIME;
    const isLate =
      filter === undefined && (wanted.low !== 0 || wanted.high !== 0) && this.#bytes <= LATE_BYTES;
    const writer = new SelectionWriter(wanted, this.#overheads);
    const chunks: LateChunk[] = [];
    let count = 0;
    const row = new SegmentRow();
    for (const segment of this.#segments) {
      const first = placeOf(segment, from);
      const last = placeOf(segment, to);
      if (first >= last || segment.newest < oldest || segment.oldest > newest) continue;
      segment.readers++;
      row.stored = segment;
      let chosen = rowsWithin(segment, first, last, oldest, newest);
      if (isLate) {
        count += chosen.length;
        if (chosen.length > 0)
          chunks.push(new SegmentChunk(segment, chosen, wanted, this.#overheads, extras));
      } else {
        if (filter !== undefined) chosen = rowsThat(filter, row, chosen);
        for (const index of chosen) {
          row.moveTo(index);
          writer.add(row, segment.ends[index]!, extras?.find(row.eid) ?? NO_ENTRIES);
        }
        writer.endSegment();
        row.leave(writer);
      }
      if (!consume) continue;
      for (const index of chosen) segment.gone[index] = 1;
      this.#gone += chosen.length;
    }
    if (consume) this.#dropGone();
    return isLate ? { count, chunks } : writer.finish();
  }
}
