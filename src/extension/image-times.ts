import { type BigIntStats, statSync } from 'node:fs';
import type { ExecutedFile, ProcessEvent } from '../audit/audit-event.ts';
import type { ImageTimes } from '../events/event-table.ts';
import { parseAuditDevice, statDevice } from '../model/hash/device.ts';

/**
 * Looks up the file a process runs. It is looked for where the process sees it, because a container has files of its
 * own under the same paths; then here. An exec's file counts only if it is one that the event recorded.
 */
export const imageTimes = (event: ProcessEvent): ImageTimes | undefined => {
  if (event.path === undefined) return undefined;
  // The event of a new process comes from the one that made it.
  const pid = event.action === 'fork' ? event.parent : event.pid;
  const stats = stat(`/proc/${pid}/root${event.path}`, event) ?? stat(event.path, event);
  return (
    stats && {
      atime: Number(stats.atimeMs / 1000n),
      mtime: Number(stats.mtimeMs / 1000n),
      ctime: Number(stats.ctimeMs / 1000n),
      mode: Number(stats.mode),
    }
  );
};

const stat = (path: string, event: ProcessEvent): BigIntStats | undefined => {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile()) return undefined;
    return event.files.length === 0 || event.files.some(file => isSameFile(file, stats)) ? stats : undefined;
  } catch {
    return undefined;
  }
};

/** Some filesystems (overlay, btrfs) give stat another device than the kernel records, always one of major 0. */
const isSameFile = ({ inode, dev }: ExecutedFile, stats: BigIntStats): boolean => {
  if (inode !== stats.ino.toString()) return false;
  const device = statDevice(stats.dev);
  return device.startsWith('0:') || (dev !== undefined && parseAuditDevice(dev) === device);
};
