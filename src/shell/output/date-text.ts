/** Times of osquery's tables, which are seconds since the epoch, as dates. */
import type { PrintedRow } from './print-settings.ts';

/** Columns that hold a point in time. Others of similar names, such as `uptime`, hold a number of seconds. */
const TIME_COLUMNS: ReadonlySet<string> = new Set([
  'time',
  'since',
  'atime',
  'mtime',
  'ctime',
  'btime',
  'unix_time',
  'start_time',
  'last_executed',
]);

/** Seconds from 1973 to 5138. A file whose times are not known has 0, which is no date. */
const SECONDS = /^[1-9][0-9]{8,10}$/;

/** `2026-12-01T03:16:17Z`; a text that is no such time is left as it is. */
export const dateText = (text: string): string =>
  SECONDS.test(text) ? new Date(Number(text) * 1000).toISOString().replace('.000Z', 'Z') : text;

/** Whether a result's column holds points in time. */
export const isTimeColumn = (name: string): boolean => TIME_COLUMNS.has(name.toLowerCase());

/** Shows the times of rows as dates. */
export const datesIn = (columns: readonly string[]): ((row: PrintedRow) => PrintedRow) => {
  const isTime = columns.map(isTimeColumn);
  if (!isTime.includes(true)) return row => row;
  return row => row.map((cell, index) => (cell !== null && isTime[index] ? dateText(cell) : cell));
};
