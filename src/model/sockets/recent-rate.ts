/** Milliseconds over which events are counted. */
const WINDOW_MS = 100;

/** Whether events come faster than at some rate, in this tenth of a second or in the previous one. */
export class RecentRate {
  readonly #most: number;
  #start = Number.NEGATIVE_INFINITY;
  #count = 0;
  #before = 0;

  constructor(perSecond: number) {
    this.#most = (perSecond * WINDOW_MS) / 1000;
  }

  /** @param now milliseconds of a monotonic clock */
  count(now: number): void {
    if (now - this.#start >= WINDOW_MS) {
      this.#before = now - this.#start < 2 * WINDOW_MS ? this.#count : 0;
      this.#start = now;
      this.#count = 0;
    }
    this.#count++;
  }

  get isFlood(): boolean {
    return this.#count > this.#most || this.#before > this.#most;
  }
}
