/**
 * Numbers in the compared texts of a query. Core passes the compared value as text (sqlite3_value_text), whatever the
 * column is; how SQLite itself interprets that text follows from the column's affinity.
 *
 * Source: https://www.sqlite.org/datatype3.html (4.2, Type Conversions Prior To Comparison).
 */

const SPACE = '[\\t-\\r ]*';
const INTEGER = new RegExp(`^${SPACE}([+-]?)0*([0-9]+)${SPACE}$`);
const REAL = new RegExp(`^${SPACE}[+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE][+-]?[0-9]+)?${SPACE}$`);

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

/**
 * A real number's text has 15 digits (`%!.15g` in SQLite): from here on it may stand for several whole numbers.
 */
const EXACT_REAL = 1e15;
/** Relative distance of the intended number from the one in a text of 15 digits. */
const REAL_ERROR = 1e-14;

/** A text as a number: an exact whole number, or one of the reals from `low` to `high`. */
export type SqliteNumber =
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'real'; readonly low: number; readonly high: number };

/** Reads a text as a column of a numeric type does; undefined if it stays text, which equals no number. */
export function sqliteNumber(text: string): SqliteNumber | undefined {
  const integer = INTEGER.exec(text);
  if (integer !== null) {
    const digits = BigInt(integer[2]!);
    const value = integer[1] === '-' ? -digits : digits;
    if (value >= MIN_INT64 && value <= MAX_INT64) return { kind: 'integer', value };
  } else if (!REAL.test(text)) {
    return undefined;
  }
  const value = Number(text);
  const { MAX_VALUE } = Number;
  if (!Number.isFinite(value)) {
    return value > 0
      ? { kind: 'real', low: MAX_VALUE, high: Number.POSITIVE_INFINITY }
      : { kind: 'real', low: Number.NEGATIVE_INFINITY, high: -MAX_VALUE };
  }
  if (Number.isInteger(value) && Math.abs(value) < EXACT_REAL)
    return { kind: 'integer', value: BigInt(value) };
  const error = Math.abs(value) * REAL_ERROR;
  return { kind: 'real', low: value - error, high: value + error };
}

let lastText: string | undefined;
let lastNumber: SqliteNumber | undefined;

/** Like {@link sqliteNumber}, for a text that is read repeatedly: a filter compares every row with the same text. */
export function comparedNumber(text: string): SqliteNumber | undefined {
  if (text !== lastText) {
    lastNumber = sqliteNumber(text);
    lastText = text;
  }
  return lastNumber;
}

/** A whole number as a JavaScript number if that is exact, else as a bigint. */
export function exactNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
