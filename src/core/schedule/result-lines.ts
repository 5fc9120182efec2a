/**
 * Result log lines as osquery 5.23 writes them: one JSON object for each row added or removed, and one for a
 * snapshot.
 *
 * Source: osquery 5.23 `core/query.cpp` (serializeQueryLogItemAsEvents), `sql/sql.cpp` (escapeNonPrintableBytes).
 */
import { asciiTime } from '../core-tables.ts';
import type { ResultRow } from './query-results.ts';

export interface ResultOrigin {
  readonly name: string;
  readonly hostIdentifier: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly epoch: number;
  readonly counter: number;
}

const head = ({ name, hostIdentifier, time, epoch, counter }: ResultOrigin) => ({
  name,
  hostIdentifier,
  calendarTime: asciiTime(time),
  unixTime: Math.floor(time / 1000),
  epoch,
  counter,
  numerics: false,
});

const CONTROL = /[\u0000-\u001f]/g;

/** Control characters as `\xHH`; core does this before it compares and stores rows. */
export const escapeControls = (text: string): string =>
  text.replace(
    CONTROL,
    character => `\\x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );

export const escapeRow = (row: ResultRow): ResultRow =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, escapeControls(value)]));

/** Names in the order of core's map. */
const ordered = (row: ResultRow): ResultRow =>
  Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

/** A line for each row, removed ones first. */
export const differenceLines = (
  origin: ResultOrigin,
  results: { readonly added: readonly ResultRow[]; readonly removed: readonly ResultRow[] },
): string[] => {
  const common = head(origin);
  const line = (row: ResultRow, action: 'added' | 'removed'): string =>
    JSON.stringify({ ...common, columns: ordered(row), action });
  return [
    ...results.removed.map(row => line(row, 'removed')),
    ...results.added.map(row => line(row, 'added')),
  ];
};

export const snapshotLine = (origin: ResultOrigin, rows: readonly ResultRow[]): string =>
  JSON.stringify({ snapshot: rows.map(ordered), action: 'snapshot', ...head(origin) });
