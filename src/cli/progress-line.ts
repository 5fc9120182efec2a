import type { WriteStream } from 'node:tty';
import type { ReplayProgress } from '../ingest/replay/read-logs.ts';

const CLEAR_LINE = '\r\x1b[K';
/** Milliseconds before progress is shown: shorter readings need no line. */
const PATIENCE_MS = 500;

/** A line on the terminal that shows the progress of a replay. Writes nothing if there is no terminal. */
export class ProgressLine {
  readonly #output: Pick<WriteStream, 'isTTY' | 'write'> & { readonly columns?: number };
  readonly #now: () => number;
  #startedAt: number | undefined;
  #isShown = false;

  /** @param now milliseconds of a monotonic clock */
  constructor(
    output: Pick<WriteStream, 'isTTY' | 'write'> & { readonly columns?: number },
    now: () => number = () => performance.now(),
  ) {
    this.#output = output;
    this.#now = now;
  }

  /** @param hint what the reading is for, or what ends it */
  show({ read, size }: ReplayProgress, events: number, hint = 'Ctrl-C: enough'): void {
    if (this.#output.isTTY !== true) return;
    this.#startedAt ??= this.#now();
    const elapsed = this.#now() - this.#startedAt;
    if (elapsed < PATIENCE_MS) return;
    this.#isShown = true;
    const bytes = size === undefined ? megabytes(read) : `${megabytes(read)} of ${megabytes(size)}`;
    const left =
      size === undefined || read === 0 ? undefined : Math.ceil(((size - read) / read) * (elapsed / 1000));
    const time = left === undefined ? '' : `, ${left} s left`;
    const line = `${bytes}, ${events.toLocaleString('en')} events${time} (${hint})`;
    // A line that wraps could not be removed.
    const width = (this.#output.columns || Number.POSITIVE_INFINITY) - 1;
    this.#output.write(`${CLEAR_LINE}${line.slice(0, width)}`);
  }

  /** Removes the line. May be called any number of times. */
  clear(): void {
    if (this.#isShown) this.#output.write(CLEAR_LINE);
    this.#isShown = false;
  }

  /** The reading has ended. Another one has times of its own. */
  end(): void {
    this.clear();
    this.#startedAt = undefined;
  }
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6).toLocaleString('en')} MB`;
