/**
 * The parts that {@link eventTable} consists of, for tables that store their rows differently: which scheduled query
 * reads, what it has read, and what may be dropped.
 *
 * @packageDocumentation
 */
import './node-version.ts';

export { AgeClock } from './events/age-clock.ts';
export { DISTRIBUTED_RUNNING, PERSISTENT_SETTINGS, QUERIES } from './events/core-domains.ts';
export type { EventCounters, EventRows } from './events/event-rows.ts';
export { NO_COUNTS } from './events/event-rows.ts';
export { Hold } from './events/hold.ts';
export { mentionsOf } from './events/mentions-of.ts';
export type { Cursor, QueryExecution } from './events/query-cursors.ts';
export { QueryCursors } from './events/query-cursors.ts';
export type { EventRead, ReadEnvironment, TableReader } from './events/read-events.ts';
export { readEvents } from './events/read-events.ts';
export { ReturnedRows } from './events/returned-rows.ts';
export type { RowRange } from './events/row-ranges.ts';
export { RowRanges } from './events/row-ranges.ts';
export type { Caller, CallerView, CallOrigin, TableRead } from './events/running-query.ts';
export { RunningQuery, readingQuery } from './events/running-query.ts';
export { Schedule } from './events/schedule.ts';
