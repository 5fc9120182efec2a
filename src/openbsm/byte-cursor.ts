import { type BsmLimits, DEFAULT_BSM_LIMITS } from './limits.ts';

/** Bytes do not have the form that their token requires. The decoder catches this and reports it. */
export class TokenFormatError extends Error {
  override readonly name = 'TokenFormatError';
}

/**
 * Reads big-endian fields one after the other and checks each against the end. Results share no memory with the
 * input, unless a method says so.
 */
export class ByteCursor {
  readonly bytes: Uint8Array;
  readonly end: number;
  readonly limits: BsmLimits;
  position: number;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length, limits: BsmLimits = DEFAULT_BSM_LIMITS) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.limits = limits;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.end - this.position;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** The next `length` bytes, copied. */
  take(length: number): Uint8Array {
    const start = this.#take(length);
    return Uint8Array.from(this.bytes.subarray(start, start + length));
  }

  /** The next `length` bytes without a copy. Use them only before the input changes. */
  view(length: number): Uint8Array {
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  /**
   * Bytes up to the next NUL, which is consumed and not returned. Without a copy, as in `view`.
   *
   * @param most how many bytes may be looked at; if there is no NUL in them, all of them are the string
   * @returns undefined, with nothing consumed, if there is no NUL before the end and `most` is not given
   */
  viewToNul(most?: number): Uint8Array | undefined {
    const stop = most === undefined ? this.end : Math.min(this.end, this.position + most);
    const nul = this.bytes.subarray(this.position, stop).indexOf(0);
    if (nul >= 0) {
      const found = this.view(nul);
      this.position++;
      return found;
    }
    return most === undefined ? undefined : this.view(stop - this.position);
  }

  #take(length: number): number {
    if (length > this.left) {
      throw new TokenFormatError(`${length} bytes expected, ${this.left} left in the record`);
    }
    const start = this.position;
    this.position += length;
    return start;
  }
}
