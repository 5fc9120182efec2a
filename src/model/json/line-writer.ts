import type { Writable } from 'node:stream';

/** Most bytes that wait for a slow reader; further lines are dropped. */
export const MAX_QUEUED_BYTES = 16_777_216;

/**
 * Writes lines to a reader that may be slow or stop. Lines are written whole or not at all; what does not fit is
 * counted.
 */
export class LineWriter {
  /** `dropped`: the reader was too slow; `tooLate`: there was no reader any more. */
  readonly counters = { written: 0, dropped: 0, tooLate: 0 };
  /**
   * Resolves when nothing can be written any more: the reader is gone (EPIPE), `end` is done, or the disk is full.
   */
  readonly closed: Promise<void>;
  /** Why it closed, if neither the reader nor `end` closed it. */
  error: Error | undefined;
  readonly #stream: Writable;
  readonly #maxQueuedBytes: number;
  #open = true;
  #corked = false;

  constructor(stream: Writable, maxQueuedBytes = MAX_QUEUED_BYTES) {
    this.#stream = stream;
    this.#maxQueuedBytes = maxQueuedBytes;
    this.closed = new Promise(resolve => {
      const close = (): void => {
        this.#open = false;
        resolve();
      };
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') this.error ??= error;
        close();
      });
      stream.on('close', close);
      stream.on('finish', close);
    });
  }

  /** @param line with its line end */
  write(line: string): void {
    if (!this.#open) {
      this.counters.tooLate++;
      return;
    }
    // A line larger than the whole queue is still written if nothing else waits.
    const queued = this.#stream.writableLength;
    if (queued > 0 && queued + Buffer.byteLength(line) > this.#maxQueuedBytes) {
      this.counters.dropped++;
      return;
    }
    this.counters.written++;
    if (!this.#corked) {
      // Lines of one turn are written in one system call.
      this.#corked = true;
      this.#stream.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#stream.uncork();
      });
    }
    this.#stream.write(line);
  }

  /**
   * undefined if there is room; else resolves when half of the queue is free, or it closed. For callers that can
   * wait.
   */
  room(): Promise<void> | undefined {
    if (!this.#open || this.#stream.writableLength * 2 <= this.#maxQueuedBytes) return undefined;
    return Promise.race([this.closed, new Promise<void>(resolve => this.#stream.once('drain', resolve))]);
  }

  /** Writes what waits, for at most `ms` milliseconds. */
  async end(ms = 2000): Promise<void> {
    if (!this.#open) return;
    this.#stream.end();
    const timer = setTimeout(() => this.#stream.destroy(), ms);
    await this.closed;
    clearTimeout(timer);
  }
}
