import { ColumnIndex, type Lookup } from './column-index.ts';

/** A column that is looked up twice within so many milliseconds gets an index. A join does that at once. */
const AGAIN_MS = 10_000;
/** Milliseconds after its last use for which an index is kept. */
const KEEP_MS = 60_000;
/** Indexes at once: a query joins by one column, or two. */
const MOST_INDEXES = 4;

interface Asked {
  at: number;
  index: ColumnIndex | undefined;
}

/** The indexes of a table. A column has one while it is looked up again and again. */
export class ColumnIndexes {
  readonly #overheads: Uint32Array;
  readonly #now: () => number;
  /** By column; the one asked for last is the last. */
  readonly #asked = new Map<number, Asked>();

  /** @param now milliseconds of a clock that nobody sets */
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

  /** Drops what nobody has used for a while. */
  forgetIdle(): void {
    const now = this.#now();
    for (const [column, { at }] of this.#asked) {
      if (now - at < KEEP_MS && this.#asked.size <= MOST_INDEXES) return;
      this.#asked.delete(column);
    }
  }
}
