/** The Event Model's clock; tests pass one that they control. */
export interface Clock {
  /** Milliseconds since the epoch. */
  wallMs(): number;
  /** Milliseconds that never run backwards, from an arbitrary origin. */
  monotonicMs(): number;
  /** CLOCK_MONOTONIC in nanoseconds, the clock of the kernel's own event timestamps. */
  monotonicNs(): bigint;
  /** Runs `run` once after `ms`; the returned function cancels. The timer does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  monotonicNs: () => process.hrtime.bigint(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
