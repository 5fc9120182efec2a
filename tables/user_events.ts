import type { ColumnSpec } from 'osquery-extension-ts';
import type { EventTable } from '../src/events/event-table.ts';

const osqueryColumns = [
  { name: 'uid', type: 'BIGINT' },
  { name: 'auid', type: 'BIGINT' },
  { name: 'pid', type: 'BIGINT' },
  { name: 'message', type: 'TEXT' },
  { name: 'type', type: 'INTEGER' },
  { name: 'path', type: 'TEXT' },
  { name: 'address', type: 'TEXT' },
  { name: 'terminal', type: 'TEXT' },
  { name: 'time', type: 'BIGINT', options: { additional: true } },
  { name: 'uptime', type: 'BIGINT' },
  { name: 'eid', type: 'TEXT', options: { hidden: true } },
] as const satisfies readonly ColumnSpec[];

/** Our own columns, all hidden. */
const ownColumns = [
  { name: 'acct', type: 'TEXT', options: { hidden: true } },
  { name: 'hostname', type: 'TEXT', options: { hidden: true } },
  { name: 'res', type: 'TEXT', options: { hidden: true } },
  { name: 'op', type: 'TEXT', options: { hidden: true } },
  { name: 'command', type: 'TEXT', options: { hidden: true } },
  { name: 'node', type: 'TEXT', options: { hidden: true } },
] as const satisfies readonly ColumnSpec[];

const columns = [...osqueryColumns, ...ownColumns] as const;

/** Authentication, sessions and account changes, as PAM, sudo, sshd and others report them to audit. */
export const userEvents: EventTable<'user', typeof columns> = {
  spec: { name: 'user_events', columns, attributes: { eventBased: true } },
  osqueryColumns: osqueryColumns.length,
  kind: 'user',
  flag: 'allowUserEvents',

  subscribes: settings => (settings.allowUserEvents ? { userMessages: true } : undefined),

  toRow: (event, { settings, uptimeAt }) =>
    settings.allowUserEvents
      ? {
          uid: event.uid,
          auid: event.auid,
          pid: event.pid,
          message: event.message,
          type: event.type,
          path: event.path,
          address: event.address,
          terminal: event.terminal,
          time: event.seconds,
          uptime: uptimeAt(event.seconds),
          acct: event.acct,
          hostname: event.hostname,
          res: event.res,
          op: event.op,
          command: event.command,
          node: event.node,
        }
      : undefined,
};
