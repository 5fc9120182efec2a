import { readSync, writeSync } from 'node:fs';

/** Words of the shared memory: how often it was rung, and whether its owner may have something at hand. */
const RINGS = 0;
const AT_HAND = 1;
/** … and does not wait for a ring, but for the descriptor. */
const AT_HAND_BY_DESCRIPTOR = 2;
const ONE = new BigUint64Array([1n]);

/**
 * Wakes the ingest thread. Both threads build theirs on the same memory: messages do not reach a thread whose event loop stands
 * still.
 */
export class WakeSignal {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #descriptor: number | undefined;

  /** @param descriptor of an eventfd, for an owner that waits for another descriptor at the same time */
  constructor(shared = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT), descriptor?: number) {
    this.shared = shared;
    this.#words = new Int32Array(shared);
    this.#descriptor = descriptor;
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
    if (Atomics.load(this.#words, AT_HAND) === AT_HAND_BY_DESCRIPTOR) this.#write();
    // It may have gone to sleep before it saw this.
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
   * Waits for something else while something is at hand.
   *
   * @param wait for it or for a ring, which the descriptor tells
   * @returns what `wait` returns, or false at once if it was rung more than `heard` times
   */
  restAtHand(heard: number, wait: (descriptor: number) => boolean): boolean {
    if (this.#descriptor === undefined) return false;
    Atomics.store(this.#words, AT_HAND, AT_HAND_BY_DESCRIPTOR);
    const has = this.rings === heard && wait(this.#descriptor);
    Atomics.store(this.#words, AT_HAND, 1);
    if (this.rings !== heard) this.#empty();
    return has;
  }

  #write(): void {
    if (this.#descriptor !== undefined) writeSync(this.#descriptor, ONE);
  }

  #empty(): void {
    try {
      readSync(this.#descriptor!, new BigUint64Array(1));
    } catch {
      // EAGAIN: it was rung, and is about to be written to; the next wait ends at once.
    }
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

  /** Until the next pause there is nothing at hand, and nobody gets an answer. */
  leave(): void {
    Atomics.store(this.#words, AT_HAND, 0);
  }
}
