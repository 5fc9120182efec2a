/** Words of the shared memory: how often it was rung, and whether its owner may have something at hand. */
const RINGS = 0;
const AT_HAND = 1;

/**
 * By this a thread is called out of a pause by another one. Both make theirs of the same memory: messages do not reach a
 * thread whose event loop stands still.
 */
export class WakeSignal {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(shared = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#words = new Int32Array(shared);
  }

  /**
   * Calls the other thread.
   *
   * @returns the number of this ring; undefined if the other thread has nothing at hand, or never pauses, and will not answer
   */
  ring(): number | undefined {
    if (!this.#hasAnything) return undefined;
    const ring = Atomics.add(this.#words, RINGS, 1) + 1;
    Atomics.notify(this.#words, RINGS);
    // It may have gone to rest before it could hear this.
    return this.#hasAnything ? ring : undefined;
  }

  get #hasAnything(): boolean {
    return Atomics.load(this.#words, AT_HAND) !== 0;
  }

  /** How often it was rung. */
  get rings(): number {
    return Atomics.load(this.#words, RINGS);
  }

  /** Holds up the thread, without CPU, until it is rung more than `heard` times. Not for a thread that has an event loop to run. */
  pause(heard: number, milliseconds: number): void {
    Atomics.store(this.#words, AT_HAND, 1);
    Atomics.wait(this.#words, RINGS, heard, milliseconds);
  }

  /**
   * Waits for something else, while there is nothing at hand that anybody could call for.
   *
   * @returns what `wait` returns, or false at once if it was rung more than `heard` times
   */
  rest(heard: number, wait: () => boolean): boolean {
    this.leave();
    const has = this.rings === heard && wait();
    Atomics.store(this.#words, AT_HAND, 1);
    return has;
  }

  /** Nothing is at hand, and nobody is answered, until the next pause. */
  leave(): void {
    Atomics.store(this.#words, AT_HAND, 0);
  }
}
