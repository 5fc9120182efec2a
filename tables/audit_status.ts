import type { ColumnSpec, Row, TableSpec } from 'osquery-extension-ts';

const columns = [
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
  { name: 'oversized_records', type: 'BIGINT' },
  { name: 'foreign_records', type: 'BIGINT' },
  { name: 'over_limit_records', type: 'BIGINT' },
  { name: 'cut_command_lines', type: 'BIGINT' },
  { name: 'events', type: 'BIGINT' },
  { name: 'filtered_events', type: 'BIGINT' },
  { name: 'malformed_events', type: 'BIGINT' },
  { name: 'unusable_events', type: 'BIGINT' },
  { name: 'incomplete_events', type: 'BIGINT' },
  { name: 'unterminated_events', type: 'BIGINT' },
  { name: 'unencodable_rows', type: 'BIGINT' },
  { name: 'process_events_evicted_unread', type: 'BIGINT' },
  { name: 'socket_events_evicted_unread', type: 'BIGINT' },
  { name: 'user_events_evicted_unread', type: 'BIGINT' },
  { name: 'process_telemetry_events_evicted_unread', type: 'BIGINT' },
  { name: 'process_events_expired_unread', type: 'BIGINT' },
  { name: 'socket_events_expired_unread', type: 'BIGINT' },
  { name: 'user_events_expired_unread', type: 'BIGINT' },
  { name: 'process_telemetry_events_expired_unread', type: 'BIGINT' },
  { name: 'telemetry_events', type: 'BIGINT' },
  { name: 'telemetry_overflowed', type: 'BIGINT' },
  { name: 'telemetry_source_failures', type: 'BIGINT' },
  { name: 'telemetry_slow', type: 'BIGINT' },
  { name: 'telemetry_skipped', type: 'BIGINT' },
  { name: 'process_connector_overruns', type: 'BIGINT' },
  { name: 'files_hashed', type: 'BIGINT' },
  { name: 'socket_lookups_found', type: 'BIGINT' },
  { name: 'socket_lookups_gone', type: 'BIGINT' },
  { name: 'socket_lookups_refused', type: 'BIGINT' },
  { name: 'socket_lookups_failed', type: 'BIGINT' },
  { name: 'rows_buffered', type: 'BIGINT' },
  { name: 'bytes_buffered', type: 'BIGINT' },
  { name: 'state_dir', type: 'TEXT' },
  { name: 'state_rows_restored', type: 'BIGINT' },
  { name: 'state_bytes_lost', type: 'BIGINT' },
  { name: 'state_write_failures', type: 'BIGINT' },
  { name: 'last_error', type: 'TEXT' },
] as const satisfies readonly ColumnSpec[];

export type AuditStatusRow = Row<typeof columns>;

/**
 * How the events are read, and everything that was lost on the way: one row. Counts are since
 * the start or, where state is kept (`state_dir`), since the first start with that directory.
 */
export const auditStatus: TableSpec<typeof columns> = { name: 'audit_status', columns };
