/** Milliseconds for which rows that were seen are held: as long as core takes between two reads of one query. */
const HOLD_MS = 1_000;
/** … and how much more than the limits there may be meanwhile. */
const HELD_FACTOR = 2;

/** Whether rows that somebody has seen, who will look again, are kept although there is no room for them. */
export class Hold {
  readonly #now: () => number;
  #until = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds of a clock that nobody sets */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Begins anew. */
  begin(): void {
    this.#until = this.#now() + HOLD_MS;
  }

  /** How many times as much as the limits say there may be now. */
  get factor(): number {
    return this.#now() < this.#until ? HELD_FACTOR : 1;
  }
}
