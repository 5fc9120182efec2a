/**
 * Reads a BPF ring buffer, which is memory shared with the kernel. Source: kernel/bpf/ringbuf.c.
 *
 * A record has a header of 8 bytes, whose first word is its length, with two flags, and begins at a multiple of 8. The
 * data pages are mapped twice in a row, so that no record is ever in two pieces.
 */

const BUSY = 0x8000_0000;
const DISCARDED = 0x4000_0000;
const LENGTH = 0x3fff_ffff;
const HEADER_BYTES = 8;

/** The memory of a ring buffer. */
export interface RingMemory {
  /** How far the reader is: one number of 64 bits. Only the reader writes it. */
  readonly consumed: BigUint64Array;
  /** How far the kernel is, in its lower 32 bits. */
  readonly produced: Uint32Array;
  /** The data pages, twice. */
  readonly data: Buffer;
}

/** @param at where the record begins, @param length how many bytes it has; valid during the call */
export type OnRecord = (bytes: Buffer, at: number, length: number) => void;

/** The only reader of a ring buffer. */
export class RingReader {
  readonly #memory: RingMemory;
  readonly #words: Uint32Array;
  readonly #mask: number;
  #consumed: number;

  constructor(memory: RingMemory) {
    const { data, consumed } = memory;
    this.#memory = memory;
    this.#words = new Uint32Array(data.buffer, data.byteOffset, data.length / 4);
    this.#mask = data.length / 2 - 1;
    this.#consumed = Number(consumed[0]!);
  }

  /** Passes on the records that are there, oldest first. @returns how many */
  drain(onRecord: OnRecord): number {
    const { produced, consumed, data } = this.#memory;
    const start = this.#consumed;
    let count = 0;
    try {
      for (;;) {
        // As the positions are never further apart than the ring is long, 32 bits tell the distance.
        const left = (Atomics.load(produced, 0) - (this.#consumed >>> 0)) >>> 0;
        if (left === 0) return count;
        const at = this.#consumed & this.#mask;
        const header = Atomics.load(this.#words, at >>> 2);
        // The kernel still writes it, and what follows comes later.
        if ((header & BUSY) !== 0) return count;
        const length = header & LENGTH;
        // Taken before the call, which may throw.
        this.#consumed += (HEADER_BYTES + length + 7) & ~7;
        if ((header & DISCARDED) !== 0) continue;
        count++;
        onRecord(data, at + HEADER_BYTES, length);
      }
    } finally {
      // Only now: before, the kernel might write over what is being read.
      if (this.#consumed !== start) Atomics.store(consumed, 0, BigInt(this.#consumed));
    }
  }
}
