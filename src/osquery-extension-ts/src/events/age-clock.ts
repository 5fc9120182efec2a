/**
 * Seconds by which the wall clock may move away from the monotonic one between two looks; slewing is slower than
 * that.
 */
const STEP_S = 10;

/**
 * The wall clock, for dropping events by age. If it was set, or the host was asleep, an event's time does not tell
 * its age. Then there is no time until all earlier events are older than the age in question anyway.
 */
export class AgeClock {
  readonly #wall: () => number;
  readonly #monotonic: () => number;
  #offset: number;
  #steppedAt = Number.NEGATIVE_INFINITY;

  /** Both in seconds. */
  constructor(wall = () => Date.now() / 1000, monotonic = () => performance.now() / 1000) {
    this.#wall = wall;
    this.#monotonic = monotonic;
    this.#offset = wall() - monotonic();
  }

  /**
   * Seconds since the epoch; undefined while events cannot be judged by it.
   *
   * @param age in seconds, at which they are dropped
   */
  now(age: number): number | undefined {
    const wall = this.#wall();
    const monotonic = this.#monotonic();
    const offset = wall - monotonic;
    if (Math.abs(offset - this.#offset) > STEP_S) this.#steppedAt = monotonic;
    this.#offset = offset;
    return monotonic - this.#steppedAt < age ? undefined : wall;
  }
}
