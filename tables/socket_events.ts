import type { ColumnSpec } from 'osquery-extension-ts';
import type { SocketEvent } from '../src/audit/audit-event.ts';
import { type EventTable, sourceOf } from '../src/events/event-table.ts';
import type { AuditSettings } from '../src/flags/audit-settings.ts';

const osqueryColumns = [
  { name: 'action', type: 'TEXT' },
  { name: 'pid', type: 'BIGINT' },
  { name: 'path', type: 'TEXT' },
  { name: 'fd', type: 'TEXT' },
  { name: 'auid', type: 'BIGINT' },
  { name: 'family', type: 'INTEGER' },
  { name: 'protocol', type: 'INTEGER', options: { hidden: true } },
  { name: 'local_address', type: 'TEXT' },
  { name: 'remote_address', type: 'TEXT' },
  { name: 'local_port', type: 'INTEGER' },
  { name: 'remote_port', type: 'INTEGER' },
  { name: 'socket', type: 'TEXT', options: { hidden: true } },
  { name: 'time', type: 'BIGINT', options: { additional: true } },
  { name: 'uptime', type: 'BIGINT' },
  { name: 'eid', type: 'TEXT', options: { hidden: true } },
  { name: 'success', type: 'INTEGER', options: { hidden: true } },
  { name: 'status', type: 'TEXT' },
] as const satisfies readonly ColumnSpec[];

/** Our own columns, all hidden. */
const ownColumns = [
  { name: 'exit', type: 'BIGINT', options: { hidden: true } },
  { name: 'audit_id', type: 'TEXT', options: { hidden: true } },
  { name: 'source', type: 'TEXT', options: { hidden: true } },
  { name: 'node', type: 'TEXT', options: { hidden: true } },
  { name: 'container_id', type: 'TEXT', options: { hidden: true } },
  { name: 'container_runtime', type: 'TEXT', options: { hidden: true } },
  { name: 'container_name', type: 'TEXT', options: { hidden: true } },
  { name: 'container_image', type: 'TEXT', options: { hidden: true } },
  { name: 'container_image_digest', type: 'TEXT', options: { hidden: true } },
  { name: 'pod_uid', type: 'TEXT', options: { hidden: true } },
  { name: 'pod_name', type: 'TEXT', options: { hidden: true } },
  { name: 'pod_namespace', type: 'TEXT', options: { hidden: true } },
] as const satisfies readonly ColumnSpec[];

const columns = [...osqueryColumns, ...ownColumns] as const;

/**
 * Columns that audit does not record. They are looked up while the socket exists, and become known some milliseconds
 * after the row. A row without a look-up keeps the values of `toRow`.
 */
export const socketEventExtras = [
  'family',
  'protocol',
  'local_address',
  'remote_address',
  'local_port',
  'remote_port',
] as const;

/** The container of the process. As in process_events, the columns have values while telemetry is on, or once a query names them. */
export const socketContainerExtras = [
  'container_id',
  'container_runtime',
  'container_name',
  'container_image',
  'container_image_digest',
  'pod_uid',
  'pod_name',
  'pod_namespace',
] as const;

const AF_UNIX = 1;

/** Binds, connects and accepts; datagrams sent to an address too, on macOS, and on Linux if they are asked for. */
export const socketEvents: EventTable<'socket', typeof columns> = {
  spec: { name: 'socket_events', columns, attributes: { eventBased: true } },
  osqueryColumns: osqueryColumns.length,
  kind: 'socket',
  flag: 'allowSockets',

  subscribes(settings) {
    if (!settings.allowSockets) return undefined;
    return {
      syscalls: [
        'bind',
        'connect',
        // TCP Fast Open: one call that connects and sends.
        ...(['sendto', 'sendmsg', 'sendmmsg'] as const),
        ...(settings.allowAcceptSocketEvents ? (['accept', 'accept4'] as const) : []),
      ],
      datagrams: settings.datagrams,
    };
  },

  toRow(event, { settings, uptimeAt, auditId }) {
    if (!isWanted(event, settings)) return undefined;
    return {
      action: event.action,
      pid: event.pid,
      path: event.exe,
      fd: event.fd === undefined ? undefined : String(event.fd),
      auid: event.auid,
      family: event.family,
      protocol: event.protocol,
      local_address: event.local?.address,
      remote_address: event.remote?.address,
      local_port: event.local?.port ?? 0,
      remote_port: event.remote?.port ?? 0,
      socket: event.socket,
      time: event.seconds,
      uptime: uptimeAt(event.seconds),
      success: event.outcome === undefined ? undefined : event.outcome === 'failed' ? 0 : 1,
      status: event.outcome,
      exit: event.exit,
      audit_id: auditId(event),
      source: sourceOf(event),
      node: event.node,
    };
  },
};

const isWanted = (event: SocketEvent, settings: AuditSettings): boolean =>
  settings.allowSockets &&
  (event.action !== 'accept' || settings.allowAcceptSocketEvents) &&
  (event.family !== AF_UNIX || settings.allowUnix) &&
  (event.outcome !== 'failed' || settings.allowFailedSocketEvents) &&
  (event.outcome !== 'no_client' || settings.allowNullAcceptSocketEvents);
