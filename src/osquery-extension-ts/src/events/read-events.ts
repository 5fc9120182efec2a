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

/** What a SELECT needs to know of the world around it. */
export interface ReadEnvironment {
  /** The scheduled query that is running; undefined for any other. */
  execution(): Promise<QueryExecution | undefined>;
  /** Scheduled queries that read the table; undefined while they are not known. */
  readers(): readonly TableReader[] | undefined;
  /** Resolves when what has happened up to now is among the rows; undefined if it is, absent where nothing comes. */
  upToDate?(): Promise<void> | undefined;
  /** Of this table, where `events_expiry` 1 drops what was returned. */
  readonly returned: ReturnedRows;
  readonly eventsOptimize: boolean;
  /** Seconds. */
  readonly eventsExpiry: number;
  /**
   * Resolves when a cursor that moved is safe: rows that core has got must not come again after a kill. Absent
   * where nothing is kept.
   */
  saved?(): Promise<void>;
  /**
   * Seconds since the epoch; undefined where events do not age, as those of a replayed log.
   *
   * @param age in seconds, at which they are dropped
   */
  now(age: number): number | undefined;
}

/** One SELECT. */
export interface EventRead<Rows> {
  /** Whether it has a constraint on `time`: then it asks for rows of a time, and not for those it has not had. */
  readonly isTimed: boolean;
  /** Whether it gets all rows of the range that it is given. */
  readonly hasAll: boolean;
  /** Fires if core does not get the reply. */
  readonly signal: AbortSignal;
  /**
   * The rows of a range that it asks for.
   *
   * @param consumed is told which they are, where they are to be dropped for it
   */
  select(range: RowRange, consumed: RowRanges | undefined): Rows;
}

/** events_expiry that means: drop what a SELECT has returned. */
const AUTO_CLEAR = 1;

/**
 * Answers a SELECT of an event table, as osquery's own event tables do.
 *
 * - A scheduled query without a `time` constraint gets the rows it has not had (`events_optimize`); an execution whose
 *   reply core does not get has not had them.
 * - Every other query gets all rows, and moves nothing.
 * - While the schedule is not known no row is dropped for its age, or for having been read.
 * - Rows older than `events_expiry`, but at least three times the longest interval of the scheduled queries that
 *   read the table, are dropped. `events_expiry` 0 is no age of its own.
 * - `events_expiry` 1 drops the rows that were returned: soon if nothing is scheduled to read them, else when every such
 *   query has had them.
 */
export const readEvents = async <Rows>(
  rows: EventRows,
  cursors: QueryCursors,
  environment: ReadEnvironment,
  { isTimed, hasAll, signal, select }: EventRead<Rows>,
): Promise<Rows> => {
  const isByExecution = environment.eventsOptimize && !isTimed;
  const execution = isByExecution ? await environment.execution() : undefined;
  // What an execution sees is settled by its first read: nothing comes to it, and nothing goes.
  const isSettled = execution !== undefined && cursors.hasBegun(execution);
  if (!isSettled) await environment.upToDate?.();
  const readers = environment.readers();
  environment.returned.begin();
  if (!isSettled) rows.makeRoom();
  // Before it is known who has to see the rows, none is dropped.
  if (!isSettled && readers !== undefined) expire(rows, environment, readers);
  // Nobody waits for the answer any more: nothing moves, and nothing is dropped.
  signal.throwIfAborted();
  let range = rows.range;
  if (execution !== undefined) {
    range = cursors.rangeFor(execution, range);
    rows.hold();
    signal.addEventListener('abort', () => cursors.fail(execution), { once: true });
  }

  const autoClear = environment.eventsExpiry === AUTO_CLEAR;
  const isConsumed = autoClear && readers?.length === 0;
  const selected = select(range, isConsumed ? environment.returned.note() : undefined);
  // A scheduled query has had what it left out, too; somebody who looks for one row has not seen the others.
  const markRead = (): void => rows.markRead(range.to);
  if (hasAll || execution !== undefined) markRead();
  else if (!isByExecution) {
    // The rows are the same whoever asks: nobody has to wait until core has said who.
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
