/** Something with a deadline. */
export interface Due {
  /** Milliseconds of the clock; Infinity for none. */
  readonly deadline: number;
  /** The deadline has passed. */
  expire(): void;
}

/**
 * One timer for the deadlines of many objects: nearly all are done long before, and a separate timer for each costs
 * more.
 */
export class Deadlines {
  readonly #all: Iterable<Due>;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires. */
  #at = Number.POSITIVE_INFINITY;

  /** @param all objects with deadlines, looked at when one has passed */
  constructor(all: Iterable<Due>) {
    this.#all = all;
  }

  /** Now, in milliseconds of a monotonic clock. */
  static now(): number {
    return performance.now();
  }

  /** A new deadline. */
  add(deadline: number): void {
    if (deadline >= this.#at) return;
    clearTimeout(this.#timer);
    this.#at = deadline;
    // What is awaited keeps the process alive by itself.
    this.#timer = setTimeout(() => this.#pass(), Math.max(1, deadline - Deadlines.now())).unref();
  }

  #pass(): void {
    this.#at = Number.POSITIVE_INFINITY;
    const now = Deadlines.now();
    let next = Number.POSITIVE_INFINITY;
    for (const due of this.#all) {
      if (due.deadline <= now) due.expire();
      else next = Math.min(next, due.deadline);
    }
    if (next < Number.POSITIVE_INFINITY) this.add(next);
  }

  /** There are no deadlines any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#at = Number.POSITIVE_INFINITY;
  }
}
