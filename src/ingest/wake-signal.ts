import { readSync, writeSync } from 'node:fs';

/** Words of the shared memory: the number of signals, what the owner waits for, and whether somebody wants its counters. */
const SIGNALS = 0;
const OWNER = 1;
const WANTED = 2;
/** What the owner waits for: positive if it may have something at hand. */
const NOTHING_AT_HAND = 0;
const AT_HAND = 1;
/** The same, if it does not wait for the memory but for the descriptor. */
const AT_HAND_BY_DESCRIPTOR = 2;
const NOTHING_BY_DESCRIPTOR = -1;
const ONE = new BigUint64Array([1n]);

/**
 * Wakes the ingest thread. Both threads have an object on the same memory, because messages do not reach a thread
 * whose event loop stands still.
 */
export class WakeSignal {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #descriptor: number | undefined;

  /** @param descriptor of an eventfd, for an owner that waits for another descriptor at the same time */
  constructor(shared = new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT), descriptor?: number) {
    this.shared = shared;
    this.#words = new Int32Array(shared);
    this.#descriptor = descriptor;
  }

  /**
   * Signals the other thread.
   *
   * @returns the number of this signal; undefined if the other thread has nothing at hand, or never pauses, and will
   * not answer
   */
  send(): number | undefined {
    if (!this.#hasAnything) return undefined;
    const signal = this.#signal();
    // It may have gone to sleep before it saw this.
    return this.#hasAnything ? signal : undefined;
  }

  /** Signals the other thread, which answers with its counters whether or not it has anything at hand. */
  askForCounters(): number {
    Atomics.store(this.#words, WANTED, 1);
    return this.#signal();
  }

  #signal(): number {
    const signal = Atomics.add(this.#words, SIGNALS, 1) + 1;
    Atomics.notify(this.#words, SIGNALS);
    const owner = Atomics.load(this.#words, OWNER);
    if (owner === AT_HAND_BY_DESCRIPTOR || owner === NOTHING_BY_DESCRIPTOR) this.#write();
    return signal;
  }

  get #hasAnything(): boolean {
    return Atomics.load(this.#words, OWNER) > NOTHING_AT_HAND;
  }

  /** Whether the counters were asked for since the last call. */
  takeAsked(): boolean {
    return Atomics.exchange(this.#words, WANTED, 0) !== 0;
  }

  /** The number of signals so far. */
  get signals(): number {
    return Atomics.load(this.#words, SIGNALS);
  }

  /**
   * Blocks the thread, without CPU, until there are more than `seen` signals. Not for a thread with an event loop to
   * run.
   */
  pause(seen: number, milliseconds: number): void {
    Atomics.store(this.#words, OWNER, AT_HAND);
    Atomics.wait(this.#words, SIGNALS, seen, milliseconds);
  }

  /**
   * Waits for something else while something is at hand.
   *
   * @param wait for it or for a signal, which the descriptor reports
   * @returns what `wait` returns; or false at once if there were more than `seen` signals
   */
  restAtHand(seen: number, wait: (descriptor: number) => boolean): boolean {
    if (this.#descriptor === undefined) return false;
    Atomics.store(this.#words, OWNER, AT_HAND_BY_DESCRIPTOR);
    const has = this.signals === seen && wait(this.#descriptor);
    Atomics.store(this.#words, OWNER, AT_HAND);
    if (this.signals !== seen) this.#empty();
    return has;
  }

  #write(): void {
    if (this.#descriptor !== undefined) writeSync(this.#descriptor, ONE);
  }

  #empty(): void {
    try {
      readSync(this.#descriptor!, new BigUint64Array(1));
    } catch {
      // EAGAIN: it was signalled, and is about to be written to; the next wait ends at once.
    }
  }

  /**
   * Waits for something else, while there is nothing at hand that anybody could ask for.
   *
   * @param wait for it or, if there is a descriptor, for a signal
   * @returns what `wait` returns; or false at once if there were more than `seen` signals
   */
  rest(seen: number, wait: (descriptor: number | undefined) => boolean): boolean {
    const hasDescriptor = this.#descriptor !== undefined;
    Atomics.store(this.#words, OWNER, hasDescriptor ? NOTHING_BY_DESCRIPTOR : NOTHING_AT_HAND);
    const has = this.signals === seen && wait(this.#descriptor);
    Atomics.store(this.#words, OWNER, AT_HAND);
    // Also what was left of a signal that was seen before it was written: every later wait would end at once.
    if (!has && hasDescriptor) this.#empty();
    return has;
  }

  /** Until the next pause there is nothing at hand, and nobody gets an answer. */
  leave(): void {
    Atomics.store(this.#words, OWNER, NOTHING_AT_HAND);
  }
}
