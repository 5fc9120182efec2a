import type { Clock } from '../../src/model/clock.ts';

/** A clock that stands still until it is turned; timers fire in order of their time. */
export class FakeClock implements Clock {
  #now = 1_000_000;
  readonly #wallOffset: number;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  /** @param wallMs wall time at the start */
  constructor(wallMs = Date.UTC(2024, 4, 21, 12)) {
    this.#wallOffset = wallMs - this.#now;
  }

  get timers(): number {
    return this.#timers.length;
  }

  wallMs(): number {
    return this.#now + this.#wallOffset;
  }

  monotonicMs(): number {
    return this.#now;
  }

  monotonicNs(): bigint {
    return BigInt(Math.round(this.#now * 1e6));
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter(other => other !== timer);
    };
  }

  /** Time passes without anybody being called: a thread that is busy. */
  stall(ms: number): void {
    this.#now += ms;
  }

  /** Time passes; timers fire, and what they resolve is carried on with. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter(other => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settled();
    }
    this.#now = end;
    await settled();
  }
}

/** Lets every promise that is ready be carried on with. */
export const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
