/**
 * Caches the DataView of the bytes that were asked about last: consecutive records are nearly always in the same
 * memory.
 */
export class ByteViews {
  #bytes: Uint8Array | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));

  of(bytes: Uint8Array): DataView {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return this.#view;
  }
}

/**
 * Remembers the last bytes seen, so that the result of parsing them can be reused when they come again. It compares
 * eight bytes at a time, which takes less than a tenth of the time of reading them.
 */
export class KnownBytes {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #views: ByteViews;
  #length = -1;

  /**
   * @param limit most bytes that are remembered
   * @param views shared by all of one reader: each `ByteViews` keeps a reference to the memory it saw last
   */
  constructor(limit: number, views = new ByteViews()) {
    this.#views = views;
    this.#bytes = new Uint8Array(limit);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Whether `bytes[start..end)` equal the known bytes from `from` on. */
  matches(bytes: Uint8Array, start: number, end: number, from = 0): boolean {
    const length = end - start;
    if (from + length !== this.#length) return false;
    const theirs = this.#views.of(bytes);
    const own = this.#view;
    const pairs = length & ~7;
    let i = 0;
    for (; i < pairs; i += 8) {
      const low = theirs.getInt32(start + i, true) ^ own.getInt32(from + i, true);
      const high = theirs.getInt32(start + i + 4, true) ^ own.getInt32(from + i + 4, true);
      if ((low | high) !== 0) return false;
    }
    if (i + 4 <= length) {
      if (theirs.getInt32(start + i, true) !== own.getInt32(from + i, true)) return false;
      i += 4;
    }
    for (; i < length; i++) if (bytes[start + i] !== this.#bytes[from + i]) return false;
    return true;
  }

  /** The end of the known bytes if `bytes[start..end)` begins with them; -1 if it does not. */
  endAt(bytes: Uint8Array, start: number, end: number): number {
    const theirEnd = start + this.#length;
    return theirEnd >= start && theirEnd <= end && this.matches(bytes, start, theirEnd) ? theirEnd : -1;
  }

  /** @returns false if they are too long; then nothing is remembered */
  keep(bytes: Buffer, start: number, end: number): boolean {
    const length = end - start;
    const fits = length <= this.#bytes.length;
    if (fits) bytes.copy(this.#bytes, 0, start, end);
    this.#length = fits ? length : -1;
    return fits;
  }
}
