/**
 * Counts bytes of rows in transit between two threads, in shared memory: sent and taken. If the other thread is busy
 * they accumulate; then reading stops, and new records wait in the kernel, which counts what it drops.
 */
export class Outbox {
  readonly shared: SharedArrayBuffer;
  readonly #counts: BigInt64Array;
  readonly #maxBytes: bigint;

  /** @param maxBytes above which no more is read; one batch may exceed it */
  constructor(maxBytes: number, shared = new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#counts = new BigInt64Array(shared);
    this.#maxBytes = BigInt(maxBytes);
  }

  sent(bytes: number): void {
    Atomics.add(this.#counts, 0, BigInt(bytes));
  }

  taken(bytes: number): void {
    Atomics.add(this.#counts, 1, BigInt(bytes));
  }

  get isFull(): boolean {
    return Atomics.load(this.#counts, 0) - Atomics.load(this.#counts, 1) >= this.#maxBytes;
  }
}

/** Most bytes in transit from the ingest thread; the rest waits in the kernel, without memory of this process. */
export const OUTBOX_BYTES = 4_194_304;
