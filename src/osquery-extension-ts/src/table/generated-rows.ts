import type { ColumnSpec, Row } from './column.ts';
import type { EncodedRows } from './encoded-rows.ts';

/** A value, or a promise of one. */
export type Awaitable<T> = T | Promise<T>;

/**
 * A row of a SELECT. `rowid` is the number by which core knows it: UPDATE and DELETE name rows by it. If it is
 * absent, the row gets one derived from its content, so that in a WHERE with OR, for which core asks once per branch,
 * no two rows are taken for one.
 */
export type GeneratedRow<Columns extends readonly ColumnSpec[]> = Row<Columns> & {
  readonly rowid?: number | bigint | null | undefined;
};

/** What a table generates: rows as objects, in any kind of sequence, or already encoded. */
export type GeneratedRows<Columns extends readonly ColumnSpec[]> =
  | Iterable<GeneratedRow<Columns>>
  | AsyncIterable<GeneratedRow<Columns>>
  | EncodedRows;

type IsAny<T> = 0 extends 1 & T ? true : false;

/**
 * `unknown` if `Generated` is right for a table with these columns; else a missing property whose name says what is
 * wrong. TypeScript itself checks for names that are not columns only in annotated literals, and its message is about
 * iterators.
 */
export type CheckGenerated<Columns extends readonly ColumnSpec[], Generated> =
  IsAny<RowOf<Awaited<Generated>>> extends true
    ? unknown
    : [Problem<Columns, RowOf<Awaited<Generated>>>] extends [never]
      ? unknown
      : { readonly [What in Problem<Columns, RowOf<Awaited<Generated>>>]: never };

/** Stands for the type of rows if there are none. */
interface NoRows {
  readonly noRows: unique symbol;
}

type RowOf<Generated> =
  IsAny<Generated> extends true
    ? Generated
    : Generated extends EncodedRows
      ? never
      : Generated extends Iterable<infer R>
        ? R
        : Generated extends AsyncIterable<infer R>
          ? R
          : NoRows;

type NoRow = readonly unknown[] | string | number | bigint | boolean | null | undefined;

/** What is wrong with a row, or with one of several kinds of rows; `never` if nothing is. */
type Problem<Columns extends readonly ColumnSpec[], R> = R extends NoRows
  ? 'generate gives rows: a list, another iterable or an async one, or a promise of one'
  : R extends NoRow
    ? 'a row is an object, { column: value }'
    : UnknownColumn<Exclude<keyof R, keyof GeneratedRow<Columns>>> | WrongValue<Columns, R>;

type UnknownColumn<Name> = Name extends string
  ? `the table has no column ${Name}; pickColumns leaves out other properties`
  : Name extends number | symbol
    ? 'the names of columns are texts'
    : never;

/** In brackets, so that the text does not list `any` as one value of each kind. */
type WrongValue<Columns extends readonly ColumnSpec[], R> = {
  [N in keyof R & keyof GeneratedRow<Columns>]-?: [R[N]] extends [GeneratedRow<Columns>[N]]
    ? never
    : `column ${N & string} is ${TypeOf<Columns, N>}, which cannot hold such a value`;
}[keyof R & keyof GeneratedRow<Columns>];

type TypeOf<Columns extends readonly ColumnSpec[], Name> = Name extends 'rowid'
  ? 'a number'
  : Extract<Columns[number], { readonly name: Name }>['type'];
