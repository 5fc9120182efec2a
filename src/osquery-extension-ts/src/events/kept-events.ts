import { type EventCounters, type EventRows, NO_COUNTS } from './event-rows.ts';
import { Hold } from './hold.ts';
import type { RowRange, RowRanges } from './row-ranges.ts';

/** One row, with its time and size. */
export interface KeptEvent<Row> {
  readonly row: Row;
  /** Time of its event, in seconds since the epoch. */
  readonly time: number;
  /** What it counts in the limit of bytes. */
  readonly bytes: number;
}

/** Limits; the newest rows stay. */
export interface KeptEventLimits {
  readonly rows: number;
  readonly bytes: number;
}

/** Most empty places at the front before the others are moved. */
const MOST_EMPTY = 4_096;

/** The rows of an event table as objects, in memory. */
export class KeptEvents<Row> implements EventRows {
  readonly counters: EventCounters = { ...NO_COUNTS };
  /** By number, starting with that of the first place; undefined for a dropped row. */
  #places: (KeptEvent<Row> | undefined)[] = [];
  #firstPlace = 1;
  /** Number of the oldest existing row. */
  #oldest = 1;
  #rows = 0;
  #bytes = 0;
  #readUpTo = 1;
  #limits: KeptEventLimits;
  readonly #hold: Hold;

  /** @param now milliseconds of a monotonic clock */
  constructor(limits: KeptEventLimits, now = () => performance.now()) {
    this.#limits = limits;
    this.#hold = new Hold(now);
  }

  get range(): RowRange {
    return { from: this.#oldest, to: this.#firstPlace + this.#places.length };
  }

  get rowCount(): number {
    return this.#rows;
  }

  get byteCount(): number {
    return this.#bytes;
  }

  /** Adds a row behind the others, with number `range.to`. */
  append(event: KeptEvent<Row>): void {
    this.#places.push(event);
    this.#rows += 1;
    this.#bytes += event.bytes;
    this.counters.appended += 1;
    this.makeRoom();
  }

  setLimits(limits: KeptEventLimits): void {
    this.#limits = limits;
    this.makeRoom();
  }

  makeRoom(): void {
    const rows = this.#limits.rows * this.#hold.factor;
    const bytes = this.#limits.bytes * this.#hold.factor;
    while (this.#rows > 0 && (this.#rows > rows || this.#bytes > bytes)) {
      if (this.#oldest >= this.#readUpTo) this.counters.evictedUnread += 1;
      this.counters.evicted += 1;
      this.#drop(this.#oldest);
    }
  }

  hold(): void {
    this.#hold.begin();
  }

  expireBefore(time: number): void {
    const { from, to } = this.range;
    for (let eid = from; eid < to; eid += 1) {
      // In any place: clocks are changed, and one row from the future must not keep all later ones.
      const event = this.#at(eid);
      if (event === undefined || event.time >= time) continue;
      if (eid >= this.#readUpTo) this.counters.expiredUnread += 1;
      this.counters.expired += 1;
      this.#drop(eid);
    }
  }

  markRead(eid: number): void {
    this.#readUpTo = Math.max(this.#readUpTo, eid);
  }

  discard(ranges: readonly RowRange[]): void {
    for (const { from, to } of ranges) {
      for (let eid = Math.max(from, this.#oldest); eid < to; eid += 1) this.#drop(eid);
    }
  }

  discardBelow(eid: number): void {
    this.discard([{ from: this.#oldest, to: Math.min(eid, this.range.to) }]);
  }

  /**
   * The rows of a range that pass, oldest first.
   *
   * @param returned collects their numbers
   */
  select({ from, to }: RowRange, passes: (row: Row) => boolean, returned?: RowRanges): Row[] {
    const found: Row[] = [];
    const end = Math.min(to, this.range.to);
    for (let eid = Math.max(from, this.#oldest); eid < end; eid += 1) {
      const event = this.#at(eid);
      if (event === undefined || !passes(event.row)) continue;
      found.push(event.row);
      returned?.add(eid);
    }
    return found;
  }

  #at(eid: number): KeptEvent<Row> | undefined {
    return this.#places[eid - this.#firstPlace];
  }

  #drop(eid: number): void {
    const event = this.#at(eid);
    if (event === undefined) return;
    this.#places[eid - this.#firstPlace] = undefined;
    this.#rows -= 1;
    this.#bytes -= event.bytes;
    if (eid === this.#oldest) this.#advance();
  }

  /** Finds the oldest existing row, and removes the places before it once there are many. */
  #advance(): void {
    const { to } = this.range;
    while (this.#oldest < to && this.#at(this.#oldest) === undefined) this.#oldest += 1;
    const empty = this.#oldest - this.#firstPlace;
    if (empty < MOST_EMPTY || empty < this.#rows) return;
    this.#places = this.#places.slice(empty);
    this.#firstPlace = this.#oldest;
  }
}
