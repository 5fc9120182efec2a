import type { ColumnSpec, QueryContext } from 'osquery-extension-ts';
import type { RowRange } from 'osquery-extension-ts/events';
import type { Constraint } from 'osquery-extension-ts/types';
import type { Lookup } from './column-index.ts';
import { integerKey, type KeyOf, lowerAscii, NUMBER_TEXT, textKey, withoutBlanks } from './column-key.ts';
import { findValue } from './encoded-row.ts';
import { likeMatcher } from './like.ts';
import type { TimeBounds } from './segment.ts';
import type { RowFilter } from './stored-rows.ts';

/** SQLite's numbers of the operators that are pushed down. */
const EQ = 2;
const GT = 4;
const LE = 8;
const LT = 16;
const GE = 32;
const LIKE = 65;

/** An integer as rows have it: no other text is equal to it in SQL. */
const INTEGER_TEXT = /^(0|-?[1-9][0-9]{0,15})$/;

/** What a query's constraints leave to read. */
export interface Selection {
  /** The rows that an `eid` constraint leaves; undefined if there is none. */
  readonly range: RowRange | undefined;
  /** The times that a `time` constraint leaves; undefined if it leaves every time. */
  readonly times: TimeBounds | undefined;
  /** Decides on the rows that both leave; undefined if all of them pass. */
  readonly filter: RowFilter | undefined;
  /** Each finds all rows that pass the filter, and perhaps others. */
  readonly lookups: readonly Lookup[];
}

/**
 * Makes a filter of the constraints that can be decided here: `time` and `eid` by comparison, any column by equality,
 * text by LIKE. SQLite checks every row again, so unknown constraints may pass rows, but no row may be dropped that
 * SQLite would keep.
 *
 * Several equalities on one column are alternatives: that is how core sends all values of an IN to a column that asks
 * for them.
 *
 * @param isDecidable whether the rows hold the final value of a column, by its index
 */
export const selectionOf = (
  context: QueryContext,
  columns: readonly ColumnSpec[],
  overheads: Uint32Array,
  isDecidable: (column: number) => boolean = () => true,
): Selection => {
  const tests: RowFilter[] = [];
  const lookups: Lookup[] = [];
  let range: RowRange | undefined;
  let times: TimeBounds | undefined;

  columns.forEach((column, index) => {
    const list = context.constraints.get(column.name)?.list ?? [];
    if (list.length === 0 || !isDecidable(index)) return;
    if (column.name === 'time') {
      times = timeBounds(list);
      return;
    }
    const equal = list.filter(({ op }) => op === EQ).map(({ expr }) => expr);
    if (column.name === 'eid') {
      if (equal.length === 0) return;
      // By number, because SQLite may keep other spellings that are not zero-padded.
      const eids = equal.map(Number).filter(Number.isInteger);
      range =
        eids.length === 0
          ? { from: 0, to: 0 }
          : { from: eids.reduce((a, b) => Math.min(a, b)), to: eids.reduce((a, b) => Math.max(a, b)) + 1 };
      if (eids.length > 1) {
        const wanted = new Set(eids);
        tests.push(({ eid }) => wanted.has(eid));
      }
      return;
    }
    const text = column.type === 'TEXT';
    if (equal.length > 0 && text) {
      tests.push(equalsText(index, equal, overheads));
      lookups.push(lookupOf(index, equal, textKey));
    } else if (equal.length > 0 && equal.every(expr => INTEGER_TEXT.test(expr))) {
      tests.push(equalsInteger(index, equal, overheads));
      lookups.push(lookupOf(index, equal, integerKey));
    }
    if (text) {
      for (const { op, expr } of list) if (op === LIKE) tests.push(like(index, expr, overheads));
    }
  });

  return {
    range,
    times,
    lookups,
    filter:
      tests.length === 0 ? undefined : tests.length === 1 ? tests[0] : row => tests.every(test => test(row)),
  };
};

const lookupOf = (column: number, values: readonly string[], keyOf: KeyOf): Lookup => {
  const keys = values.map(value => {
    const bytes = Buffer.from(value, 'utf8');
    return keyOf(bytes, 0, bytes.length);
  });
  return { column, keyOf, keys: [...new Set(keys)] };
};

const timeBounds = (list: readonly Constraint[]): TimeBounds | undefined => {
  let from = Number.NEGATIVE_INFINITY;
  let to = Number.POSITIVE_INFINITY;
  const equal: string[] = [];
  for (const { op, expr } of list) {
    if (op === EQ) equal.push(expr);
    if (!INTEGER_TEXT.test(expr)) continue;
    const value = Number(expr);
    if (op === GT) from = Math.max(from, value + 1);
    else if (op === GE) from = Math.max(from, value);
    else if (op === LT) to = Math.min(to, value - 1);
    else if (op === LE) to = Math.min(to, value);
  }
  if (equal.length > 0 && equal.every(expr => INTEGER_TEXT.test(expr))) {
    const values = equal.map(Number);
    from = Math.max(
      from,
      values.reduce((a, b) => Math.min(a, b)),
    );
    to = Math.min(
      to,
      values.reduce((a, b) => Math.max(a, b)),
    );
  }
  return from === Number.NEGATIVE_INFINITY && to === Number.POSITIVE_INFINITY ? undefined : { from, to };
};

/** Both sides are decimal without leading zeros, so equal numbers are equal bytes. */
const equalsInteger = (column: number, values: readonly string[], overheads: Uint32Array): RowFilter => {
  const wanted = values.map(value => Buffer.from(value, 'latin1'));
  return row => {
    const span = findValue(row, column, overheads);
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

/**
 * A query may compare with a collation that its context does not mention (NOCASE, RTRIM), or with a number (`mode` is
 * 0755, and a column of integers joined to it has 755): values that are equal in any of these ways pass.
 */
const equalsText = (column: number, values: readonly string[], overheads: Uint32Array): RowFilter => {
  const wanted = values.map(value => {
    const bytes = Buffer.from(value, 'utf8');
    return bytes.subarray(0, withoutBlanks(bytes, 0, bytes.length));
  });
  const numbers = new Set(values.filter(value => NUMBER_TEXT.test(value)).map(Number));
  return row => {
    const span = findValue(row, column, overheads);
    if (span === undefined) return false;
    const { bytes } = row;
    const { start } = span;
    const length = withoutBlanks(bytes, start, span.end) - start;
    for (const value of wanted) {
      if (value.length !== length) continue;
      let i = 0;
      while (i < length && lowerAscii(bytes[start + i]!) === lowerAscii(value[i]!)) i++;
      if (i === length) return true;
    }
    return numbers.size > 0 && numbers.has(Number(bytes.toString('utf8', start, span.end)));
  };
};

const like = (column: number, pattern: string, overheads: Uint32Array): RowFilter => {
  const matches = likeMatcher(pattern);
  return row => {
    const span = findValue(row, column, overheads);
    return span !== undefined && matches(row.bytes.toString('utf8', span.start, span.end));
  };
};
