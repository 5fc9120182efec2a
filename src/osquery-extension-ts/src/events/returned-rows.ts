import type { EventRows } from './event-rows.ts';
import { RowRanges } from './row-ranges.ts';

/** Milliseconds without a SELECT of the table after which the statement before is over. */
const STATEMENT_MS = 1_000;

/**
 * The rows that SELECTs have returned and that are to be dropped for it (events_expiry 1). Not at once: one statement reads a
 * table several times if it joins it to itself, or has an OR in it, and nobody says when it is over.
 */
export class ReturnedRows {
  readonly #buffer: Pick<EventRows, 'discard'>;
  readonly #now: () => number;
  readonly #rows = new RowRanges();
  #lastAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param now milliseconds of a clock that nobody sets */
  constructor(buffer: Pick<EventRows, 'discard'>, now = () => performance.now()) {
    this.#buffer = buffer;
    this.#now = now;
  }

  /** A SELECT begins: drops what the statements before it have returned, if they are over. */
  begin(): void {
    const now = this.#now();
    if (now - this.#lastAt >= STATEMENT_MS) this.#drop();
    this.#lastAt = now;
  }

  /** Where a SELECT that has begun notes the rows that it returns. */
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
