/** Limits how often something may happen: a number of times a second, and as many at once after a second of rest. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #now: () => number;
  /** Tokens that must have gathered before any are given out again, after a request was refused. */
  readonly #gathered: number;
  #isDry = false;
  /** Negative after something that had to continue. */
  #tokens: number;
  #reckonedAt: number;

  /**
   * @param now milliseconds of a monotonic clock
   * @param gatherMs milliseconds that tokens gather after a refusal, so that they are taken together
   */
  constructor(perSecond: number, now: () => number, gatherMs = 0) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#gathered = Math.max(1, Math.min(perSecond, (perSecond * gatherMs) / 1000));
    this.#tokens = perSecond;
    this.#reckonedAt = now();
  }

  /** @returns false if it is too early; then nothing is taken */
  tryTake(): boolean {
    this.#refill();
    this.#isDry = this.#tokens < (this.#isDry ? this.#gathered : 1);
    if (this.#isDry) return false;
    this.#tokens--;
    return true;
  }

  /** Takes this many, or all available if there are fewer; nothing of what is gathering. */
  takeAtMost(count: number): void {
    if (this.#isDry) return;
    this.#refill();
    if (count <= this.#tokens) {
      this.#tokens -= count;
    } else {
      this.#tokens = Math.min(this.#tokens, 0);
      this.#isDry = true;
    }
  }

  /** Takes this many, from later ones if there are fewer. */
  take(count = 1): void {
    this.#refill();
    this.#tokens -= count;
  }

  /** Milliseconds until there is one. */
  get wait(): number {
    this.#refill();
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond);
  }

  #refill(): void {
    const now = this.#now();
    this.#tokens = Math.min(
      this.#perSecond,
      this.#tokens + ((now - this.#reckonedAt) * this.#perSecond) / 1000,
    );
    this.#reckonedAt = now;
  }
}
