import type { ColumnSpec } from 'osquery-extension-ts';
import type { EventTable } from '../src/events/event-table.ts';
import { DARWIN_COLUMNS, type DarwinColumns } from '../src/openbsm/darwin-columns.ts';

/**
 * A table with its columns on a platform. The catalogue has those of Linux. Rows may have values for columns that do
 * not exist on the platform; nobody sees them.
 */
export const tableOn = (platform: NodeJS.Platform, table: EventTable): EventTable => {
  const difference = platform === 'darwin' ? DARWIN_COLUMNS[table.spec.name] : undefined;
  if (difference === undefined) return table;
  return { ...table, spec: { ...table.spec, columns: darwinColumns(table.spec.columns, difference) } };
};

const darwinColumns = (
  columns: readonly ColumnSpec[],
  { visible, linuxOnly }: DarwinColumns,
): readonly ColumnSpec[] =>
  columns
    .filter(({ name }) => !linuxOnly.includes(name))
    .map(column =>
      visible.includes(column.name) ? { ...column, options: { ...column.options, hidden: false } } : column,
    );
