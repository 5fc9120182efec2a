/** What `tail` shows: `process_events [pid,cmdline] [WHERE uid = 0]`. */

export interface TailRequest {
  readonly table: string;
  /** Empty: those that suit the output. */
  readonly columns: readonly string[];
  /** SQL; empty: every row. */
  readonly where: string;
}

const REQUEST = /^(\w+)(?:\s+(?!where\b)(\w+(?:\s*,\s*\w+)*))?(?:\s+where\s+(\S.*))?$/is;

/** undefined if the text is something else. */
export const parseTail = (text: string): TailRequest | undefined => {
  const [, table, columns, where = ''] = REQUEST.exec(text.trim().replace(/[\s;]+$/, '')) ?? [];
  if (table === undefined) return undefined;
  return { table, columns: columns?.split(/\s*,\s*/) ?? [], where };
};

/**
 * The columns that say what happened, in one line of a terminal. The last one may be long. Tables that are not here
 * show all columns.
 */
const SUMMARIES: Readonly<Record<string, readonly string[]>> = {
  process_events: ['time', 'pid', 'parent', 'uid', 'cmdline'],
  socket_events: ['time', 'pid', 'action', 'remote_address', 'remote_port', 'local_port', 'path'],
  user_events: ['time', 'pid', 'uid', 'type', 'message'],
  process_file_events: ['time', 'pid', 'uid', 'operation', 'executable', 'path'],
  selinux_events: ['time', 'type', 'message'],
  apparmor_events: ['time', 'apparmor', 'operation', 'profile', 'comm', 'name'],
  seccomp_events: ['time', 'comm', 'syscall', 'code', 'exe'],
  process_telemetry_events: [
    'time',
    'process_pid',
    'user_username',
    'container_name',
    'process_command_line',
  ],
};

export const summaryColumns = (table: string): readonly string[] | undefined =>
  SUMMARIES[table.toLowerCase().replace(/^audit_/, '')];
