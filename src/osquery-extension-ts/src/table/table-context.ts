import { OsqueryError, shown } from '../errors.ts';
import type { ColumnSpec, ColumnType } from './column.ts';
import {
  CONSTRAINT_EQ,
  CONSTRAINT_GE,
  CONSTRAINT_GLOB,
  CONSTRAINT_GT,
  CONSTRAINT_IS,
  CONSTRAINT_ISNOT,
  CONSTRAINT_ISNOTNULL,
  CONSTRAINT_ISNULL,
  CONSTRAINT_LE,
  CONSTRAINT_LIKE,
  CONSTRAINT_LT,
  CONSTRAINT_MATCH,
  CONSTRAINT_NE,
  CONSTRAINT_REGEXP,
} from './constraint-op.ts';
import type { ColumnConstraints, Constraint, QueryContext } from './query-context.ts';
import { comparedNumber, exactNumber, type SqliteNumber, sqliteNumber } from './sqlite-number.ts';
import type { TableSpec } from './table-spec.ts';

/** Columns of some of the types. */
type NamesOfType<Columns extends readonly ColumnSpec[], Type extends ColumnType> = NameOfType<
  Columns[number],
  Type
>;
type NameOfType<Column extends ColumnSpec, Type extends ColumnType> = Column extends unknown
  ? [Column['type'] & Type] extends [never]
    ? never
    : Column['name']
  : never;

type IntegerType = 'INTEGER' | 'BIGINT' | 'UNSIGNED BIGINT';
type NumberType = IntegerType | 'DOUBLE';

/** A column's value in a comparison; whole numbers beyond 2^53 are bigint. */
type ComparedValue<Type extends ColumnType> = Type extends 'INTEGER'
  ? number
  : Type extends IntegerType
    ? number | bigint
    : string;

type TypeOf<Columns extends readonly ColumnSpec[], Name> = Columns[number] extends infer Column
  ? Column extends ColumnSpec
    ? Name extends Column['name']
      ? Column['type']
      : never
    : never
  : never;

/** The values between two others, both included. */
export interface ValueRange<Value extends number | bigint = number | bigint> {
  /** Absent where there is none. */
  readonly min?: Value;
  /** Likewise. */
  readonly max?: Value;
}

/** An operator as SQL writes it. */
export type ComparisonOperator =
  | '='
  | '<>'
  | '<'
  | '<='
  | '>'
  | '>='
  | 'IS'
  | 'IS NOT'
  | 'IS NULL'
  | 'IS NOT NULL'
  | 'LIKE'
  | 'GLOB'
  | 'REGEXP'
  | 'MATCH';

/** One comparison of a query; the value is text whatever the column is. */
export interface Comparison {
  readonly operator: ComparisonOperator;
  readonly value: string;
}

const OPERATORS: ReadonlyMap<number, ComparisonOperator> = new Map([
  [CONSTRAINT_EQ, '='],
  [CONSTRAINT_NE, '<>'],
  [CONSTRAINT_LT, '<'],
  [CONSTRAINT_LE, '<='],
  [CONSTRAINT_GT, '>'],
  [CONSTRAINT_GE, '>='],
  [CONSTRAINT_IS, 'IS'],
  [CONSTRAINT_ISNOT, 'IS NOT'],
  [CONSTRAINT_ISNULL, 'IS NULL'],
  [CONSTRAINT_ISNOTNULL, 'IS NOT NULL'],
  [CONSTRAINT_LIKE, 'LIKE'],
  [CONSTRAINT_GLOB, 'GLOB'],
  [CONSTRAINT_REGEXP, 'REGEXP'],
  [CONSTRAINT_MATCH, 'MATCH'],
]);

/** Most whole numbers that one inexact text may stand for; beyond that, core decides which was meant. */
const MAX_CANDIDATES = 16n;
const NO_NUMBER: ValueRange = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };

/**
 * What a query needs of a table with these columns, with names that the compiler checks and values of the columns'
 * own types. Using it is optional: core checks every row again, so a table may return more rows than asked for, but
 * never fewer. What it says is never narrower than what SQLite would keep.
 *
 * With an `IN` or `OR` core calls once per value or branch, except for an `index` column that is also `optimized`:
 * then all values of its IN come at once.
 */
export class TableContext<Columns extends readonly ColumnSpec[] = readonly ColumnSpec[]>
  implements QueryContext
{
  /** The comparisons as core sends them, by column: see {@link QueryContext}. */
  readonly constraints: ReadonlyMap<string, ColumnConstraints>;
  /** Names of the columns that the query reads, with aliases resolved; undefined if core did not tell. */
  readonly colsUsed: ReadonlySet<string> | undefined;
  /** The same as bits in the order of the columns; bit 63 stands for all from the 64th on. */
  readonly colsUsedBitset: bigint | undefined;
  /** LIMIT of the query, if SQLite passes it down. Do not use it before every other condition is applied. */
  readonly limit: bigint | undefined;
  /** OFFSET of the query. Core skips the rows itself: a table must not. */
  readonly offset: bigint | undefined;
  readonly #spec: TableSpec<Columns>;

  constructor(spec: TableSpec<Columns>, context: QueryContext) {
    this.#spec = spec;
    this.constraints = context.constraints;
    this.colsUsed = realNames(spec, context.colsUsed);
    this.colsUsedBitset = context.colsUsedBitset;
    this.limit = context.limit;
    this.offset = context.offset;
  }

  /** Whether the query reads the column; true if core did not tell. */
  uses(column: Columns[number]['name']): boolean {
    this.#column(column);
    return this.colsUsed?.has(column) ?? true;
  }

  /**
   * The only values that rows can have in a column of text or whole numbers, from `=` and `IN`: for looking rows up.
   * Empty if no row can match (`WHERE pid = 'x'`); undefined if the query does not say, and then every row is wanted.
   *
   * `WHERE pid = '01'` and `pid = 1.0` give 1. Texts must be compared with the column's collation. To filter rows,
   * {@link matches} is simpler.
   */
  equals<Name extends NamesOfType<Columns, IntegerType | 'TEXT'>>(
    column: Name,
  ): readonly ComparedValue<TypeOf<Columns, Name>>[] | undefined;
  equals(column: string): readonly (number | bigint | string)[] | undefined {
    const { type } = this.#column(column);
    const texts = this.#constraintsOn(column).filter(({ op }) => op === CONSTRAINT_EQ);
    if (texts.length === 0) return undefined;
    // Here a real is compared with the text of its 15 digits, and bytes with a text that ends at their first NUL.
    if (type === 'DOUBLE' || type === 'BLOB') return undefined;
    if (type === 'TEXT') return [...new Set(texts.map(({ expr }) => expr))];
    const values = new Set<number | bigint>();
    for (const { expr } of texts) {
      const number = sqliteNumber(expr);
      if (number === undefined) continue;
      const [from, to] = wholeNumbers(number);
      if (to - from >= MAX_CANDIDATES) return undefined;
      for (let value = from; value <= to; value += 1n) values.add(exactNumber(value));
    }
    return [...values];
  }

  /**
   * The range of a numeric column's values, from `=`, `<`, `<=`, `>`, `>=` and BETWEEN together. If no number can
   * match, `min` is greater than `max`.
   */
  range<Name extends NamesOfType<Columns, NumberType>>(
    column: Name,
  ): ValueRange<TypeOf<Columns, Name> extends 'INTEGER' | 'DOUBLE' ? number : number | bigint>;
  range(column: string): ValueRange {
    const isReal = this.#column(column).type === 'DOUBLE';
    let range: ValueRange = {};
    const equal: ValueRange[] = [];
    for (const { op, expr } of this.#constraintsOn(column)) {
      const bounds = boundsOf(op, sqliteNumber(expr), isReal);
      if (op === CONSTRAINT_EQ) equal.push(bounds);
      else range = intersection(range, bounds);
    }
    // Several values for equality come from an IN: any of them may match.
    return equal.length === 0 ? range : intersection(range, equal.reduce(union));
  }

  /**
   * Whether a row with this value can be in the answer, judged by its comparisons with `=`, `IN`, `<>`, `<`, `<=`,
   * `>` and `>=`. True if they cannot be decided here, and if there are none.
   */
  matches(column: Columns[number]['name'], value: unknown): boolean {
    const { type } = this.#column(column);
    const list = this.#constraintsOn(column);
    if (list.length === 0 || type === 'BLOB') return true;
    const isNull = value === undefined || value === null;
    if (isNull && type !== 'TEXT') return !list.some(({ op }) => NEVER_NULL.has(op));
    // A missing text is an empty one in SQL.
    const own = isNull ? '' : value;
    const isCollated = this.#collation(column) !== 'BINARY';
    let anyEqual: boolean | undefined;
    for (const { op, expr } of list) {
      const holds =
        type === 'TEXT' ? textMatches(op, expr, own, isCollated) : numberMatches(op, expr, own, type);
      if (op === CONSTRAINT_EQ) anyEqual = anyEqual === true || holds;
      else if (!holds) return false;
    }
    return anyEqual !== false;
  }

  /** The comparisons of a column as they came. All of them must hold, except those with `=` from an IN. */
  comparisons(column: Columns[number]['name']): readonly Comparison[] {
    this.#column(column);
    return this.#constraintsOn(column).flatMap(({ op, expr }) => {
      const operator = OPERATORS.get(op);
      return operator === undefined ? [] : [{ operator, value: expr }];
    });
  }

  #constraintsOn(column: string): readonly Constraint[] {
    return this.constraints.get(column)?.list ?? [];
  }

  #column(name: string): ColumnSpec {
    const column = this.#spec.columns.find(known => known.name === name);
    if (column !== undefined) return column;
    const known = this.#spec.columns.map(each => each.name).join(', ');
    throw new OsqueryError(
      'OSQUERY_INVALID',
      `table ${this.#spec.name} has no column ${shown(name)}; expected one of ${known}`,
    );
  }

  #collation(name: string): string {
    const { collation, options } = this.#column(name);
    return collation ?? options?.collation ?? 'BINARY';
  }
}

/** Core may use an alias for a column. */
function realNames(
  { columnAliases }: TableSpec,
  names: ReadonlySet<string> | undefined,
): ReadonlySet<string> | undefined {
  if (columnAliases === undefined || names === undefined) return names;
  const aliases: Readonly<Record<string, string>> = columnAliases;
  return new Set([...names].map(name => (Object.hasOwn(aliases, name) ? aliases[name]! : name)));
}

/** Operators that are false of NULL. */
const NEVER_NULL: ReadonlySet<number> = new Set([
  CONSTRAINT_EQ,
  CONSTRAINT_NE,
  CONSTRAINT_LT,
  CONSTRAINT_LE,
  CONSTRAINT_GT,
  CONSTRAINT_GE,
]);

/** The whole numbers that a number may be: none if the first is greater than the last. */
function wholeNumbers(number: SqliteNumber): readonly [from: bigint, to: bigint] {
  if (number.kind === 'integer') return [number.value, number.value];
  return [wholeNumber(Math.ceil(number.low)), wholeNumber(Math.floor(number.high))];
}

const BEYOND_INT64 = 2n ** 64n;

function wholeNumber(value: number): bigint {
  if (Number.isFinite(value)) return BigInt(value);
  return value > 0 ? BEYOND_INT64 : -BEYOND_INT64;
}

/**
 * The values that an operator leaves; `undefined` for a text that is not a number, which is greater than every
 * number.
 */
function boundsOf(op: number, number: SqliteNumber | undefined, isReal: boolean): ValueRange {
  const atLeast = op === CONSTRAINT_GT || op === CONSTRAINT_GE;
  const atMost = op === CONSTRAINT_LT || op === CONSTRAINT_LE;
  if (!atLeast && !atMost && op !== CONSTRAINT_EQ) return {};
  if (number === undefined) return atMost ? {} : NO_NUMBER;
  if (isReal) {
    const [low, high] =
      number.kind === 'real' ? [number.low, number.high] : [Number(number.value), Number(number.value)];
    return atLeast ? { min: low } : atMost ? { max: high } : { min: low, max: high };
  }
  const exact = number.kind === 'integer' ? 1n : 0n;
  const [from, to] = wholeNumbers(number);
  if (op === CONSTRAINT_GT) return { min: exactNumber(from + exact) };
  if (op === CONSTRAINT_LT) return { max: exactNumber(to - exact) };
  if (atLeast) return { min: exactNumber(from) };
  if (atMost) return { max: exactNumber(to) };
  return { min: exactNumber(from), max: exactNumber(to) };
}

function intersection(a: ValueRange, b: ValueRange): ValueRange {
  const min = a.min === undefined || (b.min !== undefined && b.min > a.min) ? b.min : a.min;
  const max = a.max === undefined || (b.max !== undefined && b.max < a.max) ? b.max : a.max;
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}

/** For two ranges with both ends; an empty one is ignored. */
function union(a: ValueRange, b: ValueRange): ValueRange {
  if (a.min! > a.max!) return b;
  if (b.min! > b.max!) return a;
  return { min: a.min! < b.min! ? a.min! : b.min!, max: a.max! > b.max! ? a.max! : b.max! };
}

function numberMatches(op: number, expr: string, value: unknown, type: ColumnType): boolean {
  if (!NEVER_NULL.has(op)) return true;
  const own = typeof value === 'boolean' ? Number(value) : value;
  if (typeof own !== 'number' && typeof own !== 'bigint') return true;
  const number = comparedNumber(expr);
  if (op === CONSTRAINT_NE) return number?.kind !== 'integer' || own < number.value || own > number.value;
  const { min, max } = boundsOf(op, number, type === 'DOUBLE');
  return (min === undefined || own >= min) && (max === undefined || own <= max);
}

function textMatches(op: number, expr: string, value: unknown, isCollated: boolean): boolean {
  // The collation decides on the order and equality of texts.
  if (typeof value !== 'string' || isCollated || (op !== CONSTRAINT_EQ && op !== CONSTRAINT_NE)) return true;
  const isSame = value === expr;
  if (op === CONSTRAINT_NE) return !isSame;
  if (isSame) return true;
  // Beside a column of numbers, as in a join, texts are compared as numbers: '01' is 1.
  const a = comparedNumber(expr);
  const b = a === undefined ? undefined : sqliteNumber(value);
  return a !== undefined && b !== undefined && Number(expr) === Number(value);
}
