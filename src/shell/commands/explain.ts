/** `.explain SELECT …`: what each table was asked for, and how many rows it returned for that. */
import type { TableCallReport } from '../../core/sql/sql-engine.ts';
import { type CommandSession, type DotCommand, type InputOutcome, wrong } from '../command-session.ts';

/** Operators of constraints by SQLite's numbers. Source: sqlite3.h, SQLITE_INDEX_CONSTRAINT_*. */
const OPERATORS: Readonly<Record<number, string>> = {
  2: '=',
  4: '>',
  8: '<=',
  16: '<',
  32: '>=',
  64: 'MATCH',
  65: 'LIKE',
  66: 'GLOB',
  67: 'REGEXP',
  68: '!=',
  69: 'IS NOT',
  70: 'IS NOT NULL',
  71: 'IS NULL',
  72: 'IS',
};

/** Calls with the same constraints but for their values, as a join makes them. */
interface Asked {
  readonly table: string;
  readonly columns: readonly string[];
  /** Those of the first call. */
  readonly constraints: readonly string[];
  calls: number;
  rows: number;
  bytes: number;
  milliseconds: number;
}

interface Context {
  readonly constraints?: readonly {
    readonly name: string;
    readonly list: readonly { readonly op: number; readonly expr: string }[];
  }[];
  readonly colsUsed?: readonly string[];
}

/** Adds a call to those like it. */
export const addCall = (asked: Map<string, Asked>, call: TableCallReport): void => {
  const { constraints = [], colsUsed = [] } = JSON.parse(call.context) as Context;
  const pushed = constraints.flatMap(({ name, list }) => list.map(({ op, expr }) => ({ name, op, expr })));
  const shape = JSON.stringify([call.table, colsUsed, pushed.map(({ name, op }) => [name, op])]);
  let entry = asked.get(shape);
  if (entry === undefined) {
    entry = {
      table: call.table,
      columns: colsUsed,
      constraints: pushed.map(({ name, op, expr }) => `${name} ${OPERATORS[op] ?? `operator ${op}`} ${expr}`),
      calls: 0,
      rows: 0,
      bytes: 0,
      milliseconds: 0,
    };
    asked.set(shape, entry);
  }
  entry.calls += 1;
  entry.rows += call.rows;
  entry.bytes += call.bytes;
  entry.milliseconds += call.milliseconds;
};

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

export const describeCalls = (asked: Iterable<Asked>): string[] =>
  Array.from(asked).flatMap(({ table, columns, constraints, calls, rows, bytes, milliseconds }) => [
    `${table}: asked ${calls === 1 ? 'once' : `${calls} times`} for ${columns.length === 0 ? 'no column, only the number of rows' : plural(columns.length, 'column')}${columns.length === 0 ? '' : `: ${columns.join(', ')}`}`,
    `  pushed down: ${constraints.length === 0 ? 'nothing' : constraints.join(' AND ')}${calls > 1 && constraints.length > 0 ? ' (and other values)' : ''}`,
    `  rows looked at: ${rows} (${bytes} bytes, ${milliseconds.toFixed(1)} ms)`,
  ]);

const explain = (session: CommandSession, sql: string): Promise<InputOutcome> =>
  session.interruptible(async signal => {
    for (const line of await planOf(session, sql, signal)) await session.print(line);
    const asked = new Map<string, Asked>();
    let rows = 0;
    const started = performance.now();
    await session.core.run(sql, {
      primary: true,
      signal,
      sink: {
        rows: batch => {
          rows += batch.rows;
        },
        tableCall: call => addCall(asked, call),
      },
    });
    const milliseconds = performance.now() - started;
    for (const line of describeCalls(asked.values())) await session.print(line);
    await session.print(`result: ${plural(rows, 'row')} in ${milliseconds.toFixed(1)} ms`);
    return 'done';
  });

/** SQLite's own plan, as its shell prints it. */
const planOf = async (
  session: CommandSession,
  sql: string,
  signal: AbortSignal,
): Promise<readonly string[]> => {
  const { rows } = await session.core.query(`EXPLAIN QUERY PLAN ${sql}`, signal);
  const depths = new Map<string, number>([['0', 0]]);
  return rows.map(({ id = '', parent = '', detail = '' }) => {
    const depth = depths.get(parent) ?? 0;
    depths.set(id, depth + 1);
    return `${'  '.repeat(depth)}plan: ${detail}`;
  });
};

export const explainCommand: DotCommand = {
  name: 'explain',
  argument: 'sql',
  usage: 'SQL',
  help: 'Run a statement, and show what it asked of each table instead of its result',
  run: async (session, argument) =>
    argument === ''
      ? wrong(session, '.explain: expected a statement, as in .explain SELECT pid FROM process_events')
      : explain(session, argument),
};
