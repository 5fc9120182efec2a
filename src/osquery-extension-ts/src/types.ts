/**
 * Every type in the signatures of this package.
 *
 * @packageDocumentation
 */
export type { CoreDatabase, DatabaseKey } from './client/core-database.ts';
export type {
  CallOptions,
  ClientOptions,
  PluginAnswer,
  PluginCallRequest,
} from './client/extension-client.ts';
export type { ClientCallMessage, ServerRejectedMessage, ServerRequestMessage } from './diagnostics.ts';
export type { ExtensionStatus, ExtensionUuid, OsqueryErrorCode } from './errors.ts';
export type { EventCounters } from './events/event-rows.ts';
export type { EventRow, EventTable, EventTableOptions } from './events/event-table.ts';
export type { ExtensionInfo, OptionInfo, PluginRoutes } from './extension-info.ts';
export type { JsonDocument } from './json-document.ts';
export type { MainOptions } from './main.ts';
export type { ConfigHandlers } from './plugins/config-plugin.ts';
export type {
  DistributedHandlers,
  DistributedQueries,
  DistributedResult,
  DistributedStats,
} from './plugins/distributed-plugin.ts';
export type { LoggerHandlers, StatusLine } from './plugins/logger-plugin.ts';
export type { Plugin, PluginCall, PluginContext, PluginHooks } from './plugins/plugin.ts';
export type { ExtensionEnd, Registration, RunExtensionOptions } from './run-extension.ts';
export type { ServerLimits } from './server/limits.ts';
export type { RefusePeer } from './server/refuse-peer.ts';
export type { Collation, ColumnOptions, ColumnSpec, ColumnType, ColumnValues, Row } from './table/column.ts';
export type {
  DecodeOptions,
  EncodedRows,
  LateChunk,
  PluginRequest,
  PluginRow,
  ResponseRows,
  RowWithBlobs,
} from './table/encoded-rows.ts';
export type { Awaitable, GeneratedRow, GeneratedRows } from './table/generated-rows.ts';
export type { ColumnConstraints, Constraint, QueryContext } from './table/query-context.ts';
export type { Comparison, ComparisonOperator, TableContext, ValueRange } from './table/table-context.ts';
export type { TableHandlers } from './table/table-plugin.ts';
export type { TableAttributes, TableSpec } from './table/table-spec.ts';
export type { InsertResult, TableWrites, WriteResult, WrittenRow } from './table/table-writes.ts';
