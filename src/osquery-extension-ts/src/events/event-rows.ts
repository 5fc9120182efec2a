import type { RowRange } from './row-ranges.ts';

/** The rows of one event table, oldest first, numbered by the order in which they came: what reading them changes. */
export interface EventRows {
  /** Numbers of the oldest row and behind the newest. */
  readonly range: RowRange;
  /** Drops the rows that are more than the limits allow, unless somebody holds them. */
  makeRoom(): void;
  /** Lets rows that would have to go for want of room stay for a moment: who has seen them will look again, and must see the same. */
  hold(): void;
  /** Drops the rows whose event was before `time`, in seconds since the epoch. */
  expireBefore(time: number): void;
  /** Notes that rows below a number were returned: losing them later is no loss. */
  markRead(eid: number): void;
  /** Drops rows that all their readers have had. */
  discard(ranges: readonly RowRange[]): void;
  /** … those below a number. */
  discardBelow(eid: number): void;
}

/** What has become of the rows of an event table. */
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

/** Of rows that are not there yet. */
export const NO_COUNTS: Readonly<EventCounters> = {
  appended: 0,
  evicted: 0,
  evictedUnread: 0,
  expired: 0,
  expiredUnread: 0,
};
