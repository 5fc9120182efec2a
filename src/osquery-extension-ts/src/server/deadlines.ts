/** Somebody who has to be done by a time. */
export interface Due {
  /** Milliseconds of the clock; Infinity for none. */
  readonly deadline: number;
  /** It was not done by then. */
  expire(): void;
}

/** One timer for the deadlines of many: nearly all are done long before, and a timer of its own for each costs more than that. */
export class Deadlines {
  readonly #all: Iterable<Due>;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires. */
  #at = Number.POSITIVE_INFINITY;

  /** @param all whose deadlines are kept, as they are when one has passed */
  constructor(all: Iterable<Due>) {
    this.#all = all;
  }

  /** Now, in milliseconds of a clock that nobody sets. */
  static now(): number {
    return performance.now();
  }

  /** Somebody has a deadline. */
  add(deadline: number): void {
    if (deadline >= this.#at) return;
    clearTimeout(this.#timer);
    this.#at = deadline;
    // Whoever is waited for keeps the process alive itself.
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

  /** Nobody is left. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#at = Number.POSITIVE_INFINITY;
  }
}
