/** A range of row numbers (`eid`), `from` inclusive, `to` exclusive. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** Most ranges before they are sorted and merged: a join finds one row at a time, and some of them repeatedly. */
const MOST_RANGES = 1_000;

/** Numbers of rows, in any order. */
export class RowRanges {
  #ranges: { from: number; to: number }[] = [];

  add(eid: number): void {
    const last = this.#ranges.at(-1);
    if (last?.to === eid) {
      last.to++;
      return;
    }
    if (this.#ranges.length >= MOST_RANGES) this.#merge();
    this.#ranges.push({ from: eid, to: eid + 1 });
  }

  /** Removes and returns them, in order. */
  take(): readonly RowRange[] {
    this.#merge();
    const taken = this.#ranges;
    this.#ranges = [];
    return taken;
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  #merge(): void {
    const merged: { from: number; to: number }[] = [];
    for (const range of this.#ranges.toSorted((a, b) => a.from - b.from)) {
      const last = merged.at(-1);
      if (last !== undefined && range.from <= last.to) last.to = Math.max(last.to, range.to);
      else merged.push(range);
    }
    this.#ranges = merged;
  }
}
