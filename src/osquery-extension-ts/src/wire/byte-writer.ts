/** A shorter buffer is in Node's pool, beside others. */
const POOLED_BYTES = 1024;

/** A growing byte buffer. `bytes` is valid up to `length`; what {@link take} has returned is never written again. */
export class ByteWriter {
  bytes: Buffer = NONE;
  length = 0;
  readonly #initialBytes: number;

  constructor(initialBytes = 4096) {
    this.#initialBytes = initialBytes;
  }

  /** Makes room for `count` more bytes. Call it before writing to `bytes` directly. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const bytes = Math.max(needed, this.bytes.length * 2, this.#initialBytes);
    // Allocating and freeing separate memory takes longer than writing a message.
    const grown = bytes <= POOLED_BYTES ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes);
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  i16(value: number): void {
    this.reserve(2);
    this.length = this.bytes.writeInt16BE(value, this.length);
  }

  i32(value: number): void {
    this.reserve(4);
    this.length = this.bytes.writeInt32BE(value, this.length);
  }

  i64(value: number | bigint): void {
    this.reserve(8);
    this.length = this.bytes.writeBigInt64BE(BigInt(value), this.length);
  }

  /** Length and UTF-8 bytes; a lone surrogate becomes U+FFFD. */
  string(value: string): void {
    // A UTF-16 unit takes at most three bytes of UTF-8.
    this.reserve(4 + value.length * 3);
    const written = this.bytes.write(value, this.length + 4, 'utf8');
    this.bytes.writeInt32BE(written, this.length);
    this.length += 4 + written;
  }

  /** Bytes unchanged, without a length. */
  raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
  }

  /** Returns what has been written and starts a new buffer. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = NONE;
    this.length = 0;
    return taken;
  }
}

const NONE: Buffer = Buffer.alloc(0);
