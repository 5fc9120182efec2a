/** Seconds by which the wall clock may run away from the monotonic one between two looks; it is slewed slower than that. */
const STEP_S = 10;

/**
 * The wall clock, for dropping events by age. Where it was set, or the host was asleep, the time of an event does not say
 * how old it is: there is no time then, until what had come before is older than the age in question all the same.
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
   * Seconds since the epoch; undefined where events are not to be judged by it.
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
