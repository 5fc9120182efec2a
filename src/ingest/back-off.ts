/** Pauses between attempts, growing while the attempts do not help. */
export class BackOff {
  readonly #firstMs: number;
  readonly #mostMs: number;
  readonly #calmMs: number;
  #pauseMs = 0;
  #lastAt = Number.NEGATIVE_INFINITY;

  /** @param calmMs time without another attempt after which it starts again */
  constructor({
    firstMs,
    mostMs,
    calmMs,
  }: { readonly firstMs: number; readonly mostMs: number; readonly calmMs: number }) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
    this.#calmMs = calmMs;
  }

  /** Milliseconds to pause before the next try. */
  next(now: number): number {
    const isCalm = now - this.#lastAt >= this.#calmMs;
    this.#pauseMs = isCalm ? this.#firstMs : Math.min(2 * this.#pauseMs, this.#mostMs);
    this.#lastAt = now + this.#pauseMs;
    return this.#pauseMs;
  }
}
