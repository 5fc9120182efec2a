import type { EncodedRows } from 'osquery-extension-ts';
import {
  type EventCounters,
  type EventRows,
  Hold,
  NO_COUNTS,
  type RowRange,
  type RowRanges,
} from 'osquery-extension-ts/events';
import type { LateChunk } from 'osquery-extension-ts/types';
import type { Lookup } from './column-index.ts';
import { ColumnIndexes } from './column-indexes.ts';
import { DerivedArguments } from './derived-column.ts';
import { type ColumnMask, entryOverheads } from './encoded-row.ts';
import type { LateColumns } from './late-columns.ts';
import { type Measure, type OwnerAccount, OwnerAccounts } from './owner-accounts.ts';
import { packRows, releasePacked, releaseRows } from './packing.ts';
import { isPackedBatch, type PackedBatch, type RowBatch, type StoredBatch } from './row-batch.ts';
import {
  allowGaps,
  DONE,
  EVICTED,
  eidAt,
  endOf,
  growIndex,
  newSegment,
  placeOf,
  ROW_INDEX_BYTES,
  rowsOf,
  rowsWithin,
  runsOf,
  type Segment,
  type Share,
  shareOf,
  startAt,
  THERE,
  type TimeBounds,
  thoseWithin,
} from './segment.ts';
import { NO_ENTRIES, SelectionWriter } from './selection-writer.ts';
import type { SpillFile } from './spill-file.ts';
import { type RowFilter, rowsThat, SegmentChunk, SegmentRow, withDerived } from './stored-rows.ts';

/** Bytes of a segment; a longer row gets its own segment. */
const SEGMENT_BYTES = 1024 * 1024;
/**
 * Segments left uncompressed; older ones are packed. Most of a row is column names, and values that earlier rows have
 * too, so packing shrinks a megabyte to a tenth or less. It takes 0.2 ms each way, a fifth of a microsecond per row.
 */
const OPEN_SEGMENTS = 2;
/** Pieces of this many bytes or more are packed before they are saved. Writing a smaller piece costs no more than packing it. */
const KEPT_PACKED_BYTES = 64 * 1024;
/** Bytes of a segment that gathers the remains of others. */
const GATHER_BYTES = 256 * 1024;
/** Least room for rows in the index of a segment. A new segment has a little more than its predecessor needed. */
const INITIAL_ROWS = 256;
const SPARE_ROWS = 1.0625;

export interface EventBufferLimits {
  /** Most rows kept; the newest stay. */
  readonly rows: number;
  /** Most bytes of memory for rows. Unpacked they are at most UNPACKED_FACTOR times as many. */
  readonly bytes: number;
}

/** Limits the unpacked size, which is the size of a reply with all rows: equal bytes pack to nearly nothing. */
export const UNPACKED_FACTOR = 8;

/** Owners whose shares differ by less than this fraction (one in so many) count as equal. */
export const EQUAL_SHARE = 16;

/** Above this many bytes, the size of a reply is computed before it is built: replies are limited, and may have few columns. */
const LATE_BYTES = 256 * 1024 * 1024;

export interface SelectionOptions {
  readonly filter?: RowFilter | undefined;
  /** true drops the rows that are returned; a set of ranges collects their numbers. */
  readonly consume?: boolean | RowRanges | undefined;
  /** Late values of the rows, if one of their columns is wanted. */
  readonly lateColumns?: LateColumns | undefined;
  /** Bytes of rows after which the selection ends; the current segment is still completed. */
  readonly enough?: number | undefined;
}

/** The rows found for a SELECT. */
export interface Selection extends EncodedRows {
  /** Number of the row to continue at, if `enough` was reached before the end of the span. */
  readonly next?: number | undefined;
}

/** The rows that a SELECT may find. */
export interface RowSpan extends RowRange {
  /** Absent: any time. */
  readonly times?: TimeBounds | undefined;
  /** Each finds all rows that pass the filter, and perhaps others. */
  readonly lookups?: readonly Lookup[];
}

/** The position of a buffer, without its rows. */
export interface SavedBuffer {
  /** Number of the oldest row kept. */
  readonly from: number;
  readonly nextEid: number;
  /** Rows below this number were returned by some SELECT. */
  readonly readUpTo: number;
  /** Rows from `from` on that are gone nevertheless. */
  readonly gone: readonly RowRange[];
}

const ANY_TIME: TimeBounds = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/**
 * The rows of one table, oldest first, in append-only segments. A row is encoded once, when it is made; reading
 * copies it or passes it on unchanged; old rows are kept compressed. A row that is dropped is marked. The remains of
 * a segment that has lost most of its rows are gathered in another one. What a SELECT was given stays as it was.
 *
 * When room runs out, the oldest rows of the owner with the largest share go first: a user who floods the host loses
 * his own rows, and nobody else's.
 */
export class EventBuffer implements EventRows {
  readonly counters: EventCounters = { ...NO_COUNTS };
  #limits: EventBufferLimits;
  readonly #overheads: Uint32Array;
  readonly #derived: DerivedArguments | undefined;
  readonly #segments: Segment[] = [];
  readonly #owners = new OwnerAccounts();
  /** The number of the oldest row kept, and of the next row. */
  #firstEid = 1;
  #nextEid = 1;
  /** Existing rows, their memory, and their unpacked bytes. */
  #rows = 0;
  #bytes = 0;
  #unpacked = 0;
  /** Rows below this number were returned by some SELECT. */
  #readUpTo = 1;
  /** Whether a row was consumed or has expired since `save` last recorded it. */
  #hasDone = false;
  /** The ranges of such rows whose segments are gone, in order. */
  #done: { from: number; to: number }[] = [];
  /** The segment that gathers the remains of others. */
  #gathering: Segment | undefined;
  /** Memory for the next segment, from one that was packed or dropped. */
  #spare: Buffer | undefined;
  readonly #indexes: ColumnIndexes;
  readonly #spill: SpillFile | undefined;
  readonly #hold: Hold;

  /**
   * @param spill takes packed segments that do not fit into memory; they count as memory nevertheless
   * @param now milliseconds of a monotonic clock
   */
  constructor(
    columnNames: readonly string[],
    limits: EventBufferLimits,
    spill?: SpillFile,
    now = () => performance.now(),
  ) {
    this.#limits = limits;
    this.#spill = spill;
    this.#hold = new Hold(now);
    this.#overheads = entryOverheads(columnNames);
    this.#indexes = new ColumnIndexes(this.#overheads, now);
    this.#derived = DerivedArguments.of(columnNames, this.#overheads);
  }

  /**
   * Fills an empty buffer with the rows of its predecessor, and continues its numbers.
   *
   * @param feed passes the rows, oldest first; some may be missing between batches
   */
  restore(
    feed: (take: (batch: RowBatch) => void) => void,
    { from, nextEid, readUpTo, gone }: SavedBuffer,
  ): void {
    this.#readUpTo = readUpTo;
    feed(batch => {
      if (batch.firstEid < this.#nextEid) return;
      this.#nextEid = batch.firstEid;
      this.#add(batch);
      this.#finish({ from: batch.firstEid, to: Math.min(from, this.#nextEid) });
      for (const range of gone) {
        if (range.to > batch.firstEid)
          this.#finish({ from: Math.max(range.from, batch.firstEid), to: range.to });
      }
      this.#tidyAll();
      this.#evict();
    });
    this.#nextEid = Math.max(this.#nextEid, nextEid);
    this.#advance();
    // The drops were counted before.
    Object.assign(this.counters, NO_COUNTS);
  }

  /** Marks the rows of a range as consumed. */
  #finish({ from, to }: RowRange): void {
    for (const segment of this.#segments) {
      if (endOf(segment) <= from || segment.firstEid >= to) continue;
      const last = placeOf(segment, to);
      for (let place = placeOf(segment, from); place < last; place++) this.#drop(segment, place, DONE);
    }
  }

  /** What `restore` needs besides the rows. */
  save(): SavedBuffer {
    const gone = this.#hasDone ? this.#doneRanges() : [];
    return { from: this.#firstEid, nextEid: this.#nextEid, readUpTo: this.#readUpTo, gone };
  }

  #doneRanges(): RowRange[] {
    const ranges = this.#done.filter(({ to }) => to > this.#firstEid);
    this.#done = ranges.map(range => ({ ...range }));
    for (const segment of this.#segments) {
      for (let place = placeOf(segment, this.#firstEid); place < segment.rows; place++) {
        if (segment.gone[place] === DONE) addNumber(ranges, eidAt(segment, place));
      }
    }
    this.#hasDone = ranges.length > 0;
    return ranges.sort((a, b) => a.from - b.from);
  }

  /**
   * The rows of a range as they came, for saving; also rows that are gone but still in their segment. Unpacked rows
   * are not copied and stay unchanged until `giveBack`. A whole segment is packed now if it was not before, so that
   * it is packed only once for disk and memory. A large part of a segment is packed too: writing it unpacked takes
   * longer.
   */
  batches({ from, to }: RowRange): (StoredBatch | PackedBatch)[] {
    const batches: (StoredBatch | PackedBatch)[] = [];
    for (const segment of this.#segments) {
      const first = placeOf(segment, Math.max(from, this.#firstEid));
      const last = placeOf(segment, to);
      if (first >= last) continue;
      if (first > 0 || last < segment.rows || segment.eids !== undefined) {
        batches.push(...partsOf(segment, first, last));
        continue;
      }
      if (segment.used >= KEPT_PACKED_BYTES) this.#pack(segment);
      const index = indexOf(segment, first, last);
      segment.readers++;
      if (segment.isPacked) {
        batches.push({ ...index, packed: segment.bytes, length: segment.used });
      } else {
        batches.push({ ...index, bytes: segment.bytes.subarray(0, segment.used) });
      }
    }
    return batches;
  }

  /** Ends the use of what `batches` returned. Until then its memory is not reused. */
  giveBack(batches: readonly (StoredBatch | PackedBatch)[]): void {
    for (const batch of batches) {
      const { buffer } = isPackedBatch(batch) ? batch.packed : batch.bytes;
      const segment = this.#segments.find(({ bytes }) => bytes.buffer === buffer);
      if (segment !== undefined) segment.readers--;
    }
  }

  get rowCount(): number {
    return this.#rows;
  }

  /** Bytes of memory for rows and their index, packed if they are packed. */
  get byteCount(): number {
    return Math.round(this.#bytes);
  }

  get range(): RowRange {
    return { from: this.#firstEid, to: this.#nextEid };
  }

  /** Bytes before the value of each column in a row. */
  get overheads(): Uint32Array {
    return this.#overheads;
  }

  /** Whether rows hold the value of a column in the form in which it is asked for. */
  holds(column: number): boolean {
    return column !== this.#derived?.column;
  }

  setLimits(limits: EventBufferLimits): void {
    this.#limits = limits;
    this.#evict();
  }

  /** Whether a row is there. */
  has(eid: number): boolean {
    return this.#find(eid) !== undefined;
  }

  /** Counts bytes that are kept beside a row as its memory, until the row is dropped. */
  charge(eid: number, bytes: number): void {
    const found = this.#find(eid);
    if (found === undefined) return;
    const { segment, place } = found;
    segment.beside ??= new Uint32Array(segment.ends.length);
    segment.beside[place]! += bytes;
    this.#owners.at(segment.owners[place]!).bytes += bytes;
    this.#bytes += bytes;
  }

  #find(eid: number): { readonly segment: Segment; readonly place: number } | undefined {
    const segment = this.#segments[this.#segmentOf(eid)];
    if (segment === undefined) return undefined;
    const place = placeOf(segment, eid);
    if (place >= segment.rows || eidAt(segment, place) !== eid) return undefined;
    return segment.gone[place] === THERE ? { segment, place } : undefined;
  }

  append(batch: RowBatch): void {
    this.#add(batch);
    this.counters.appended += batch.ends.length;
    this.#evict();
  }

  #add(batch: RowBatch): void {
    const { ends, times, masks, owners } = batch;
    for (let next = 0; next < ends.length; ) {
      const from = next === 0 ? 0 : ends[next - 1]!;
      const first = next;
      const segment = this.#segmentFor(ends[next]! - from);
      const used = segment.used;
      const room = from + segment.bytes.length - used;
      let key = -1;
      let account: OwnerAccount | undefined;
      let share: Share | undefined;
      let start = from;
      for (; next < ends.length && ends[next]! <= room; next++) {
        const place = segment.rows;
        if (place === segment.ends.length) growIndex(segment);
        const end = ends[next]!;
        const time = times[next]!;
        if (account === undefined || owners[next] !== key) {
          key = owners[next]!;
          account = this.#owners.of(key);
          share = shareOf(segment, account.slot);
        }
        segment.ends[place] = used + end - from;
        segment.times[place] = time;
        if (time < segment.oldest) segment.oldest = time;
        if (time > segment.newest) segment.newest = time;
        segment.masks[2 * place] = masks[2 * next]!;
        segment.masks[2 * place + 1] = masks[2 * next + 1]!;
        segment.owners[place] = account.slot;
        if (segment.eids !== undefined) segment.eids[place] = this.#nextEid;
        if (account.rows === 0) account.oldest = this.#nextEid;
        count(account, share!, end - start);
        start = end;
        segment.rows++;
        this.#nextEid++;
      }
      const added = next - first;
      const length = start - from;
      segment.bytes.set(batch.bytes.subarray(from, start), used);
      segment.used += length;
      segment.live += added;
      segment.liveBytes += length;
      this.#rows += added;
      this.#bytes += length + added * ROW_INDEX_BYTES;
      this.#unpacked += length;
    }
  }

  #segmentFor(bytes: number): Segment {
    const last = this.#segments.at(-1);
    if (last?.isPacked === false && last.used + bytes <= last.bytes.length) {
      if (last.eids === undefined && endOf(last) !== this.#nextEid) allowGaps(last);
      return last;
    }
    const old = this.#segments.at(-OPEN_SEGMENTS);
    if (old !== undefined) this.#pack(old);
    this.#indexes.forgetIdle();
    const rows = Math.max(INITIAL_ROWS, Math.ceil((last?.rows ?? 0) * SPARE_ROWS));
    const segment = newSegment(this.#memoryFor(bytes), this.#nextEid, rows);
    this.#segments.push(segment);
    return segment;
  }

  /**
   * Reuses the memory of segments. Freeing a megabyte that often would make the garbage collector scan the whole
   * heap, and the system clear 256 pages.
   */
  #memoryFor(bytes: number): Buffer {
    const spare = bytes <= SEGMENT_BYTES ? this.#spare : undefined;
    if (spare === undefined) {
      // Slow buffers are allocated separately: in the pool, segments would keep each other alive.
      return Buffer.allocUnsafeSlow(Math.max(SEGMENT_BYTES, bytes));
    }
    this.#spare = undefined;
    return spare;
  }

  #pack(segment: Segment): void {
    if (segment.isPacked || segment.used === 0) return;
    this.#takeSpare(segment);
    segment.bytes = packRows(segment.bytes.subarray(0, segment.used));
    segment.isPacked = true;
    // Their readers have the old memory.
    segment.readers = 0;
    segment.rate = segment.bytes.length / segment.used;
    const saved = 1 - segment.rate;
    for (const [slot, { rows, bytes }] of segment.shares) {
      if (rows > 0) this.#owners.at(slot).bytes -= bytes * saved;
    }
    this.#bytes -= segment.liveBytes * saved;
    if (this.#spill !== undefined && this.#bytes > this.#spill.from) this.#spill.take(segment);
  }

  #takeSpare({ bytes, isPacked, readers }: Segment): void {
    if (!isPacked && readers === 0 && bytes.length === SEGMENT_BYTES) this.#spare = bytes;
  }

  /** Frees the memory of a dropped segment at once: in a flood there would be as much again before V8 collects it. */
  #release(segment: Segment): void {
    if (!segment.isPacked) this.#takeSpare(segment);
    else if (segment.readers === 0 && this.#spill === undefined) releasePacked(segment.bytes);
  }

  #evict(): void {
    const room = this.#hold.factor;
    const rows = room * this.#limits.rows;
    const bytes = room * this.#limits.bytes;
    while (this.#rows > rows) this.#relieve('rows', () => this.#rows - rows);
    while (this.#rows > 0 && this.#bytes > bytes) this.#relieve('bytes', () => this.#bytes - bytes);
    while (this.#rows > 0 && this.#unpacked > UNPACKED_FACTOR * bytes)
      this.#relieve('unpacked', () => this.#unpacked - UNPACKED_FACTOR * bytes);
    this.#advance();
  }

  /** Keeps rows above the limit for a moment: a query has seen them, will look again, and must see the same. */
  hold(): void {
    this.#hold.begin();
  }

  /** Drops the rows above the limit, unless they are held. */
  makeRoom(): void {
    this.#evict();
  }

  /** Evicts the oldest rows of the owner with the largest share, until the limit holds or another owner clearly has more. */
  #relieve(measure: Measure, excess: () => number): void {
    const found = this.#owners.heaviest(measure);
    if (found === undefined) return;
    const { account, next } = found;
    const least = next - next / EQUAL_SHARE;
    for (let at = this.#segmentOf(account.oldest); at < this.#segments.length && account.rows > 0; ) {
      const segment = this.#segments[at]!;
      const share = segment.shares.get(account.slot);
      if (share !== undefined && share.rows > 0) {
        const most = Math.min(excess(), account[measure] - least);
        this.#evictFrom(segment, account, share, { measure, most });
        if (share.rows > 0 || excess() <= 0 || account[measure] <= least) {
          if (share.rows === 0) this.#tidy(at);
          return;
        }
      }
      if (!this.#tidy(at)) at++;
    }
  }

  /** Evicts the oldest rows of an owner from a segment: at least one, and as many as the measure requires. */
  #evictFrom(
    segment: Segment,
    account: OwnerAccount,
    share: Share,
    { measure, most }: { readonly measure: Measure; readonly most: number },
  ): void {
    const { gone, owners, ends, rate, beside } = segment;
    const { slot } = account;
    const perRow = measure === 'rows' ? 1 : measure === 'bytes' ? ROW_INDEX_BYTES : 0;
    const perByte = measure === 'rows' ? 0 : measure === 'bytes' ? rate : 1;
    const perByteBeside = measure === 'bytes' ? 1 : 0;
    let place = placeOf(segment, account.oldest);
    let rows = 0;
    let bytes = 0;
    let besideBytes = 0;
    let unread = 0;
    do {
      while (gone[place] !== THERE || owners[place] !== slot) place++;
      gone[place] = EVICTED;
      rows++;
      bytes += ends[place]! - startAt(segment, place);
      if (beside !== undefined) besideBytes += beside[place]!;
      if (eidAt(segment, place) >= this.#readUpTo) unread++;
      place++;
    } while (rows < share.rows && rows * perRow + bytes * perByte + besideBytes * perByteBeside < most);
    account.oldest = place < segment.rows ? eidAt(segment, place) : endOf(segment);
    this.#discount(segment, account, share, { rows, bytes, beside: besideBytes });
    this.counters.evicted += rows;
    this.counters.evictedUnread += unread;
  }

  /** Marks a row as gone, whoever owns most. */
  #drop(segment: Segment, place: number, why: number): void {
    if (segment.gone[place] !== THERE) return;
    segment.gone[place] = why;
    if (why === DONE) this.#hasDone = true;
    const slot = segment.owners[place]!;
    const bytes = segment.ends[place]! - startAt(segment, place);
    const beside = segment.beside?.[place] ?? 0;
    this.#discount(segment, this.#owners.at(slot), segment.shares.get(slot)!, { rows: 1, bytes, beside });
  }

  #discount(
    segment: Segment,
    account: OwnerAccount,
    share: Share,
    { rows, bytes, beside }: { readonly rows: number; readonly bytes: number; readonly beside: number },
  ): void {
    const memory = bytes * segment.rate + rows * ROW_INDEX_BYTES + beside;
    segment.live -= rows;
    segment.liveBytes -= bytes;
    share.rows -= rows;
    share.bytes -= bytes;
    account.rows -= rows;
    account.unpacked -= bytes;
    // Sums computed from the packing rate drift, so they are reset where the exact value is known.
    account.bytes = account.rows === 0 ? 0 : account.bytes - memory;
    this.#rows -= rows;
    this.#unpacked -= bytes;
    this.#bytes = this.#rows === 0 ? 0 : this.#bytes - memory;
  }

  /** The place of the segment with a row, or of the next one behind it. */
  #segmentOf(eid: number): number {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (endOf(this.#segments[middle]!) <= eid) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Removes a segment without rows, or gathers the remains of one that has lost most of them.
   *
   * @returns whether another segment is in its place now
   */
  #tidy(at: number): boolean {
    const segment = this.#segments[at]!;
    const isNewest = at === this.#segments.length - 1;
    if (segment.live > 0) {
      const isSparse = 2 * segment.live < segment.rows || 2 * segment.liveBytes < segment.used;
      return isSparse && !isNewest && this.#gather(at);
    }
    this.#noteDone(segment);
    this.#segments.splice(at, 1);
    if (this.#gathering === segment) this.#gathering = undefined;
    this.#release(segment);
    return true;
  }

  #tidyAll(): void {
    for (let at = 0; at < this.#segments.length; ) if (!this.#tidy(at)) at++;
  }

  /** Notes which rows of a segment that will be dropped must not come back after a restart. */
  #noteDone(segment: Segment): void {
    if (!this.#hasDone) return;
    for (let place = 0; place < segment.rows; place++) {
      if (segment.gone[place] === DONE) addNumber(this.#done, eidAt(segment, place));
    }
  }

  /**
   * Copies the remaining rows of a segment to the end of the previous segment, if that one gathers remains, or into a
   * new one.
   *
   * @returns whether the next segment is in its place now
   */
  #gather(at: number): boolean {
    const segment = this.#segments[at]!;
    const before = this.#segments[at - 1];
    const fits =
      before !== undefined &&
      before === this.#gathering &&
      !before.isPacked &&
      before.used + segment.liveBytes <= before.bytes.length;
    const target = fits ? before : this.#newGathering(segment);
    this.#noteDone(segment);
    const rows = rowsOf(segment);
    for (let place = 0; place < segment.rows; place++) {
      if (segment.gone[place] === THERE) this.#move(segment, rows, place, target);
    }
    if (segment.isPacked) releaseRows(rows, segment.used);
    this.#release(segment);
    if (fits) this.#segments.splice(at, 1);
    else this.#segments[at] = target;
    return fits;
  }

  #newGathering(segment: Segment): Segment {
    if (this.#gathering !== undefined && this.#gathering !== segment) this.#pack(this.#gathering);
    const bytes = Buffer.allocUnsafeSlow(Math.max(GATHER_BYTES, segment.liveBytes));
    const gathering = newSegment(bytes, eidAt(segment, segment.gone.indexOf(THERE)), segment.live);
    allowGaps(gathering);
    this.#gathering = gathering;
    return gathering;
  }

  /** Copies a row; it takes the memory of unpacked bytes again. */
  #move(segment: Segment, rows: Buffer, from: number, target: Segment): void {
    const start = startAt(segment, from);
    const end = segment.ends[from]!;
    const length = end - start;
    const time = segment.times[from]!;
    const slot = segment.owners[from]!;
    const to = target.rows;
    if (to === target.ends.length) growIndex(target);
    rows.copy(target.bytes, target.used, start, end);
    target.used += length;
    target.ends[to] = target.used;
    target.times[to] = time;
    if (time < target.oldest) target.oldest = time;
    if (time > target.newest) target.newest = time;
    target.masks[2 * to] = segment.masks[2 * from]!;
    target.masks[2 * to + 1] = segment.masks[2 * from + 1]!;
    target.owners[to] = slot;
    target.eids![to] = eidAt(segment, from);
    if (segment.beside !== undefined) {
      target.beside ??= new Uint32Array(target.ends.length);
      target.beside[to] = segment.beside[from]!;
    }
    target.rows++;
    target.live++;
    target.liveBytes += length;
    const share = shareOf(target, slot);
    share.rows++;
    share.bytes += length;
    const more = length * (1 - segment.rate);
    this.#owners.at(slot).bytes += more;
    this.#bytes += more;
  }

  /** Finds the oldest existing row. */
  #advance(): void {
    const [segment] = this.#segments;
    if (segment === undefined || segment.live === 0) {
      this.#firstEid = this.#nextEid;
      return;
    }
    let place = placeOf(segment, this.#firstEid);
    while (segment.gone[place] !== THERE) place++;
    this.#firstEid = eidAt(segment, place);
  }

  /**
   * Drops all rows whose event was before `time` (seconds since the epoch), in any place: clocks are changed, and one
   * row from the future must not keep all rows behind it.
   */
  expireBefore(time: number): void {
    for (const segment of this.#segments) if (segment.oldest < time) this.#expireOf(segment, time);
    this.#tidyAll();
    this.#advance();
  }

  #expireOf(segment: Segment, time: number): void {
    segment.oldest = Number.POSITIVE_INFINITY;
    for (let place = 0; place < segment.rows; place++) {
      if (segment.gone[place] !== THERE) continue;
      if (segment.times[place]! >= time) {
        segment.oldest = Math.min(segment.oldest, segment.times[place]!);
        continue;
      }
      this.#drop(segment, place, DONE);
      this.counters.expired++;
      if (eidAt(segment, place) >= this.#readUpTo) this.counters.expiredUnread++;
    }
  }

  /** Drops the rows below a number, because all their readers have read them. */
  discardBelow(eid: number): void {
    this.discard([{ from: this.#firstEid, to: eid }]);
  }

  /** Drops rows that all their readers have read. */
  discard(ranges: readonly RowRange[]): void {
    for (const range of ranges) this.#finish(range);
    this.#tidyAll();
    this.#advance();
  }

  /** Notes that rows below `eid` were returned: dropping them later is no loss. */
  markRead(eid: number): void {
    this.#readUpTo = Math.max(this.#readUpTo, eid);
  }

  /**
   * Rows of a span that pass the filter, with the wanted columns only, oldest first. Without a filter, the bytes are
   * made only when they are asked for, from the rows as they are now: a client that asks for many is served a
   * megabyte at a time, and others in between. Rows wanted whole are passed on without a copy, neighbours as one
   * chunk. A column that is looked up repeatedly gets an index.
   */
  select(
    span: RowSpan,
    wanted: ColumnMask,
    { filter, consume = false, lateColumns, enough }: SelectionOptions = {},
  ): Selection {
    const from = Math.max(span.from, this.#firstEid);
    const to = Math.min(span.to, this.#nextEid);
    const times = span.times ?? ANY_TIME;
    const isLate =
      filter === undefined &&
      enough === undefined &&
      (wanted.low !== 0 || wanted.high !== 0) &&
      this.#unpacked <= LATE_BYTES;
    const derived = this.#derived?.isWanted(wanted) === true ? this.#derived : undefined;
    const ofRows = { wanted, overheads: this.#overheads, lateColumns, derived };
    const writer = new SelectionWriter(wanted, this.#overheads);
    const chunks: LateChunk[] = [];
    let count = 0;
    let length = 0;
    let next: number | undefined;
    const row = new SegmentRow();
    const found = span.lookups?.length ? this.#indexes.choose(span.lookups) : undefined;
    for (const segment of this.#segments) {
      const first = placeOf(segment, from);
      const last = placeOf(segment, to);
      if (first >= last || segment.newest < times.from || segment.oldest > times.to) continue;
      if (enough !== undefined && length >= enough) {
        next = eidAt(segment, first);
        break;
      }
      let chosen =
        found === undefined
          ? rowsWithin(segment, first, last, times)
          : thoseWithin(segment, found.index.placesIn(segment, found.keys, first, last), times);
      if (chosen.length === 0) continue;
      segment.readers++;
      row.open(segment, chosen);
      if (isLate) {
        count += chosen.length;
        chunks.push(new SegmentChunk(segment, chosen, ofRows));
      } else {
        if (filter !== undefined) chosen = rowsThat(filter, row, chosen);
        for (const index of chosen) {
          row.moveTo(index);
          const late = lateColumns?.find(row.eid) ?? NO_ENTRIES;
          writer.add(row, derived === undefined ? late : withDerived(row, derived, late));
        }
        length = writer.endSegment();
        row.leave(writer);
      }
      this.#consume(segment, chosen, consume);
    }
    if (consume === true) {
      this.#tidyAll();
      this.#advance();
    }
    return isLate ? { count, chunks } : { ...writer.finish(), next };
  }

  #consume(segment: Segment, places: Uint32Array, consume: boolean | RowRanges): void {
    if (consume === false) return;
    for (const place of places) {
      if (consume === true) this.#drop(segment, place, DONE);
      else consume.add(eidAt(segment, place));
    }
  }
}

/** The rows between two places of a segment, as one batch for each run of consecutive numbers. */
const partsOf = (segment: Segment, first: number, last: number): (StoredBatch | PackedBatch)[] => {
  const rows = rowsOf(segment);
  return Array.from(runsOf(segment, first, last), ([begin, end]) => {
    const index = indexOf(segment, begin, end);
    const bytes = rows.subarray(startAt(segment, begin), segment.ends[end - 1]!);
    if (bytes.length >= KEPT_PACKED_BYTES) return { ...index, packed: packRows(bytes), length: bytes.length };
    if (!segment.isPacked) segment.readers++;
    return { ...index, bytes };
  });
};

/** The index of the rows between two places of a segment, whose numbers are consecutive. */
const indexOf = (segment: Segment, first: number, last: number): Omit<StoredBatch, 'bytes'> => {
  const start = startAt(segment, first);
  return {
    firstEid: eidAt(segment, first),
    ends: segment.ends.slice(first, last).map(end => end - start),
    times: segment.times.subarray(first, last),
    masks: segment.masks.subarray(2 * first, 2 * last),
  };
};

const count = (account: OwnerAccount, share: Share, bytes: number): void => {
  account.rows++;
  account.bytes += bytes + ROW_INDEX_BYTES;
  account.unpacked += bytes;
  share.rows++;
  share.bytes += bytes;
};

/** Adds a number to ranges that have only lower ones, or adds a range for it. */
const addNumber = (ranges: { from: number; to: number }[], eid: number): void => {
  const last = ranges.at(-1);
  if (last?.to === eid) last.to++;
  else ranges.push({ from: eid, to: eid + 1 });
};
