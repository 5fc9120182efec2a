import { MessageScanner } from './message-scanner.ts';

const INITIAL_BYTES = 1024;

/**
 * Cuts a stream of bytes into whole Thrift messages. One growing buffer rather than a list of chunks: a sender of
 * single bytes would otherwise cost a hundred times what it sends. What comes whole, as nearly all does, is not copied.
 */
export class MessageReader {
  readonly #maxBytes: number;
  /** Made when a message does not come whole: most connections never need one. */
  #scanner: MessageScanner | undefined;
  #buffer: Buffer = EMPTY;
  #length = 0;
  /** Whether `#buffer` may be written to: it is not somebody's chunk. */
  #isOwn = true;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of messages that are not complete, or not taken yet. */
  get pendingBytes(): number {
    return this.#length;
  }

  /** Adds what has arrived. The chunk is the reader's from now on: nobody else may write to it. */
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
   * The next complete message, or undefined. It is the caller's own: nothing is written to it afterwards.
   *
   * @throws OsqueryError when the bytes can never become a message
   */
  next(): Buffer | undefined {
    if (this.#length === 0) return undefined;
    const end = this.#scan();
    if (end === undefined) return undefined;
    this.#scanner = undefined;
    const message = this.#buffer.subarray(0, end);
    // The rest lies beside a message that is somebody else's from now on.
    this.#buffer = this.#buffer.subarray(end, this.#length);
    this.#length = this.#buffer.length;
    this.#isOwn = false;
    return message;
  }

  #scan(): number | undefined {
    if (this.#scanner !== undefined) return this.#scanner.scan(this.#buffer, this.#length);
    const end = scanWhole(this.#buffer, this.#length, this.#maxBytes);
    if (end !== undefined) return end;
    // From here on it goes on where it stopped.
    this.#scanner = new MessageScanner(this.#maxBytes);
    return this.#scanner.scan(this.#buffer, this.#length);
  }
}

const EMPTY: Buffer = Buffer.alloc(0);

/** Scanners for messages that come whole, by their limit: a process has few limits. */
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
