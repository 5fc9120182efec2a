import { messageOf, OsqueryError } from '../errors.ts';
import { COLUMN_CONSTRAINT_OPS, CONSTRAINT_LIMIT, CONSTRAINT_OFFSET } from './constraint-op.ts';

/** One comparison of a column with a value; the value is text whatever the column's type. */
export interface Constraint {
  /** One of the CONSTRAINT_ numbers. */
  readonly op: number;
  /** The value, as text whatever the column is. */
  readonly expr: string;
}

/** The comparisons of one column, all of which must hold (AND). */
export interface ColumnConstraints {
  /** The column's type: "TEXT", "BIGINT", ..., or "UNKNOWN". */
  readonly affinity: string;
  readonly list: readonly Constraint[];
}

/**
 * What a query needs of a table, as core sends it. A table's own handlers get it as a TableContext, with names and
 * values of the table's columns.
 */
export interface QueryContext {
  /** By column; a column without comparisons may be absent. Unknown operators are left out. */
  readonly constraints: ReadonlyMap<string, ColumnConstraints>;
  /** Names of the columns that the query uses; undefined if core did not tell, and then any may be used. */
  readonly colsUsed: ReadonlySet<string> | undefined;
  /** The same as bits in the order of the columns; bit 63 stands for all from the 64th on. */
  readonly colsUsedBitset: bigint | undefined;
  /** LIMIT of the query, if SQLite passes it down. It must not be used unless every other condition is applied. */
  readonly limit: bigint | undefined;
  /** OFFSET of the query. Core skips the rows itself: never skip them too. */
  readonly offset: bigint | undefined;
}

/** No condition, every column. */
export const EMPTY_CONTEXT: QueryContext = {
  constraints: new Map(),
  colsUsed: undefined,
  colsUsedBitset: undefined,
  limit: undefined,
  offset: undefined,
};

/**
 * Reads the `context` of a generate request. Missing or malformed members count as absent, and operators may be
 * numbers or text, so that a later core can add to it.
 *
 * @param json the request's `context`; undefined or empty if core sent none
 * @throws OsqueryError OSQUERY_INVALID if it is not a JSON object
 */
export function parseQueryContext(json: string | undefined): QueryContext {
  if (json === undefined || json === '') return EMPTY_CONTEXT;
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    throw new OsqueryError('OSQUERY_INVALID', `query context is not JSON: ${messageOf(cause)}`, { cause });
  }
  if (!isObject(parsed)) throw new OsqueryError('OSQUERY_INVALID', 'query context is not a JSON object');

  const constraints = new Map<string, ColumnConstraints>();
  let limit: bigint | undefined;
  let offset: bigint | undefined;
  for (const entry of asArray(parsed.constraints)) {
    if (!isObject(entry) || typeof entry.name !== 'string') continue;
    const list: Constraint[] = [];
    // Core writes "" instead of [] for an empty list in some versions.
    for (const item of asArray(entry.list)) {
      if (!isObject(item)) continue;
      const op = Number(item.op);
      const expr = asText(item.expr);
      if (expr === undefined) continue;
      if (op === CONSTRAINT_LIMIT) limit = asBigInt(expr);
      else if (op === CONSTRAINT_OFFSET) offset = asBigInt(expr);
      else if (COLUMN_CONSTRAINT_OPS.has(op)) list.push({ op, expr });
    }
    const affinity = typeof entry.affinity === 'string' ? entry.affinity : 'TEXT';
    constraints.set(entry.name, { affinity, list });
  }

  const colsUsed = Array.isArray(parsed.colsUsed)
    ? new Set(parsed.colsUsed.filter(name => typeof name === 'string'))
    : undefined;
  return { constraints, colsUsed, colsUsedBitset: bitset(json, parsed.colsUsedBitset), limit, offset };
}

/** JSON.parse rounds numbers beyond 2^53; a table with that many columns needs them exactly. */
function bitset(json: string, parsed: unknown): bigint | undefined {
  if (typeof parsed === 'number' && !Number.isSafeInteger(parsed)) {
    // Inside a JSON string the quotes would have a backslash before them, so this finds the member itself.
    return asBigInt(/"colsUsedBitset"\s*:\s*(\d+)/.exec(json)?.[1]);
  }
  return asBigInt(asText(parsed));
}

function asBigInt(text: string | undefined): bigint | undefined {
  return text !== undefined && /^-?\d{1,20}$/.test(text) ? BigInt(text) : undefined;
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
