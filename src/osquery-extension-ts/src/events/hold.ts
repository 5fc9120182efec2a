/** Milliseconds for which rows that were seen are held: the time that core takes between two reads of one query. */
const HOLD_MS = 1_000;
/** The factor by which rows may exceed the limits in the meantime. */
const HELD_FACTOR = 2;

/** Decides whether rows above the limits are kept, because a reader has seen them and will look again. */
export class Hold {
  readonly #now: () => number;
  #until = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds of a monotonic clock */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Starts the time again. */
  begin(): void {
    this.#until = this.#now() + HOLD_MS;
  }

  /** The factor by which the limits may be exceeded now. */
  get factor(): number {
    return this.#now() < this.#until ? HELD_FACTOR : 1;
  }
}
