import type { AuditLossRow } from '../../tables/audit_losses.ts';
import type { AuditStatusRow } from '../../tables/audit_status.ts';
import { lossesSince } from './losses.ts';

/** Rows kept: over half a day of a host that loses events for two reasons every minute. The oldest go first. */
export const MAX_LOSS_ROWS = 2_048;

/** Losses of one counter that are seen within so many seconds are one row, however often somebody asks. */
const ROW_SECONDS = 60;

type Entry = { -readonly [Name in keyof AuditLossRow]: AuditLossRow[Name] } & { lost: number };

/** The rows of audit_losses: what each look at the counters found lost since the look before it. */
export class LossHistory {
  readonly #rows: Entry[] = [];
  /** The newest row of each counter. */
  readonly #newest = new Map<string, Entry>();
  #seen: AuditStatusRow;
  #seenAt: number;

  /**
   * @param seen the counters at the beginning
   * @param now seconds since the epoch
   */
  constructor(seen: AuditStatusRow, now: number) {
    this.#seen = seen;
    this.#seenAt = now;
  }

  /** Takes a look at the counters. */
  look(row: AuditStatusRow, now: number): void {
    for (const { counters, what, raise } of lossesSince(this.#seen, row))
      for (const { counter, lost } of counters) this.#add({ counter, cause: what, lost, raise }, now);
    this.skip(row, now);
  }

  /** Takes counters that changed for another reason than a loss. */
  skip(row: AuditStatusRow, now: number): void {
    this.#seen = row;
    this.#seenAt = now;
  }

  /** The oldest first. */
  rows(): readonly AuditLossRow[] {
    return this.#rows;
  }

  #add(loss: Omit<Entry, 'time' | 'since'> & { readonly counter: string }, now: number): void {
    const newest = this.#newest.get(loss.counter);
    if (newest !== undefined && isSameMinute(newest, now)) {
      Object.assign(newest, { time: now, lost: newest.lost + loss.lost, raise: loss.raise });
      return;
    }
    const entry: Entry = { time: now, since: this.#seenAt, ...loss };
    this.#newest.set(loss.counter, entry);
    this.#rows.push(entry);
    if (this.#rows.length <= MAX_LOSS_ROWS) return;
    const oldest = this.#rows.shift()!;
    if (this.#newest.get(oldest.counter!) === oldest) this.#newest.delete(oldest.counter!);
  }
}

/** A clock that was set back begins a new row. */
const isSameMinute = ({ since, time }: Entry, now: number): boolean =>
  now >= Number(time) && now - Number(since) < ROW_SECONDS;
