import type { ColumnSpec } from 'osquery-extension-ts';
import type { FileEvent } from '../src/audit/audit-event.ts';
import { fileCallNames } from '../src/audit/file-calls.ts';
import { isBelowAnchor } from '../src/audit/watch-anchors.ts';
import type { EventTable } from '../src/events/event-table.ts';
import { matcherOf } from '../src/events/watched-matcher.ts';
import type { AuditSettings } from '../src/flags/audit-settings.ts';

const osqueryColumns = [
  { name: 'operation', type: 'TEXT' },
  { name: 'pid', type: 'BIGINT' },
  { name: 'ppid', type: 'BIGINT' },
  { name: 'time', type: 'BIGINT', options: { additional: true } },
  { name: 'executable', type: 'TEXT' },
  { name: 'partial', type: 'TEXT' },
  { name: 'cwd', type: 'TEXT' },
  { name: 'path', type: 'TEXT' },
  { name: 'dest_path', type: 'TEXT' },
  { name: 'uid', type: 'TEXT' },
  { name: 'gid', type: 'TEXT' },
  { name: 'auid', type: 'TEXT' },
  { name: 'euid', type: 'TEXT' },
  { name: 'egid', type: 'TEXT' },
  { name: 'fsuid', type: 'TEXT' },
  { name: 'fsgid', type: 'TEXT' },
  { name: 'suid', type: 'TEXT' },
  { name: 'sgid', type: 'TEXT' },
  { name: 'uptime', type: 'BIGINT' },
  { name: 'eid', type: 'TEXT', options: { hidden: true } },
] as const satisfies readonly ColumnSpec[];

/** Our own columns, all hidden. */
const ownColumns = [
  { name: 'category', type: 'TEXT', options: { hidden: true } },
  { name: 'syscall', type: 'TEXT', options: { hidden: true } },
  { name: 'comm', type: 'TEXT', options: { hidden: true } },
  { name: 'tty', type: 'TEXT', options: { hidden: true } },
  { name: 'ses', type: 'BIGINT', options: { hidden: true } },
  { name: 'inode', type: 'TEXT', options: { hidden: true } },
  { name: 'mode', type: 'TEXT', options: { hidden: true } },
  { name: 'owner_uid', type: 'BIGINT', options: { hidden: true } },
  { name: 'owner_gid', type: 'BIGINT', options: { hidden: true } },
  { name: 'audit_id', type: 'TEXT', options: { hidden: true } },
  { name: 'node', type: 'TEXT', options: { hidden: true } },
] as const satisfies readonly ColumnSpec[];

const columns = [...osqueryColumns, ...ownColumns] as const;

/** Who changed which file, for the paths in the configuration. */
export const processFileEvents: EventTable<'file', typeof columns> = {
  spec: { name: 'process_file_events', columns, attributes: { eventBased: true } },
  osqueryColumns: osqueryColumns.length,
  kind: 'file',
  flag: 'allowFimEvents',
  linuxOnly: true,

  subscribes: settings => (settings.allowFimEvents ? { syscalls: fileCallNames } : undefined),

  toRow(event, { settings, uptimeAt, auditId }) {
    if (!isWanted(event, settings)) return undefined;
    const watching = watchedAs(event, settings);
    if (watching === undefined) return undefined;
    return {
      operation: event.operation,
      pid: event.pid,
      ppid: event.ppid,
      time: event.seconds,
      executable: event.exe,
      partial: String(event.isPartial),
      cwd: event.cwd,
      path: event.path,
      dest_path: event.destPath,
      uid: String(event.uid),
      gid: String(event.gid),
      auid: text(event.auid),
      euid: String(event.euid),
      egid: String(event.egid),
      fsuid: text(event.fsuid),
      fsgid: text(event.fsgid),
      suid: text(event.suid),
      sgid: text(event.sgid),
      uptime: uptimeAt(event.seconds),
      category: watching.category,
      syscall: event.syscall,
      comm: event.comm,
      tty: event.tty,
      ses: event.ses,
      inode: event.inode,
      mode: event.mode,
      owner_uid: event.ownerUid,
      owner_gid: event.ownerGid,
      audit_id: auditId(event),
      node: event.node,
    };
  },
};

const text = (id: number | undefined): string | undefined => (id === undefined ? undefined : String(id));

const isWanted = ({ operation, isPartial }: FileEvent, settings: AuditSettings): boolean =>
  settings.allowFimEvents &&
  (operation !== 'read' || settings.fimShowAccesses) &&
  (!isPartial || settings.showPartialFimEvents);

/**
 * Whether a configuration means the event's paths. A path that it does not mention may be one of a container, or of
 * another mount of the same directory; then it counts that the kernel selected the file.
 */
const watchedAs = (
  { path, destPath, isSelected, isPartial }: FileEvent,
  { watched }: AuditSettings,
): { readonly category: string | undefined } | undefined => {
  if (watched === undefined) return { category: undefined };
  const matcher = matcherOf(watched);
  const paths = [path, destPath].filter(each => each !== undefined);
  for (const each of paths) {
    const category = matcher.categoryOf(each);
    if (category !== undefined) return { category };
  }
  if (paths.some(isBelowAnchor)) return undefined;
  const isOfHost = paths.some(each => matcher.knows(each));
  return isSelected && (isPartial || !isOfHost) ? { category: undefined } : undefined;
};
