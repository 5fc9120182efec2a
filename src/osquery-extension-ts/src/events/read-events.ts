import type { EventRows } from './event-rows.ts';
import type { QueryCursors, QueryExecution } from './query-cursors.ts';
import type { ReturnedRows } from './returned-rows.ts';
import type { RowRange, RowRanges } from './row-ranges.ts';

/** A scheduled query that reads the table. */
export interface TableReader {
  readonly query: string;
  /** Seconds. */
  readonly interval: number;
}

/** What a SELECT needs to know about its surroundings. */
export interface ReadEnvironment {
  /** The scheduled query that is running; undefined for any other. */
  execution(): Promise<QueryExecution | undefined>;
  /** Scheduled queries that read the table; undefined while they are not known. */
  readers(): readonly TableReader[] | undefined;
  /**
   * Resolves when everything that has happened is among the rows; undefined if it already is; absent if nothing new
   * can come.
   */
  upToDate?(): Promise<void> | undefined;
  /**
   * Resolves when the rows that are there have the values that come later; undefined if they already have. A scheduled
   * query waits for it, as it sees each row once. Absent if rows never change.
   */
  completed?(): Promise<void> | undefined;
  /** Of this table; with `events_expiry` 1 it drops what was returned. */
  readonly returned: ReturnedRows;
  readonly eventsOptimize: boolean;
  /** Seconds. */
  readonly eventsExpiry: number;
  /**
   * Resolves when a moved cursor is saved: rows that core has got must not come again after a kill. Absent if nothing
   * is saved.
   */
  saved?(): Promise<void>;
  /**
   * Seconds since the epoch; undefined if events do not age, as those of a replayed log.
   *
   * @param age in seconds, at which they are dropped
   */
  now(age: number): number | undefined;
}

/** One SELECT. */
export interface EventRead<Rows> {
  /** Whether it has a constraint on `time`: then it asks for a time range, and not for unread rows. */
  readonly isTimed: boolean;
  /** Whether it takes all rows of the range that it is given. */
  readonly hasAll: boolean;
  /** Fires if core does not get the reply. */
  readonly signal: AbortSignal;
  /**
   * The matching rows of a range.
   *
   * @param consumed collects their numbers, if they are to be dropped for it
   */
  select(range: RowRange, consumed: RowRanges | undefined): Rows;
}

/** The value of events_expiry that means: drop what a SELECT has returned. */
const AUTO_CLEAR = 1;

/**
 * Answers a SELECT of an event table, as osquery's own event tables do.
 *
 * - A scheduled query without a `time` constraint gets unread rows (`events_optimize`). If core does not get the
 *   reply, the rows stay unread.
 * - Every other query gets all rows, and moves no cursor.
 * - While the schedule is not known, no row is dropped for its age, or for having been read.
 * - Rows older than `events_expiry` are dropped, but not before three times the longest interval of the scheduled
 *   queries that read the table. With `events_expiry` 0 there is no age limit.
 * - `events_expiry` 1 drops the rows that were returned: soon if nothing is scheduled to read them, else when every
 *   such query has read them.
 */
export const readEvents = async <Rows>(
  rows: EventRows,
  cursors: QueryCursors,
  environment: ReadEnvironment,
  { isTimed, hasAll, signal, select }: EventRead<Rows>,
): Promise<Rows> => {
  const isByExecution = environment.eventsOptimize && !isTimed;
  const execution = isByExecution ? await environment.execution() : undefined;
  // The first read of an execution fixes what it sees: no row is added or dropped for it.
  const isSettled = execution !== undefined && cursors.hasBegun(execution);
  if (!isSettled) await environment.upToDate?.();
  // Rows that come while it waits are incomplete: they are for the next execution.
  const completedTo = rows.range.to;
  if (!isSettled && execution !== undefined) await environment.completed?.();
  const readers = environment.readers();
  environment.returned.begin();
  if (!isSettled) rows.makeRoom();
  // No row is dropped before it is known which queries have to see it.
  if (!isSettled && readers !== undefined) expire(rows, environment, readers);
  // Nobody waits for the answer any more: no cursor moves, and no row is dropped.
  signal.throwIfAborted();
  let range = rows.range;
  if (execution !== undefined) {
    range = cursors.rangeFor(execution, isSettled ? range : { ...range, to: completedTo });
    rows.hold();
    signal.addEventListener('abort', () => cursors.fail(execution), { once: true });
  }

  const autoClear = environment.eventsExpiry === AUTO_CLEAR;
  const isConsumed = autoClear && readers?.length === 0;
  const selected = select(range, isConsumed ? environment.returned.note() : undefined);
  // A scheduled query has also read the rows that it left out; somebody who looks for one row has not seen the
  // others.
  const markRead = (): void => rows.markRead(range.to);
  if (hasAll || execution !== undefined) markRead();
  else if (!isByExecution) {
    // The rows are the same for every caller, so there is no need to wait for core to tell who it is.
    void environment.execution().then(
      late => late && markRead(),
      () => {},
    );
  }
  if (autoClear && !isConsumed && readers !== undefined) {
    const seen = cursors.seenByAll(readers.map(({ query }) => query));
    if (seen !== undefined) rows.discardBelow(seen);
  }
  if (cursors.hasChanged) await environment.saved?.();
  return selected;
};

const expire = (
  rows: EventRows,
  { eventsExpiry, now }: ReadEnvironment,
  readers: readonly TableReader[],
): void => {
  const longest = readers.reduce((seconds, { interval }) => Math.max(seconds, interval), 0);
  // 0 is no limit, as in osquery. Auto-clearing has its own rule; by age alone a row would be gone before anybody
  // could ask for it.
  if (eventsExpiry <= AUTO_CLEAR && longest === 0) return;
  const age = Math.max(eventsExpiry, 3 * longest);
  const time = now(age);
  if (time !== undefined) rows.expireBefore(time - age);
};
