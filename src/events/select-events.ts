import type { EncodedRows, QueryContext, TableSpec } from 'osquery-extension-ts';
import { type ColumnMask, maskOf } from './encoded-row.ts';
import type { EventBuffer, RowRange } from './event-buffer.ts';
import type { QueryCursors, QueryExecution } from './query-cursors.ts';
import type { ReturnedRows } from './returned-rows.ts';
import type { RowExtras } from './row-extras.ts';
import { selectionOf } from './row-filter.ts';

/** A scheduled query that reads the table. */
export interface TableReader {
  readonly query: string;
  /** Seconds. */
  readonly interval: number;
}

/** What a SELECT needs to know of the world around it. */
export interface SelectEnvironment {
  /** The scheduled query that is running; undefined for any other. */
  execution(): Promise<QueryExecution | undefined>;
  /** Scheduled queries that read the table; undefined while they are not known. */
  readers(): readonly TableReader[] | undefined;
  /** Resolves when what has happened up to now is in the buffer; undefined if it is, absent where nothing comes. */
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

/** events_expiry that means: drop what a SELECT has returned. */
const AUTO_CLEAR = 1;

/**
 * Answers a SELECT from the buffer.
 *
 * - A scheduled query without a `time` constraint gets the rows it has not had (`events_optimize`); an execution whose
 *   reply core does not get has not had them.
 * - Every other query gets all rows, and moves nothing.
 * - While the schedule is not known no row is dropped for its age, or for having been read.
 * - Rows older than `events_expiry`, but at least three times the longest interval of the scheduled queries that
 *   read the table, are dropped. `events_expiry` 0 is no age of its own.
 * - `events_expiry` 1 drops the rows that were returned: soon if nothing is scheduled to read them, else when every such
 *   query has had them.
 *
 * @param signal fires if core does not get the reply
 */
export const selectEvents = async (
  spec: TableSpec,
  buffer: EventBuffer,
  cursors: QueryCursors,
  environment: SelectEnvironment,
  context: QueryContext,
  signal: AbortSignal,
  extras?: RowExtras,
): Promise<EncodedRows> => {
  const {
    range: byEid,
    times,
    filter,
    lookups,
  } = selectionOf(
    context,
    spec.columns,
    buffer.overheads,
    // What the row does not have, or not for good, cannot be decided on here.
    column => buffer.holds(column) && extras?.has(column) !== true,
  );
  const isTimed = (context.constraints.get('time')?.list.length ?? 0) > 0;
  const isByExecution = environment.eventsOptimize && !isTimed;
  const execution = isByExecution ? await environment.execution() : undefined;
  // What an execution sees is settled by its first read: nothing comes to it, and nothing goes.
  const isSettled = execution !== undefined && cursors.hasBegun(execution);
  if (!isSettled) await environment.upToDate?.();
  const readers = environment.readers();
  environment.returned.begin();
  if (!isSettled) buffer.makeRoom();
  // Before it is known who has to see the rows, none is dropped.
  if (!isSettled && readers !== undefined) expire(buffer, environment, readers);
  // Nobody waits for the answer any more: nothing moves, and nothing is dropped.
  signal.throwIfAborted();
  let range = buffer.range;
  if (execution !== undefined) {
    range = cursors.rangeFor(execution, range);
    buffer.hold();
    signal.addEventListener('abort', () => cursors.fail(execution), { once: true });
  }

  const autoClear = environment.eventsExpiry === AUTO_CLEAR;
  const isConsumed = autoClear && readers?.length === 0;
  const consume = isConsumed ? environment.returned.note() : false;
  const span = { ...intersect(range, byEid), times, lookups };
  const rows = buffer.select(span, wantedColumns(spec, context), filter, consume, extras);
  // A scheduled query has had what it left out, too; somebody who looks for one row has not seen the others.
  const hasAll = filter === undefined && times === undefined && byEid === undefined;
  const markRead = (): void => buffer.markRead(range.to);
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
    if (seen !== undefined) buffer.discardBelow(seen);
  }
  if (cursors.hasChanged) await environment.saved?.();
  return rows;
};

const expire = (
  buffer: EventBuffer,
  { eventsExpiry, now }: SelectEnvironment,
  readers: readonly TableReader[],
): void => {
  const longest = readers.reduce((seconds, { interval }) => Math.max(seconds, interval), 0);
  // 0 is no limit, as in osquery. Auto-clearing has its own rule; by age alone a row would be gone before anybody
  // could ask for it.
  if (eventsExpiry <= AUTO_CLEAR && longest === 0) return;
  const age = Math.max(eventsExpiry, 3 * longest);
  const time = now(age);
  if (time !== undefined) buffer.expireBefore(time - age);
};

const intersect = (a: RowRange, b: RowRange | undefined): RowRange =>
  b === undefined ? a : { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) };

/** Places of the columns by all their names: core may name one by an alias. The last is that of the row's number. */
const placesOf = (spec: TableSpec): ReadonlyMap<string, number> => {
  const places = new Map(spec.columns.map(({ name }, index) => [name, index]));
  for (const [alias, name] of Object.entries(spec.columnAliases ?? {})) {
    const place = places.get(name);
    if (place !== undefined && !places.has(alias)) places.set(alias, place);
  }
  return places;
};
const knownPlaces = new WeakMap<TableSpec, ReadonlyMap<string, number>>();

const wantedColumns = (spec: TableSpec, { colsUsed }: QueryContext): ColumnMask => {
  // Behind the columns. Who reads none of them has no OR either, and only counts rows.
  const rowid = spec.columns.length;
  if (colsUsed === undefined) return maskOf([...spec.columns.keys(), rowid]);
  let places = knownPlaces.get(spec);
  if (places === undefined) {
    places = placesOf(spec);
    knownPlaces.set(spec, places);
  }
  const wanted: number[] = [];
  for (const name of colsUsed) {
    const place = places.get(name);
    if (place !== undefined) wanted.push(place);
  }
  if (wanted.length > 0) wanted.push(rowid);
  return maskOf(wanted);
};
