import type { ColumnSpec, Row } from './column.ts';

/** A row that may have more than the columns. */
type WiderRow<Columns extends readonly ColumnSpec[]> = Row<Columns> & object;

/**
 * Rows with what is no column left out, for a table's `generate`: it takes rows with other names, as a database or a parsed
 * file gives them, for a mistake. Made one by one as they are asked for.
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
