import { ColumnIndex, type Lookup } from './column-index.ts';

/** A column that is looked up twice within this time (milliseconds) gets an index. A join does that at once. */
const AGAIN_MS = 10_000;
/** Milliseconds that an index is kept after its last use. */
const KEEP_MS = 60_000;
/** Most indexes at once: a query joins by one or two columns. */
const MOST_INDEXES = 4;

interface Asked {
  at: number;
  index: ColumnIndex | undefined;
}

/** The indexes of a table. A column has one while it is looked up repeatedly. */
export class ColumnIndexes {
  readonly #overheads: Uint32Array;
  readonly #now: () => number;
  /** By column, least recently used first. */
  readonly #asked = new Map<number, Asked>();

  /** @param now milliseconds of a monotonic clock */
  constructor(overheads: Uint32Array, now = () => performance.now()) {
    this.#overheads = overheads;
    this.#now = now;
  }

  /** Chooses the index to use and the value to look up; undefined if reading the rows is better. */
  choose(
    lookups: readonly Lookup[],
  ): { readonly index: ColumnIndex; readonly keys: readonly number[] } | undefined {
    const now = this.#now();
    let chosen: { readonly index: ColumnIndex; readonly keys: readonly number[] } | undefined;
    for (const { column, keyOf, keys } of lookups) {
      const asked = this.#asked.get(column);
      this.#asked.delete(column);
      const isAgain = asked !== undefined && now - asked.at < (asked.index ? KEEP_MS : AGAIN_MS);
      const index = isAgain ? (asked.index ?? new ColumnIndex(column, keyOf, this.#overheads)) : undefined;
      this.#asked.set(column, { at: now, index });
      if (index !== undefined) chosen ??= { index, keys };
    }
    this.forgetIdle();
    return chosen;
  }

  /** Drops indexes that were not used for a while. */
  forgetIdle(): void {
    const now = this.#now();
    for (const [column, { at }] of this.#asked) {
      if (now - at < KEEP_MS && this.#asked.size <= MOST_INDEXES) return;
      this.#asked.delete(column);
    }
  }
}
