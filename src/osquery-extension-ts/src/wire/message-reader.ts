import { MessageScanner } from './message-scanner.ts';

const INITIAL_BYTES = 1024;

/**
 * Cuts a stream of bytes into whole Thrift messages. One growing buffer rather than a list of chunks: a sender of
 * single bytes would otherwise cost a hundred times what it sends.
 */
export class MessageReader {
  readonly #scanner: MessageScanner;
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;

  constructor(maxBytes: number) {
    this.#scanner = new MessageScanner(maxBytes);
  }

  /** Bytes of messages that are not complete, or not taken yet. */
  get pendingBytes(): number {
    return this.#length;
  }

  /** Adds what has arrived; the bytes are copied. */
  push(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(INITIAL_BYTES, length, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
  }

  /**
   * The next complete message, or undefined. It is the caller's own: nothing is written to it afterwards.
   *
   * @throws OsqueryError when the bytes can never become a message
   */
  next(): Buffer | undefined {
    if (this.#length === 0) return undefined;
    const end = this.#scanner.scan(this.#buffer, this.#length);
    if (end === undefined) return undefined;
    this.#scanner.reset();
    const message = this.#buffer.subarray(0, end);
    const rest = this.#buffer.subarray(end, this.#length);
    this.#buffer = rest.length === 0 ? Buffer.alloc(0) : Buffer.from(rest);
    this.#length = rest.length;
    return message;
  }
}
