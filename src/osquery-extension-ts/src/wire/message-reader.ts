import { MessageScanner } from './message-scanner.ts';

const INITIAL_BYTES = 1024;

/**
 * Cuts a stream of bytes into whole Thrift messages. One growing buffer and not a list of chunks: otherwise a sender
 * of single bytes would cost a hundred times what it sends. Messages that arrive whole, as nearly all do, are not
 * copied.
 */
export class MessageReader {
  readonly #maxBytes: number;
  /** Made when a message does not arrive whole: most connections never need one. */
  #scanner: MessageScanner | undefined;
  #buffer: Buffer = EMPTY;
  #length = 0;
  /** Whether `#buffer` may be written to, because it is not a received chunk. */
  #isOwn = true;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of messages that are incomplete, or not taken yet. */
  get pendingBytes(): number {
    return this.#length;
  }

  /** Adds received bytes. The chunk belongs to the reader from now on: nobody else may write to it. */
  push(chunk: Buffer): void {
    if (this.#length === 0) {
      this.#buffer = chunk;
      this.#length = chunk.length;
      this.#isOwn = false;
      return;
    }
    const length = this.#length + chunk.length;
    if (!this.#isOwn || length > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(INITIAL_BYTES, length, this.#length * 2));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
      this.#isOwn = true;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
  }

  /**
   * The next complete message, or undefined. It belongs to the caller: nothing is written to it afterwards.
   *
   * @throws OsqueryError when the bytes can never become a message
   */
  next(): Buffer | undefined {
    if (this.#length === 0) return undefined;
    const end = this.#scan();
    if (end === undefined) return undefined;
    this.#scanner = undefined;
    const message = this.#buffer.subarray(0, end);
    // The rest is beside a message that belongs to somebody else from now on.
    this.#buffer = this.#buffer.subarray(end, this.#length);
    this.#length = this.#buffer.length;
    this.#isOwn = false;
    return message;
  }

  #scan(): number | undefined {
    if (this.#scanner !== undefined) return this.#scanner.scan(this.#buffer, this.#length);
    const end = scanWhole(this.#buffer, this.#length, this.#maxBytes);
    if (end !== undefined) return end;
    // From here on it continues where it stopped.
    this.#scanner = new MessageScanner(this.#maxBytes);
    return this.#scanner.scan(this.#buffer, this.#length);
  }
}

const EMPTY: Buffer = Buffer.alloc(0);

/** Scanners for messages that arrive whole, by their limit: a process has few limits. */
const scanners = new Map<number, MessageScanner>();

const scanWhole = (bytes: Buffer, length: number, maxBytes: number): number | undefined => {
  let scanner = scanners.get(maxBytes);
  if (scanner === undefined) {
    scanner = new MessageScanner(maxBytes);
    scanners.set(maxBytes, scanner);
  }
  scanner.reset();
  return scanner.scan(bytes, length);
};
