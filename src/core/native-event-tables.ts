/**
 * The event tables that a stock core on Linux owns, with osquery 5.23's columns and without rows: an embedded core
 * can stand in for one whose own audit publisher is off.
 */
import { type ColumnLine, type NativeTable, nativeTable } from './native-table.ts';

const EVENT_BASED = 4;

const processEvents: readonly ColumnLine[] = [
  ['pid', 'BIGINT'],
  ['path', 'TEXT'],
  ['mode', 'TEXT'],
  ['cmdline', 'TEXT'],
  ['cmdline_size', 'BIGINT', 16],
  ['env', 'TEXT', 16],
  ['env_count', 'BIGINT', 16],
  ['env_size', 'BIGINT', 16],
  ['cwd', 'TEXT'],
  ['auid', 'BIGINT'],
  ['uid', 'BIGINT'],
  ['euid', 'BIGINT'],
  ['gid', 'BIGINT'],
  ['egid', 'BIGINT'],
  ['owner_uid', 'BIGINT'],
  ['owner_gid', 'BIGINT'],
  ['atime', 'BIGINT'],
  ['mtime', 'BIGINT'],
  ['ctime', 'BIGINT'],
  ['btime', 'BIGINT'],
  ['overflows', 'TEXT', 16],
  ['parent', 'BIGINT'],
  ['time', 'BIGINT', 4],
  ['uptime', 'BIGINT'],
  ['eid', 'TEXT', 16],
  ['status', 'BIGINT', 16],
  ['fsuid', 'BIGINT'],
  ['suid', 'BIGINT'],
  ['fsgid', 'BIGINT'],
  ['sgid', 'BIGINT'],
  ['syscall', 'TEXT'],
];

const processEventsAliases = {
  access_time: 'atime',
  create_time: 'btime',
  change_time: 'ctime',
  environment: 'env',
  environment_count: 'env_count',
  environment_size: 'env_size',
  modify_time: 'mtime',
};

const socketEvents: readonly ColumnLine[] = [
  ['action', 'TEXT'],
  ['pid', 'BIGINT'],
  ['path', 'TEXT'],
  ['fd', 'TEXT'],
  ['auid', 'BIGINT'],
  ['family', 'INTEGER'],
  ['protocol', 'INTEGER', 16],
  ['local_address', 'TEXT'],
  ['remote_address', 'TEXT'],
  ['local_port', 'INTEGER'],
  ['remote_port', 'INTEGER'],
  ['socket', 'TEXT', 16],
  ['time', 'BIGINT', 4],
  ['uptime', 'BIGINT'],
  ['eid', 'TEXT', 16],
  ['success', 'INTEGER', 16],
  ['status', 'TEXT'],
];

const userEvents: readonly ColumnLine[] = [
  ['uid', 'BIGINT'],
  ['auid', 'BIGINT'],
  ['pid', 'BIGINT'],
  ['message', 'TEXT'],
  ['type', 'INTEGER'],
  ['path', 'TEXT'],
  ['address', 'TEXT'],
  ['terminal', 'TEXT'],
  ['time', 'BIGINT', 4],
  ['uptime', 'BIGINT'],
  ['eid', 'TEXT', 16],
];

/** Names that only a core with its own audit publisher owns. */
export const NATIVE_EVENT_TABLES: readonly NativeTable[] = [
  nativeTable({
    name: 'process_events',
    columns: processEvents,
    columnAliases: processEventsAliases,
    attributes: EVENT_BASED,
    generate: () => [],
  }),
  nativeTable({ name: 'socket_events', columns: socketEvents, attributes: EVENT_BASED, generate: () => [] }),
  nativeTable({ name: 'user_events', columns: userEvents, attributes: EVENT_BASED, generate: () => [] }),
];
