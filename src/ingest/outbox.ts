/**
 * Bytes of rows on their way from one thread to another, counted by both in the same memory: what has been sent, and what has
 * been taken. While the other thread is busy they pile up. Then reading stops, and the kernel, which counts what it drops,
 * holds new records.
 */
export class Outbox {
  readonly shared: SharedArrayBuffer;
  readonly #counts: BigInt64Array;
  readonly #maxBytes: bigint;

  /** @param maxBytes beyond which no more is to be read; one batch may go beyond it */
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

/** Bytes that may be on their way from the ingest thread; what more there is waits in the kernel, at no cost to this process. */
export const OUTBOX_BYTES = 4_194_304;
