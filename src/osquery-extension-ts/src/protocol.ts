/**
 * The names and numbers, osquery's and SQLite's own, that core and a table exchange.
 *
 * @packageDocumentation
 */
import './node-version.ts';

export type { ExtensionInfo, OptionInfo, PluginRoutes } from './extension-info.ts';
export { extensionSocketPath } from './extension-info.ts';
export type { Collation, ColumnOptions, ColumnSpec, ColumnType } from './table/column.ts';
export { COLLATION_BITS, COLUMN_OPTION_BITS, columnOptionBits, columnOptions } from './table/column.ts';
export * from './table/constraint-op.ts';
export type { ColumnConstraints, Constraint, QueryContext } from './table/query-context.ts';
export { EMPTY_CONTEXT, parseQueryContext } from './table/query-context.ts';
export { TableContext } from './table/table-context.ts';
export type { TableJson } from './table/table-json.ts';
export { tableJson } from './table/table-json.ts';
export type { TableAttributes, TableSpec, TableUse } from './table/table-spec.ts';
export { columnRoutes, TABLE_ATTRIBUTE_BITS, tableAttributeBits } from './table/table-spec.ts';
