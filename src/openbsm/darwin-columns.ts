/** How a table's columns on macOS differ from those on Linux. */
export interface DarwinColumns {
  /** Hidden on Linux, visible on macOS. */
  readonly visible: readonly string[];
  /** On Linux only: core's own table keeps them, hidden and without a value. */
  readonly linuxOnly: readonly string[];
}

/** Source: osquery, specs/posix/{process,socket,user}_events.table (extended_schema). */
export const DARWIN_COLUMNS = {
  process_events: { visible: ['status'], linuxOnly: ['fsuid', 'suid', 'fsgid', 'sgid', 'syscall'] },
  socket_events: { visible: [], linuxOnly: ['status'] },
  user_events: { visible: [], linuxOnly: [] },
} as const satisfies Readonly<Record<string, DarwinColumns>>;
