import type { ColumnSpec } from 'osquery-extension-ts';
import { archName } from '../src/audit/architectures/arch-names.ts';
import { syscallName } from '../src/audit/syscalls.ts';
import type { EventTable } from '../src/events/event-table.ts';

const osqueryColumns = [
  { name: 'time', type: 'BIGINT', options: { additional: true } },
  { name: 'uptime', type: 'BIGINT' },
  { name: 'auid', type: 'UNSIGNED BIGINT' },
  { name: 'uid', type: 'UNSIGNED BIGINT' },
  { name: 'gid', type: 'UNSIGNED BIGINT' },
  { name: 'ses', type: 'UNSIGNED BIGINT' },
  { name: 'pid', type: 'UNSIGNED BIGINT' },
  { name: 'comm', type: 'TEXT' },
  { name: 'exe', type: 'TEXT' },
  { name: 'sig', type: 'BIGINT' },
  { name: 'arch', type: 'TEXT' },
  { name: 'syscall', type: 'TEXT' },
  { name: 'compat', type: 'BIGINT' },
  { name: 'ip', type: 'TEXT' },
  { name: 'code', type: 'TEXT' },
] as const satisfies readonly ColumnSpec[];

/** Our own columns, all hidden. */
const ownColumns = [
  { name: 'eid', type: 'TEXT', options: { hidden: true } },
  { name: 'audit_id', type: 'TEXT', options: { hidden: true } },
  { name: 'node', type: 'TEXT', options: { hidden: true } },
] as const satisfies readonly ColumnSpec[];

const columns = [...osqueryColumns, ...ownColumns] as const;

const AUDIT_SECCOMP = 1326;

/** SECCOMP_RET_* without that prefix. Source: linux/seccomp.h. */
const ACTIONS: ReadonlyMap<number, string> = new Map([
  [0x8000_0000, 'KILL_PROCESS'],
  [0x0000_0000, 'KILL_THREAD'],
  [0x0003_0000, 'TRAP'],
  [0x0005_0000, 'ERRNO'],
  [0x7fc0_0000, 'USER_NOTIF'],
  [0x7ff0_0000, 'TRACE'],
  [0x7ffc_0000, 'LOG'],
  [0x7fff_0000, 'ALLOW'],
]);

/** System calls that a seccomp filter logged or refused, or for which it killed the process. */
export const seccompEvents: EventTable<'record', typeof columns> = {
  spec: { name: 'seccomp_events', columns, attributes: { eventBased: true } },
  osqueryColumns: osqueryColumns.length,
  kind: 'record',
  flag: 'allowSeccompEvents',
  linuxOnly: true,

  subscribes: settings => (settings.allowSeccompEvents ? { reports: [AUDIT_SECCOMP] } : undefined),

  toRow({ type, fields, ...event }, { settings, uptimeAt, auditId }) {
    if (!settings.allowSeccompEvents || type !== AUDIT_SECCOMP) return undefined;
    const arch = hexadecimal(fields.get('arch'));
    const syscall = decimal(fields.get('syscall'));
    const code = hexadecimal(fields.get('code'));
    return {
      time: event.seconds,
      uptime: uptimeAt(event.seconds),
      auid: event.auid,
      uid: event.uid,
      gid: decimal(fields.get('gid')),
      ses: decimal(fields.get('ses')),
      pid: decimal(fields.get('pid')),
      comm: fields.get('comm'),
      exe: fields.get('exe'),
      sig: decimal(fields.get('sig')),
      arch: named(arch, arch === undefined ? undefined : archName(arch)),
      syscall: named(syscall, syscall === undefined ? undefined : syscallName(arch ?? 0, syscall)),
      compat: decimal(fields.get('compat')),
      ip: fields.get('ip'),
      code: named(code, code === undefined ? undefined : ACTIONS.get(code)),
      audit_id: auditId(event),
      node: event.node,
    };
  },
};

/** As osquery writes a number without a name. */
const named = (number: number | undefined, name: string | undefined): string | undefined =>
  number === undefined ? undefined : (name ?? `${number}(unknown)`);

const decimal = (text: string | undefined): number | undefined =>
  text !== undefined && /^-?\d{1,10}$/.test(text) ? Number(text) : undefined;

/** With `0x` before it or without. */
const hexadecimal = (text: string | undefined): number | undefined =>
  text !== undefined && /^(?:0x)?[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : undefined;
