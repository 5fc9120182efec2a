import type { ColumnSpec } from 'osquery-extension-ts';
import type { ProcessEvent } from '../src/audit/audit-event.ts';
import type { SyscallName } from '../src/audit/syscalls.ts';
import { type EventTable, type RowContext, sourceOf } from '../src/events/event-table.ts';
import { argumentsBeside } from '../src/events/joined-arguments.ts';

const osqueryColumns = [
  { name: 'pid', type: 'BIGINT' },
  { name: 'path', type: 'TEXT' },
  { name: 'mode', type: 'TEXT' },
  { name: 'cmdline', type: 'TEXT' },
  { name: 'cmdline_size', type: 'BIGINT', options: { hidden: true } },
  { name: 'env', type: 'TEXT', options: { hidden: true } },
  { name: 'env_count', type: 'BIGINT', options: { hidden: true } },
  { name: 'env_size', type: 'BIGINT', options: { hidden: true } },
  { name: 'cwd', type: 'TEXT' },
  { name: 'auid', type: 'BIGINT' },
  { name: 'uid', type: 'BIGINT' },
  { name: 'euid', type: 'BIGINT' },
  { name: 'gid', type: 'BIGINT' },
  { name: 'egid', type: 'BIGINT' },
  { name: 'owner_uid', type: 'BIGINT' },
  { name: 'owner_gid', type: 'BIGINT' },
  { name: 'atime', type: 'BIGINT' },
  { name: 'mtime', type: 'BIGINT' },
  { name: 'ctime', type: 'BIGINT' },
  { name: 'btime', type: 'BIGINT' },
  { name: 'overflows', type: 'TEXT', options: { hidden: true } },
  { name: 'parent', type: 'BIGINT' },
  { name: 'time', type: 'BIGINT', options: { additional: true } },
  { name: 'uptime', type: 'BIGINT' },
  { name: 'eid', type: 'TEXT', options: { hidden: true } },
  { name: 'status', type: 'BIGINT', options: { hidden: true } },
  { name: 'fsuid', type: 'BIGINT' },
  { name: 'suid', type: 'BIGINT' },
  { name: 'fsgid', type: 'BIGINT' },
  { name: 'sgid', type: 'BIGINT' },
  { name: 'syscall', type: 'TEXT' },
] as const satisfies readonly ColumnSpec[];

/** Our own columns, all hidden. */
const ownColumns = [
  { name: 'argv', type: 'TEXT', options: { hidden: true } },
  { name: 'comm', type: 'TEXT', options: { hidden: true } },
  { name: 'exe', type: 'TEXT', options: { hidden: true } },
  { name: 'tty', type: 'TEXT', options: { hidden: true } },
  { name: 'ses', type: 'BIGINT', options: { hidden: true } },
  { name: 'ppid', type: 'BIGINT', options: { hidden: true } },
  { name: 'exit', type: 'BIGINT', options: { hidden: true } },
  { name: 'audit_id', type: 'TEXT', options: { hidden: true } },
  { name: 'source', type: 'TEXT', options: { hidden: true } },
  { name: 'node', type: 'TEXT', options: { hidden: true } },
  { name: 'target_pid', type: 'BIGINT', options: { hidden: true } },
  { name: 'target_path', type: 'TEXT', options: { hidden: true } },
  { name: 'signal', type: 'INTEGER', options: { hidden: true } },
  { name: 'parent_path', type: 'TEXT', options: { hidden: true } },
  { name: 'parent_cmdline', type: 'TEXT', options: { hidden: true } },
  { name: 'container_id', type: 'TEXT', options: { hidden: true } },
  { name: 'username', type: 'TEXT', options: { hidden: true } },
  { name: 'sha256', type: 'TEXT', options: { hidden: true } },
  { name: 'container_runtime', type: 'TEXT', options: { hidden: true } },
  { name: 'container_name', type: 'TEXT', options: { hidden: true } },
  { name: 'container_image', type: 'TEXT', options: { hidden: true } },
  { name: 'container_image_digest', type: 'TEXT', options: { hidden: true } },
  { name: 'pod_uid', type: 'TEXT', options: { hidden: true } },
  { name: 'pod_name', type: 'TEXT', options: { hidden: true } },
  { name: 'pod_namespace', type: 'TEXT', options: { hidden: true } },
  { name: 'namespace_uid', type: 'BIGINT', options: { hidden: true } },
] as const satisfies readonly ColumnSpec[];

const columns = [...osqueryColumns, ...ownColumns] as const;

/**
 * The last columns come from the Event Model, later than the row; this maps them to its fields. They are filled from
 * the moment on that telemetry is on, or that a query has asked for one of them.
 */
export const processEventExtras = {
  parent_path: 'parent_process_path',
  parent_cmdline: 'parent_process_command_line',
  container_id: 'container_id',
  username: 'user_username',
  sha256: 'process_sha256',
  container_runtime: 'container_runtime',
  container_name: 'container_name',
  container_image: 'container_image',
  container_image_digest: 'container_image_digest',
  pod_uid: 'pod_uid',
  pod_name: 'pod_name',
  pod_namespace: 'pod_namespace',
  namespace_uid: 'user_namespace_uid',
} as const;

const EXEC: readonly SyscallName[] = ['execve', 'execveat'];
const FORK: readonly SyscallName[] = ['fork', 'vfork', 'clone', 'clone3'];
const KILL: readonly SyscallName[] = ['kill', 'tkill', 'tgkill'];

/** osquery's value for a parent that cannot be determined. */
const UNKNOWN_PARENT = -1;

/** Process executions and, with their flags, new processes and signals sent. */
export const processEvents: EventTable<'process', typeof columns> = {
  spec: {
    name: 'process_events',
    columns,
    columnAliases: {
      access_time: 'atime',
      create_time: 'btime',
      change_time: 'ctime',
      environment: 'env',
      environment_count: 'env_count',
      environment_size: 'env_size',
      modify_time: 'mtime',
    },
    attributes: { eventBased: true },
  },
  osqueryColumns: osqueryColumns.length,
  kind: 'process',
  flag: 'allowProcessEvents',

  subscribes(settings) {
    const syscalls = [
      ...(settings.allowProcessEvents ? EXEC : []),
      ...(settings.allowForkProcessEvents ? FORK : []),
      ...(settings.allowKillProcessEvents ? KILL : []),
    ];
    return syscalls.length === 0 ? undefined : { syscalls };
  },

  toRow(event, context) {
    if (!isWanted(event, context)) return undefined;
    const { argv } = event;
    const cmdline = argv?.join(' ');
    const file = event.files[0];
    const times = context.imageTimes(event);
    return {
      pid: event.pid,
      path: event.path,
      mode: event.action === 'exec' ? file?.mode : times && permissions(times.mode),
      cmdline,
      cmdline_size:
        event.commandLineBytes ?? (cmdline === undefined ? undefined : Buffer.byteLength(cmdline)),
      env: event.env?.join(' ') ?? '',
      env_count: event.env?.length ?? 0,
      env_size: event.env?.reduce((size, variable) => size + Buffer.byteLength(variable) + 1, 0) ?? 0,
      cwd: event.cwd,
      auid: event.auid,
      uid: event.uid,
      euid: event.euid,
      gid: event.gid,
      egid: event.egid,
      owner_uid: event.action === 'fork' ? 0 : file?.ouid,
      owner_gid: event.action === 'fork' ? 0 : file?.ogid,
      atime: times?.atime ?? 0,
      mtime: times?.mtime ?? 0,
      ctime: times?.ctime ?? 0,
      btime: 0,
      overflows: '',
      parent: event.parent ?? UNKNOWN_PARENT,
      time: event.seconds,
      uptime: context.uptimeAt(event.seconds),
      status: event.status,
      fsuid: event.fsuid,
      suid: event.suid,
      fsgid: event.fsgid,
      sgid: event.sgid,
      syscall: event.syscall,
      argv: argv && argumentsBeside(argv),
      comm: event.comm,
      exe: event.exe,
      tty: event.tty,
      ses: event.ses,
      ppid: event.ppid,
      exit: event.exit,
      audit_id: context.auditId(event),
      source: sourceOf(event),
      node: event.node,
      target_pid: event.target?.pid,
      target_path: event.target && context.targetPath(event.target),
      signal: event.target?.signal,
    };
  },
};

const isWanted = (event: ProcessEvent, { settings }: RowContext): boolean => {
  switch (event.action) {
    case 'exec':
      return settings.allowProcessEvents;
    case 'fork':
      return settings.allowForkProcessEvents;
    case 'kill':
      return settings.allowKillProcessEvents;
    case 'exit':
      return false;
  }
};

/** Permissions as osquery writes them if no PATH record has them: `0755`, setuid and sticky bits first. */
const permissions = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');
