import type { EncodedRows, QueryContext, TableSpec } from 'osquery-extension-ts';
import {
  type QueryCursors,
  type ReadEnvironment,
  type RowRange,
  readEvents,
} from 'osquery-extension-ts/events';
import { type AnswerPart, nextRow } from '../runtime/answer-parts.ts';
import { type ColumnMask, maskOf } from './encoded-row.ts';
import type { EventBuffer, Selection } from './event-buffer.ts';
import type { LateColumns } from './late-columns.ts';
import { selectionOf } from './row-filter.ts';

export interface SelectOptions {
  readonly spec: TableSpec;
  readonly buffer: EventBuffer;
  readonly cursors: QueryCursors;
  readonly environment: ReadEnvironment;
  readonly context: QueryContext;
  /** Fires if core does not get the reply. */
  readonly signal: AbortSignal;
  /** Late values of the table's rows, if the query uses one of their columns. */
  readonly lateColumns?: LateColumns | undefined;
  /** The wanted part of the answer; absent: all of it. */
  readonly part?: AnswerPart | undefined;
}

/** Answers a SELECT from the buffer, by the rules of readEvents. */
export const selectEvents = async (options: SelectOptions): Promise<EncodedRows> => {
  const { spec, buffer, cursors, environment, context, signal, lateColumns, part } = options;
  const {
    range: byEid,
    times,
    filter,
    lookups,
  } = selectionOf(
    context,
    spec.columns,
    buffer.overheads,
    // A column whose final value is not in the row cannot be filtered here.
    column => buffer.holds(column) && lateColumns?.has(column) !== true,
  );
  const selected = await readEvents<Selection>(buffer, cursors, environment, {
    isTimed: (context.constraints.get('time')?.list.length ?? 0) > 0,
    hasAll: filter === undefined && times === undefined && byEid === undefined,
    signal,
    select: (range, consumed) =>
      buffer.select(
        { ...intersect(behind(range, part), byEid), times, lookups },
        wantedColumns(spec, context),
        { filter, consume: consumed, lateColumns, enough: part?.bytes },
      ),
  });
  if (part === undefined) return selected;
  const { count, chunks, next } = selected;
  return { count: count + 1, chunks: [nextRow(next), ...chunks] };
};

const behind = ({ from, to }: RowRange, part: AnswerPart | undefined): RowRange => ({
  from: Math.max(from, part?.from ?? 0),
  to,
});

const intersect = (a: RowRange, b: RowRange | undefined): RowRange =>
  b === undefined ? a : { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) };

/**
 * Places of the columns by all their names, because core may use an alias. The last place is that of the row's
 * number.
 */
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
  // It comes after the columns. A query that reads no column has no OR either, and only counts rows.
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
