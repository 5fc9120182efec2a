import type { ColumnSpec } from 'osquery-extension-ts';
import type { EventTable } from '../src/events/event-table.ts';

const osqueryColumns = [
  { name: 'type', type: 'TEXT' },
  { name: 'message', type: 'TEXT' },
  { name: 'time', type: 'BIGINT', options: { additional: true } },
  { name: 'uptime', type: 'BIGINT' },
  { name: 'eid', type: 'TEXT', options: { hidden: true } },
] as const satisfies readonly ColumnSpec[];

/** Our own columns, all hidden. */
const ownColumns = [
  { name: 'audit_id', type: 'TEXT', options: { hidden: true } },
  { name: 'node', type: 'TEXT', options: { hidden: true } },
] as const satisfies readonly ColumnSpec[];

const columns = [...osqueryColumns, ...ownColumns] as const;

/**
 * SELinux's record types, with osquery's names. USER_AVC belongs to them too, but is a message of a program, and so a
 * row of user_events, as in osquery. Source: osquery 5.23 `osquery/events/linux/selinux_events.h`.
 */
const TYPES: ReadonlyMap<number, string> = new Map([
  [1400, 'AVC'],
  [1401, 'SELINUX_ERR'],
  [1402, 'AVC_PATH'],
  [1403, 'MAC_POLICY_LOAD'],
  [1404, 'MAC_STATUS'],
  [1405, 'MAC_CONFIG_CHANGE'],
  [1406, 'MAC_UNLBL_ALLOW'],
  [1407, 'MAC_CIPSOV4_ADD'],
  [1408, 'MAC_CIPSOV4_DEL'],
  [1409, 'MAC_MAP_ADD'],
  [1410, 'MAC_MAP_DEL'],
  [1411, 'MAC_IPSEC_ADDSA'],
  [1412, 'MAC_IPSEC_DELSA'],
  [1413, 'MAC_IPSEC_ADDSPD'],
  [1414, 'MAC_IPSEC_DELSPD'],
  [1415, 'MAC_IPSEC_EVENT'],
  [1416, 'MAC_UNLBL_STCADD'],
  [1417, 'MAC_UNLBL_STCDEL'],
]);

/** What SELinux denies, grants with audit, and changes: whole records. */
export const selinuxEvents: EventTable<'record', typeof columns> = {
  spec: { name: 'selinux_events', columns, attributes: { eventBased: true } },
  osqueryColumns: osqueryColumns.length,
  kind: 'record',
  flag: 'allowSelinuxEvents',
  linuxOnly: true,

  subscribes: settings => (settings.allowSelinuxEvents ? { reports: [...TYPES.keys()] } : undefined),

  toRow(event, { settings, uptimeAt, auditId }) {
    const type = TYPES.get(event.type);
    // AppArmor uses the type AVC, too.
    if (!settings.allowSelinuxEvents || type === undefined || event.fields.has('apparmor')) return undefined;
    return {
      type,
      message: event.message,
      time: event.seconds,
      uptime: uptimeAt(event.seconds),
      audit_id: auditId(event),
      node: event.node,
    };
  },
};
