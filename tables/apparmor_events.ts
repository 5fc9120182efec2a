import type { ColumnSpec } from 'osquery-extension-ts';
import type { EventTable } from '../src/events/event-table.ts';

const osqueryColumns = [
  { name: 'type', type: 'TEXT' },
  { name: 'message', type: 'TEXT' },
  { name: 'time', type: 'BIGINT', options: { additional: true } },
  { name: 'uptime', type: 'BIGINT' },
  { name: 'eid', type: 'TEXT', options: { hidden: true } },
  { name: 'apparmor', type: 'TEXT' },
  { name: 'operation', type: 'TEXT' },
  { name: 'parent', type: 'UNSIGNED BIGINT' },
  { name: 'profile', type: 'TEXT' },
  { name: 'name', type: 'TEXT' },
  { name: 'pid', type: 'UNSIGNED BIGINT' },
  { name: 'comm', type: 'TEXT' },
  { name: 'denied_mask', type: 'TEXT' },
  { name: 'capname', type: 'TEXT' },
  { name: 'fsuid', type: 'UNSIGNED BIGINT' },
  { name: 'ouid', type: 'UNSIGNED BIGINT' },
  { name: 'capability', type: 'BIGINT' },
  { name: 'requested_mask', type: 'TEXT' },
  { name: 'info', type: 'TEXT' },
  { name: 'error', type: 'TEXT' },
  { name: 'namespace', type: 'TEXT' },
  { name: 'label', type: 'TEXT' },
] as const satisfies readonly ColumnSpec[];

/** Our own columns, all hidden. */
const ownColumns = [
  { name: 'audit_id', type: 'TEXT', options: { hidden: true } },
  { name: 'node', type: 'TEXT', options: { hidden: true } },
] as const satisfies readonly ColumnSpec[];

const columns = [...osqueryColumns, ...ownColumns] as const;

/**
 * AppArmor's record types: AVC, which osquery calls AA; and types of their own in kernels with its older patches.
 * Source: osquery 5.23 `osquery/events/linux/apparmor_events.h`; libaudit.h of audit-userspace 4.
 */
const TYPES: ReadonlyMap<number, string> = new Map([
  [1400, 'AA'],
  [1500, 'APPARMOR'],
  [1501, 'APPARMOR_AUDIT'],
  [1502, 'APPARMOR_ALLOWED'],
  [1503, 'APPARMOR_DENIED'],
  [1504, 'APPARMOR_HINT'],
  [1505, 'APPARMOR_STATUS'],
  [1506, 'APPARMOR_ERROR'],
  [1507, 'APPARMOR_KILL'],
]);

/** What AppArmor denies, allows with audit, and loads. */
export const apparmorEvents: EventTable<'record', typeof columns> = {
  spec: { name: 'apparmor_events', columns, attributes: { eventBased: true } },
  osqueryColumns: osqueryColumns.length,
  kind: 'record',
  flag: 'allowApparmorEvents',
  linuxOnly: true,

  subscribes: settings => (settings.allowApparmorEvents ? { reports: [...TYPES.keys()] } : undefined),

  toRow({ type, message, fields, ...event }, { settings, uptimeAt, auditId }) {
    const typeName = TYPES.get(type);
    // SELinux uses the type AVC, too.
    if (!settings.allowApparmorEvents || typeName === undefined || !fields.has('apparmor')) return undefined;
    return {
      type: typeName,
      message,
      time: event.seconds,
      uptime: uptimeAt(event.seconds),
      apparmor: fields.get('apparmor'),
      operation: fields.get('operation'),
      parent: number(fields.get('parent')),
      profile: fields.get('profile'),
      name: fields.get('name'),
      pid: number(fields.get('pid')),
      comm: fields.get('comm'),
      denied_mask: fields.get('denied_mask'),
      capname: fields.get('capname'),
      fsuid: number(fields.get('fsuid')),
      ouid: number(fields.get('ouid')),
      capability: number(fields.get('capability')),
      requested_mask: fields.get('requested_mask'),
      info: fields.get('info'),
      error: fields.get('error'),
      namespace: fields.get('namespace'),
      label: fields.get('label'),
      audit_id: auditId(event),
      node: event.node,
    };
  },
};

/** undefined for text that is no number: the record does not say it then. */
const number = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
