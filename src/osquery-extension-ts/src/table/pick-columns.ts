import type { ColumnSpec, Row } from './column.ts';

/** A row that may have more than the columns. */
type WiderRow<Columns extends readonly ColumnSpec[]> = Row<Columns> & object;

/**
 * Removes properties that are not columns, for a table's `generate`, which refuses rows with other names, as they
 * come from a database or a parsed file. Rows are made on demand, one by one.
 */
export function pickColumns<const Columns extends readonly ColumnSpec[]>(
  columns: Columns,
  rows: Iterable<WiderRow<Columns>>,
): Iterable<Row<Columns>>;
export function pickColumns<const Columns extends readonly ColumnSpec[]>(
  columns: Columns,
  rows: AsyncIterable<WiderRow<Columns>>,
): AsyncIterable<Row<Columns>>;
export function pickColumns(
  columns: readonly ColumnSpec[],
  rows: Iterable<object> | AsyncIterable<object>,
): Iterable<object> | AsyncIterable<object> {
  const names = columns.map(({ name }) => name);
  const pick = (row: object): object => {
    const values = row as Readonly<Record<string, unknown>>;
    return Object.fromEntries(names.map(name => [name, values[name]]));
  };
  return Symbol.asyncIterator in rows ? pickAsync(rows, pick) : pickSync(rows, pick);
}

function* pickSync(rows: Iterable<object>, pick: (row: object) => object): Generator<object> {
  for (const row of rows) yield pick(row);
}

async function* pickAsync(
  rows: AsyncIterable<object>,
  pick: (row: object) => object,
): AsyncGenerator<object> {
  for await (const row of rows) yield pick(row);
}
