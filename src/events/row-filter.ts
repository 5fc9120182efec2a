import type { ColumnSpec, Constraint, QueryContext } from 'osquery-extension-ts';
import { findValue } from './encoded-row.ts';
import type { RowFilter, RowRange, RowView } from './event-buffer.ts';
import { likeMatcher } from './like.ts';

/** SQLite's numbers of the operators that are pushed down. */
const EQ = 2;
const GT = 4;
const LE = 8;
const LT = 16;
const GE = 32;
const LIKE = 65;

const INTEGER_TEXT = /^-?(0|[1-9][0-9]{0,15})$/;
const EID_TEXT = /^[0-9]{10,16}$/;

/** What a query's constraints leave to read. */
export interface Selection {
  /** The rows an `eid` constraint leaves; undefined if there is none. */
  readonly range: RowRange | undefined;
  /** undefined if every row passes. */
  readonly filter: RowFilter | undefined;
}

/**
 * Makes a filter of the constraints that can be decided here: `time` and `eid` by comparison, any column by
 * equality, text by LIKE. SQLite checks every row again, so what is not understood may pass, but nothing may be
 * dropped that SQLite would keep.
 *
 * Several equalities on one column are alternatives: core sends all values of an IN so to a column that asks for it.
 */
export const selectionOf = (
  context: QueryContext,
  columns: readonly ColumnSpec[],
  overheads: Uint32Array,
): Selection => {
  const tests: RowFilter[] = [];
  let range: RowRange | undefined;

  columns.forEach((column, index) => {
    const list = context.constraints.get(column.name)?.list ?? [];
    if (list.length === 0) return;
    if (column.name === 'time') {
      const bounds = timeBounds(list);
      if (bounds !== undefined) tests.push(({ time }) => time >= bounds.from && time <= bounds.to);
      return;
    }
    const equal = list.filter(({ op }) => op === EQ).map(({ expr }) => expr);
    if (column.name === 'eid') {
      const eids = equal.filter(expr => EID_TEXT.test(expr)).map(Number);
      if (equal.length > 0) {
        range =
          eids.length === 0
            ? { from: 0, to: 0 }
            : { from: eids.reduce((a, b) => Math.min(a, b)), to: eids.reduce((a, b) => Math.max(a, b)) + 1 };
      }
      if (eids.length > 1) {
        const wanted = new Set(eids);
        tests.push(({ eid }) => wanted.has(eid));
      }
      return;
    }
    const text = column.type === 'TEXT';
    if (equal.length > 0 && (text || equal.every(expr => INTEGER_TEXT.test(expr)))) {
      tests.push(equals(index, equal, overheads));
    }
    if (text) {
      for (const { op, expr } of list) if (op === LIKE) tests.push(like(index, expr, overheads));
    }
  });

  return {
    range,
    filter:
      tests.length === 0 ? undefined : tests.length === 1 ? tests[0] : row => tests.every(test => test(row)),
  };
};

const timeBounds = (list: readonly Constraint[]): { from: number; to: number } | undefined => {
  let from = Number.NEGATIVE_INFINITY;
  let to = Number.POSITIVE_INFINITY;
  let equalFrom = Number.POSITIVE_INFINITY;
  let equalTo = Number.NEGATIVE_INFINITY;
  for (const { op, expr } of list) {
    if (!INTEGER_TEXT.test(expr)) continue;
    const value = Number(expr);
    if (op === GT) from = Math.max(from, value + 1);
    else if (op === GE) from = Math.max(from, value);
    else if (op === LT) to = Math.min(to, value - 1);
    else if (op === LE) to = Math.min(to, value);
    else if (op === EQ) {
      equalFrom = Math.min(equalFrom, value);
      equalTo = Math.max(equalTo, value);
    }
  }
  if (equalFrom <= equalTo) {
    from = Math.max(from, equalFrom);
    to = Math.min(to, equalTo);
  }
  return from === Number.NEGATIVE_INFINITY && to === Number.POSITIVE_INFINITY ? undefined : { from, to };
};

const equals = (column: number, values: readonly string[], overheads: Uint32Array): RowFilter => {
  const wanted = values.map(value => Buffer.from(value, 'utf8'));
  return row => {
    const span = columnValue(row, column, overheads);
    return (
      span !== undefined &&
      wanted.some(
        value =>
          span.end - span.start === value.length &&
          row.bytes.compare(value, 0, value.length, span.start, span.end) === 0,
      )
    );
  };
};

const like = (column: number, pattern: string, overheads: Uint32Array): RowFilter => {
  const matches = likeMatcher(pattern);
  return row => {
    const span = columnValue(row, column, overheads);
    return span !== undefined && matches(row.bytes.toString('utf8', span.start, span.end));
  };
};

const columnValue = (row: RowView, column: number, overheads: Uint32Array): ReturnType<typeof findValue> =>
  findValue(row.bytes, row.start, row.low, row.high, column, overheads);
