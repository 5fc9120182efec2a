/** How a table's columns on macOS differ from those on Linux. */
export interface DarwinColumns {
  /** Hidden on Linux, visible on macOS. */
  readonly visible: readonly string[];
  /** On Linux only. */
  readonly linuxOnly: readonly string[];
}

/** By table. Source: osquery, specs/posix/{process,socket,user}_events.table (extended_schema). */
export const DARWIN_COLUMNS: Readonly<Record<string, DarwinColumns>> = {
  process_events: { visible: ['status'], linuxOnly: ['fsuid', 'suid', 'fsgid', 'sgid', 'syscall'] },
  socket_events: { visible: [], linuxOnly: ['status'] },
};
