/**
 * Decides what is logged of a scheduled query's rows: of event tables every row, of all others the difference to the
 * last run. Last rows, epoch and counter are kept in the database, domain `queries`, under core's keys.
 *
 * Source: osquery 5.23 `core/query.cpp`.
 */
import type { CoreDatabase } from '../database.ts';

export type ResultRow = Readonly<Record<string, string>>;

export interface ResultDifference {
  readonly added: readonly ResultRow[];
  readonly removed: readonly ResultRow[];
  /** 0 marks a result that is whole and not a difference. */
  readonly counter: number;
  /** Nothing to log. */
  readonly isEmpty: boolean;
}

const QUERIES = 'queries';

/** A row as text that is equal for equal rows: names in order. */
const rowKey = (row: ResultRow): string =>
  JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

const readRows = (json: string | undefined): ResultRow[] => {
  if (json === undefined) return [];
  try {
    const rows: unknown = JSON.parse(json);
    return Array.isArray(rows) ? (rows as ResultRow[]) : [];
  } catch {
    return [];
  }
};

/** Rows of `current` that were not in `previous`, and the reverse. Equal rows are counted. */
export const difference = (
  previous: readonly ResultRow[],
  current: readonly ResultRow[],
): { added: ResultRow[]; removed: ResultRow[] } => {
  const left = new Map<string, ResultRow[]>();
  for (const row of previous) {
    const key = rowKey(row);
    const rows = left.get(key);
    if (rows === undefined) left.set(key, [row]);
    else rows.push(row);
  }
  const added = current.filter(row => left.get(rowKey(row))?.pop() === undefined);
  // Core keeps the last rows sorted.
  const removed = [...left].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, rows]) => rows);
  return { added, removed };
};

/** Stores the rows of one run and returns what to log. */
export const recordResults = (options: {
  readonly database: CoreDatabase;
  readonly name: string;
  readonly query: string;
  readonly rows: readonly ResultRow[];
  /** The rows are events: they are not compared, and none is ever removed. */
  readonly append: boolean;
  readonly epoch: number;
}): ResultDifference => {
  const { database, name, query, rows, append, epoch } = options;
  const known = database.get(QUERIES, name) !== undefined;
  const storedEpoch = Number(database.get(QUERIES, `${name}epoch`) ?? 0);
  const isNew = !known || storedEpoch !== epoch;
  const sql = `query.${name}`;
  if (database.get(QUERIES, sql) !== query) database.put(QUERIES, sql, query);

  const save = (kept: readonly ResultRow[]): void => {
    database.put(QUERIES, name, JSON.stringify(kept));
    database.put(QUERIES, `${name}epoch`, String(epoch));
  };
  const count = (first: number): number => {
    const stored = database.get(QUERIES, `${name}counter`);
    const counter = isNew ? first : stored === undefined ? 0 : Number(stored) + 1;
    database.put(QUERIES, `${name}counter`, String(counter));
    return counter;
  };

  if (append) {
    if (isNew) save([]);
    if (rows.length === 0) return { added: [], removed: [], counter: 1, isEmpty: true };
    return { added: rows, removed: [], counter: count(1), isEmpty: false };
  }
  const { added, removed } = isNew
    ? { added: rows, removed: [] }
    : difference(readRows(database.get(QUERIES, name)), rows);
  const changed = added.length > 0 || removed.length > 0;
  if (!changed && !isNew) return { added, removed, counter: 1, isEmpty: true };
  save(rows);
  const counter = count(0);
  return { added, removed, counter, isEmpty: !changed };
};
