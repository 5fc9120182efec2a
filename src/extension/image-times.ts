import { type BigIntStats, statSync } from 'node:fs';
import type { ExecutedFile, ProcessEvent } from '../audit/audit-event.ts';
import type { ImageTimes } from '../events/event-table.ts';
import { parseAuditDevice, statDevice } from '../model/hash/device.ts';

/**
 * Looks up the file a process runs. An exec's file counts only if it is one that the event recorded. Where that can be
 * told by device and inode it is looked for under its path here, which costs a tenth of a look into /proc; else where the
 * process sees it, because a container has files of its own under the same paths; and then here.
 */
export const imageTimes = (event: ProcessEvent): ImageTimes | undefined => {
  if (event.path === undefined) return undefined;
  const here = stat(event.path);
  if (here !== undefined && event.files.some(file => isExactly(file, here))) return timesOf(here);
  // The event of a new process comes from the one that made it.
  const pid = event.action === 'fork' ? event.parent : event.pid;
  const there = stat(`/proc/${pid}/root${event.path}`);
  const found = [there, here].find(stats => stats !== undefined && isPossible(event, stats));
  return found && timesOf(found);
};

const timesOf = ({ atimeMs, mtimeMs, ctimeMs, mode }: BigIntStats): ImageTimes => ({
  atime: Number(atimeMs / 1000n),
  mtime: Number(mtimeMs / 1000n),
  ctime: Number(ctimeMs / 1000n),
  mode: Number(mode),
});

const stat = (path: string): BigIntStats | undefined => {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats?.isFile() ? stats : undefined;
  } catch {
    return undefined;
  }
};

const isExactly = ({ inode, dev }: ExecutedFile, stats: BigIntStats): boolean =>
  inode === stats.ino.toString() && dev !== undefined && parseAuditDevice(dev) === statDevice(stats.dev);

/** Some filesystems (overlay, btrfs) give stat another device than the kernel records, always one of major 0. */
const isPossible = ({ files }: ProcessEvent, stats: BigIntStats): boolean =>
  files.length === 0 ||
  files.some(
    file =>
      isExactly(file, stats) ||
      (file.inode === stats.ino.toString() && statDevice(stats.dev).startsWith('0:')),
  );
