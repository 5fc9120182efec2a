import type { EventRows } from './event-rows.ts';
import { RowRanges } from './row-ranges.ts';

/** Milliseconds without a SELECT of the table after which the previous statement counts as finished. */
const STATEMENT_MS = 1_000;

/**
 * Rows that SELECTs have returned and that will be dropped for it (events_expiry 1). Not at once: one statement reads
 * a table several times if it joins it to itself, or contains an OR, and nothing reports its end.
 */
export class ReturnedRows {
  readonly #buffer: Pick<EventRows, 'discard'>;
  readonly #now: () => number;
  readonly #rows = new RowRanges();
  #lastAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param now milliseconds of a monotonic clock */
  constructor(buffer: Pick<EventRows, 'discard'>, now = () => performance.now()) {
    this.#buffer = buffer;
    this.#now = now;
  }

  /** A SELECT begins: drops the rows of earlier statements, if these are finished. */
  begin(): void {
    const now = this.#now();
    if (now - this.#lastAt >= STATEMENT_MS) this.#drop();
    this.#lastAt = now;
  }

  /** Collects the rows that a SELECT returns. */
  note(): RowRanges {
    this.#timer ??= setTimeout(() => this.#whenOver(), STATEMENT_MS).unref();
    return this.#rows;
  }

  #whenOver(): void {
    const left = STATEMENT_MS - (this.#now() - this.#lastAt);
    this.#timer = left > 0 ? setTimeout(() => this.#whenOver(), left).unref() : undefined;
    if (left <= 0) this.#drop();
  }

  #drop(): void {
    if (!this.#rows.isEmpty) this.#buffer.discard(this.#rows.take());
  }
}
