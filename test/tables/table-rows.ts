import type { PluginRow } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import type { AuditEvent } from '../../src/audit/audit-event.ts';
import { maskOf } from '../../src/events/encoded-row.ts';
import { EventBuffer } from '../../src/events/event-buffer.ts';
import { AuditIds } from '../../src/events/event-publisher.ts';
import type { EventTable, ImageTimes, RowContext } from '../../src/events/event-table.ts';
import { RowBatchWriter } from '../../src/events/row-batch-writer.ts';
import { type AuditSettings, readAuditSettings } from '../../src/flags/audit-settings.ts';

/** Settings with these flags, by their names without `audit_allow_`. */
export const settingsWith = (flags: Readonly<Record<string, boolean>> = {}): AuditSettings => {
  const values = Object.entries(flags).map(
    ([name, value]) => [`audit_allow_${name}`, String(value)] as const,
  );
  const { settings, warnings } = readAuditSettings(new Map(values));
  if (warnings.length > 0) throw new Error(warnings.join('\n'));
  return settings;
};

/** Settings that leave nothing out. */
export const EVERYTHING = settingsWith({
  fork_process_events: true,
  kill_process_events: true,
  sockets: true,
  failed_socket_events: true,
  null_accept_socket_events: true,
  unix: true,
  selinux_events: true,
  apparmor_events: true,
  seccomp_events: true,
  fim_events: true,
});

export const contextWith = (
  settings: AuditSettings,
  { times, uptime }: { readonly times?: ImageTimes; readonly uptime?: number } = {},
): RowContext => ({
  settings,
  uptimeAt: () => uptime,
  imageTimes: () => times,
  targetPath: ({ comm }) => comm && `/usr/bin/${comm}`,
  auditId: event => new AuditIds().of(event),
});

/** The row of an event as core gets it; undefined if the table leaves the event out. */
export const rowOf = <Kind extends AuditEvent['kind']>(
  table: EventTable<Kind>,
  event: Extract<AuditEvent, { kind: Kind }>,
  context: RowContext,
): PluginRow | undefined => {
  const row = table.toRow(event, context);
  if (row === undefined) return undefined;
  const writer = new RowBatchWriter(table.spec.columns);
  writer.append(row, event.seconds);
  const buffer = new EventBuffer(
    table.spec.columns.map(({ name }) => name),
    { rows: 1, bytes: Number.MAX_SAFE_INTEGER },
  );
  buffer.append(writer.take()!);
  return decodeRows(buffer.select(buffer.range, maskOf(table.spec.columns.keys())))[0];
};

export const ORIGIN = { seconds: 1_795_474_704, milliseconds: 82, serial: 386 };

/** A different number in each place: what stands in another's column shows. */
export const ACTOR = {
  ppid: 101,
  auid: 1000,
  uid: 1,
  gid: 2,
  euid: 3,
  egid: 4,
  suid: 5,
  sgid: 6,
  fsuid: 7,
  fsgid: 8,
  ses: 9,
  tty: 'pts0',
  comm: 'echo',
  exe: '/usr/bin/echo',
};
