import type { ColumnSpec, Row, TableSpec } from 'osquery-extension-ts';
import { eventTables } from './index.ts';
import { processTelemetryEvents } from './process_telemetry_events.ts';

const beforeLosses = [
  { name: 'mode', type: 'TEXT' },
  { name: 'owner_pid', type: 'BIGINT' },
  { name: 'enabled', type: 'INTEGER' },
  { name: 'failure', type: 'INTEGER' },
  { name: 'backlog', type: 'BIGINT' },
  { name: 'backlog_limit', type: 'BIGINT' },
  { name: 'backlog_wait_time', type: 'BIGINT' },
  { name: 'rate_limit', type: 'BIGINT' },
  { name: 'rules', type: 'INTEGER' },
  { name: 'kernel_lost', type: 'BIGINT' },
  { name: 'socket_overruns', type: 'BIGINT' },
  { name: 'multicast_dropped', type: 'BIGINT' },
  { name: 'serial_gaps', type: 'BIGINT' },
  { name: 'records', type: 'BIGINT' },
  { name: 'malformed_records', type: 'BIGINT' },
  { name: 'repeated_records', type: 'BIGINT' },
  { name: 'oversized_records', type: 'BIGINT' },
  { name: 'foreign_records', type: 'BIGINT' },
  { name: 'over_limit_records', type: 'BIGINT' },
  { name: 'cut_command_lines', type: 'BIGINT' },
  { name: 'events', type: 'BIGINT' },
  { name: 'filtered_events', type: 'BIGINT' },
  { name: 'excluded_by_exe', type: 'BIGINT' },
  { name: 'excluded_by_uid', type: 'BIGINT' },
  { name: 'excluded_by_auid', type: 'BIGINT' },
  { name: 'unknown_arch_events', type: 'BIGINT' },
  { name: 'malformed_events', type: 'BIGINT' },
  { name: 'unusable_events', type: 'BIGINT' },
  { name: 'incomplete_events', type: 'BIGINT' },
  { name: 'unterminated_events', type: 'BIGINT' },
  { name: 'unencodable_rows', type: 'BIGINT' },
] as const satisfies readonly ColumnSpec[];

const afterLosses = [
  { name: 'telemetry_events', type: 'BIGINT' },
  { name: 'telemetry_overflowed', type: 'BIGINT' },
  { name: 'telemetry_source_failures', type: 'BIGINT' },
  { name: 'telemetry_slow', type: 'BIGINT' },
  { name: 'telemetry_skipped', type: 'BIGINT' },
  { name: 'process_connector_overruns', type: 'BIGINT' },
  { name: 'files_hashed', type: 'BIGINT' },
  { name: 'file_looks_hung', type: 'BIGINT' },
  { name: 'file_looks_refused', type: 'BIGINT' },
  { name: 'hashes_hung', type: 'BIGINT' },
  { name: 'hashes_refused', type: 'BIGINT' },
  { name: 'hashes_unproven', type: 'BIGINT' },
  { name: 'account_lookups_refused', type: 'BIGINT' },
  { name: 'socket_lookups_found', type: 'BIGINT' },
  { name: 'socket_lookups_gone', type: 'BIGINT' },
  { name: 'socket_lookups_refused', type: 'BIGINT' },
  { name: 'socket_lookups_failed', type: 'BIGINT' },
  { name: 'bpf', type: 'TEXT' },
  { name: 'bpf_ends', type: 'BIGINT' },
  { name: 'bpf_lost', type: 'BIGINT' },
  { name: 'bpf_events', type: 'BIGINT' },
  { name: 'bpf_processes', type: 'TEXT' },
  { name: 'unaudited_processes', type: 'INTEGER' },
  { name: 'unaudited_sockets', type: 'TEXT' },
  { name: 'rows_buffered', type: 'BIGINT' },
  { name: 'bytes_buffered', type: 'BIGINT' },
  { name: 'state_dir', type: 'TEXT' },
  { name: 'state_rows_restored', type: 'BIGINT' },
  { name: 'state_bytes_lost', type: 'BIGINT' },
  { name: 'state_write_failures', type: 'BIGINT' },
  { name: 'last_error', type: 'TEXT' },
] as const satisfies readonly ColumnSpec[];

/** Columns that count rows of an event table that were dropped, or expired, before a query had read them. */
export type LossColumn = `${string}_evicted_unread` | `${string}_expired_unread`;

/** The tables that hold events. */
const holders = [...eventTables.map(({ spec }) => spec.name), processTelemetryEvents.spec.name];

export const evictedColumns = holders.map(name => `${name}_evicted_unread` as const);
export const expiredColumns = holders.map(name => `${name}_expired_unread` as const);

const columns: readonly ColumnSpec[] = [
  ...beforeLosses,
  ...[...evictedColumns, ...expiredColumns].map(name => ({ name, type: 'BIGINT' }) as const),
  ...afterLosses,
];

export type AuditStatusRow = Row<typeof beforeLosses> &
  Row<typeof afterLosses> & { readonly [Name in LossColumn]?: number | undefined };

/**
 * How events are read, and everything that was lost on the way: one row. Counts start with the process or, if state
 * is kept (`state_dir`), with the first start with that directory.
 */
export const auditStatus: TableSpec = { name: 'audit_status', columns };
