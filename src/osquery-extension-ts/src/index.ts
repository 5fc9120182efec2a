/**
 * Osquery extensions in TypeScript: tables with typed rows, other plugins, the program around them, and a client of
 * core. Other types that appear in signatures are in `osquery-extension-ts/types`.
 *
 * @packageDocumentation
 */
import './node-version.ts';

export { ExtensionManagerClient } from './client/extension-manager-client.ts';
export { isOsqueryError, OsqueryError, OsqueryStatusError } from './errors.ts';
export { eventTable } from './events/event-table.ts';
export type { MainOptions } from './main.ts';
export { main } from './main.ts';
export { ConfigPlugin } from './plugins/config-plugin.ts';
export { DistributedPlugin } from './plugins/distributed-plugin.ts';
export { LoggerPlugin } from './plugins/logger-plugin.ts';
export type { Plugin, PluginCall } from './plugins/plugin.ts';
export type { ExtensionEnd, RunExtensionOptions } from './run-extension.ts';
export { runExtension } from './run-extension.ts';
export type { ColumnSpec, Row } from './table/column.ts';
export type { EncodedRows, PluginRow } from './table/encoded-rows.ts';
export { pickColumns } from './table/pick-columns.ts';
export type { QueryContext } from './table/query-context.ts';
export type { TableContext } from './table/table-context.ts';
export type { TableHandlers } from './table/table-plugin.ts';
export { TablePlugin } from './table/table-plugin.ts';
export type { TableSpec } from './table/table-spec.ts';
