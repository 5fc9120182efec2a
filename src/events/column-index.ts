import type { KeyOf } from './column-key.ts';
import { findValue } from './encoded-row.ts';
import { releaseRows } from './packing.ts';
import { rowsOf, type Segment } from './segment.ts';

/** Finds rows by the value of one column, by keys of that value. */
export interface Lookup {
  readonly column: number;
  readonly keyOf: KeyOf;
  readonly keys: readonly number[];
}

/**
 * Index of one column, kept per segment and built when a value is first looked up in the segment. It takes about 10 bytes per
 * row.
 */
export class ColumnIndex {
  readonly #column: number;
  readonly #keyOf: KeyOf;
  readonly #overheads: Uint32Array;
  readonly #segments = new WeakMap<Segment, SegmentKeys>();

  constructor(column: number, keyOf: KeyOf, overheads: Uint32Array) {
    this.#column = column;
    this.#keyOf = keyOf;
    this.#overheads = overheads;
  }

  /** Places from `first` to before `last` of a segment whose value may have one of the keys, in order. */
  placesIn(segment: Segment, keys: readonly number[], first: number, last: number): Uint32Array {
    const index = this.#indexOf(segment);
    const places: number[] = [];
    for (const key of keys) index.find(key, first, last, places);
    if (places.length === 0) return NOWHERE;
    // A row has one key; the chains run from the last row to the first.
    return places.length < 2 ? Uint32Array.from(places) : Uint32Array.from(places).sort();
  }

  #indexOf(segment: Segment): SegmentKeys {
    let index = this.#segments.get(segment);
    if (index === undefined) {
      index = new SegmentKeys();
      this.#segments.set(segment, index);
    }
    if (index.rows < segment.rows) this.#extend(index, segment);
    return index;
  }

  #extend(index: SegmentKeys, segment: Segment): void {
    index.makeRoom(segment.rows);
    const bytes = rowsOf(segment);
    const { ends, masks } = segment;
    const row = { bytes, start: 0, low: 0, high: 0 };
    for (let place = index.rows; place < segment.rows; place++) {
      row.start = place === 0 ? 0 : ends[place - 1]!;
      row.low = masks[2 * place]!;
      row.high = masks[2 * place + 1]!;
      const value = findValue(row, this.#column, this.#overheads);
      index.add(value && this.#keyOf(bytes, value.start, value.end));
    }
    if (segment.isPacked) releaseRows(bytes, segment.used);
  }
}

const NOWHERE = new Uint32Array(0);

/** Some spare room: a growing segment is indexed again later. */
const SPARE = 1.25;
const NONE = 0;

/** Rows by key: chains of places, each from the last row to the first. */
class SegmentKeys {
  /** Rows indexed so far. */
  rows = 0;
  /** By the lower bits of a key: one more than the place of the last row with it, or NONE. */
  #heads: Uint16Array | Uint32Array = new Uint16Array(0);
  /** By place: one more than the previous place in its chain. */
  #next: Uint16Array | Uint32Array = new Uint16Array(0);
  #keys = new Uint32Array(0);

  makeRoom(rows: number): void {
    if (rows <= this.#keys.length) return;
    const room = this.rows === 0 ? rows : Math.ceil(rows * SPARE);
    const keys = new Uint32Array(room);
    keys.set(this.#keys.subarray(0, this.rows));
    this.#keys = keys;
    const Places = room < 0xffff ? Uint16Array : Uint32Array;
    this.#heads = new Places(2 ** Math.ceil(Math.log2(room)));
    const before = this.#next;
    this.#next = new Places(room);
    for (let place = 0; place < this.rows; place++) {
      // A row in no chain has no value.
      if (before[place] !== place + 1) this.#link(place);
      else this.#next[place] = place + 1;
    }
  }

  /** @param key undefined for a row without the value */
  add(key: number | undefined): void {
    const place = this.rows++;
    if (key === undefined) {
      this.#next[place] = place + 1;
      return;
    }
    this.#keys[place] = key;
    this.#link(place);
  }

  #link(place: number): void {
    const bucket = this.#keys[place]! & (this.#heads.length - 1);
    this.#next[place] = this.#heads[bucket]!;
    this.#heads[bucket] = place + 1;
  }

  /** Adds the places from `first` to before `last` that have the key. */
  find(key: number, first: number, last: number, places: number[]): void {
    for (let next = this.#heads[key & (this.#heads.length - 1)] ?? NONE; next !== NONE; ) {
      const place = next - 1;
      if (place < first) return;
      if (place < last && this.#keys[place] === key) places.push(place);
      next = this.#next[place]!;
    }
  }
}
