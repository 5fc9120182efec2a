import type { RowRange } from './row-ranges.ts';

/**
 * The rows of one event table, oldest first, numbered in the order in which they came: the part that reading changes.
 */
export interface EventRows {
  /** From the number of the oldest row to the number behind the newest. */
  readonly range: RowRange;
  /** Drops the rows above the limits, unless they are held. */
  makeRoom(): void;
  /** Keeps rows above the limits for a moment: a reader that has seen them will look again, and must see the same. */
  hold(): void;
  /** Drops the rows whose event was before `time`, in seconds since the epoch. */
  expireBefore(time: number): void;
  /** Notes that rows below a number were returned: dropping them later is no loss. */
  markRead(eid: number): void;
  /** Drops rows that all their readers have read. */
  discard(ranges: readonly RowRange[]): void;
  /** The same, for rows below a number. */
  discardBelow(eid: number): void;
}

/** Counters of the rows of an event table. */
export interface EventCounters {
  /** Rows taken in. */
  appended: number;
  /** Rows dropped for one of the limits; not those a SELECT had consumed. */
  evicted: number;
  /** … of these, rows that no SELECT had returned. */
  evictedUnread: number;
  /** Rows dropped for their age. */
  expired: number;
  /** … of these, rows that no SELECT had returned. */
  expiredUnread: number;
}

/** For rows that do not exist yet. */
export const NO_COUNTS: Readonly<EventCounters> = {
  appended: 0,
  evicted: 0,
  evictedUnread: 0,
  expired: 0,
  expiredUnread: 0,
};
