/** Follows the rows of a table of events as they come. */
import { pause } from '../pause.ts';
import type { SqlRow, SqlSource } from '../sql-source.ts';
import type { TailRequest } from './tail-request.ts';

/** Milliseconds between two looks at the table. */
const LOOK_MS = 250;
/** A look waits for this many times as long as the last one took: so it takes at most a tenth of a CPU. */
const REST = 9;
/** After so many looks without a row, it is checked whether the table has begun anew. */
const LOOKS_UNTIL_CHECK = 20;

/** Rows number themselves, by `eid`. */
const NUMBER = 'CAST(eid AS INTEGER)';
/** No column has this name. */
const NUMBER_NAME = '#';

export interface TailOptions {
  readonly source: SqlSource;
  readonly request: TailRequest;
  /** In this order. */
  readonly columns: readonly string[];
  /** Rows that are shown at once, the newest ones that there are. */
  readonly last: number;
  readonly signal: AbortSignal;
  readonly onRows: (rows: readonly (readonly string[])[]) => Promise<void>;
  readonly lookMs?: number;
}

/** Resolves when the signal fires; rejects with the error of a query. */
export const tail = async (options: TailOptions): Promise<void> => {
  const { source, columns, last, signal, onRows, lookMs = LOOK_MS } = options;
  const { table } = options.request;
  const look = async (order: string): Promise<readonly SqlRow[]> => source.query(order, signal);
  const newest = await look(`${select(options, -1)} DESC LIMIT ${Math.max(1, last)}`);
  let seen = Number(newest[0]?.[NUMBER_NAME] ?? -1);
  const valuesOf = (row: SqlRow): readonly string[] => columns.map(name => row[name] ?? '');
  if (last > 0 && newest.length > 0) await onRows(newest.toReversed().map(valuesOf));
  let idle = 0;
  while (!signal.aborted) {
    const started = performance.now();
    const rows = await look(select(options, seen));
    seen = Number(rows.at(-1)?.[NUMBER_NAME] ?? seen);
    if (rows.length > 0) await onRows(rows.map(valuesOf));
    idle = rows.length > 0 ? 0 : idle + 1;
    if (idle >= LOOKS_UNTIL_CHECK) {
      idle = 0;
      const [count] = await look(`SELECT max(${NUMBER}) AS "${NUMBER_NAME}" FROM ${table}`);
      // The extension was started again, and counts from the beginning.
      if (Number(count?.[NUMBER_NAME] || -1) < seen) seen = -1;
    }
    await pause(Math.max(lookMs, REST * (performance.now() - started)), signal);
  }
};

/** Whoever writes a WHERE may end it with a comment, so the parenthesis is on a line of its own. */
const select = ({ request, columns }: TailOptions, seen: number): string => {
  const where = request.where === '' ? '' : `(${request.where}\n) AND `;
  const names = columns.map(name => `"${name}"`).join(', ');
  return `SELECT ${NUMBER} AS "${NUMBER_NAME}", ${names} FROM ${request.table} WHERE ${where}${NUMBER} > ${seen} ORDER BY 1`;
};
