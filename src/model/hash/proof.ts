import { type BigIntStats, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isTimedMagic, timingOf } from '../looks/file-systems.ts';
import { unescapeOctal } from '../procfs/mountinfo.ts';
import { type FoundMount, MEMORY } from './mounts.ts';

/**
 * What proves that a file's content is still that of the exec.
 *
 * - `times`: its size and times, on file systems where every way of writing changes the times.
 * - `running`: the process still runs it. On tmpfs and similar, writing through a shared mapping whose pages were
 *   only read before does not change the times. But an exec fails (ETXTBSY) while the file is open for writing, and a
 *   mapping counts as open as long as it exists, even after its descriptor was closed; and while the file runs nobody
 *   can open it for writing. So from the exec to the end of the process nobody writes. i_writecount in the kernel's
 *   fs/exec.c and mm/mmap.c.
 * - `none`: nothing. A FUSE server can give each reader different content. The user who mounted an overlay may write
 *   to the files below it; and a mapping through an overlay belongs to the file below, while an exec checks the
 *   overlay's: Linux 6.18 refuses the exec nevertheless, older kernels may not.
 *
 * For a memfd that proves nothing: the descriptor that created it does not count as open for writing, so its maker may go on writing
 * while it runs, and through a mapping that leaves no trace. Nor does a seal against writing (F_SEAL_WRITE): it may have been added
 * after such a write, after the exec, and no time tells when. Tried on Linux 6.18. So a memfd has a proof only if root made it.
 */
export type Proof = 'times' | 'running' | 'none';

/**
 * Milliseconds after which pages written through a mapping have been written back and are protected, so that another
 * write changes the times. vm.dirty_expire_centisecs is 30 s, and it is checked every 5 s.
 */
const WRITEBACK_MS = 120_000;

/** File systems that pass operations on to other file systems. */
const STACKED = /^(?:overlay|aufs|ecryptfs|unionfs|shiftfs|mhddfs)$/;

/**
 * Files that only root can write to were written by root, who is trusted, so their times are enough anywhere. (If
 * root is given a user's file, the user may keep mappings of it.) The mode of a memfd says nothing, because nobody else has a way to it.
 *
 * @param stats of the file; without them, what can be said before the look
 */
export const proofFor = (mount: FoundMount | undefined, stats?: BigIntStats, nowMs = 0): Proof => {
  if (mount === undefined) return 'none';
  const { type, isOfHost } = mount;
  const timing = timingOf(type);
  if (timing === 'untold' || (STACKED.test(type) && !isOfHost)) return 'none';
  if (type === MEMORY && stats !== undefined) return stats.uid === 0n ? 'running' : 'none';
  if (timing === 'timed' || stats === undefined || isRootsOwn(stats)) return 'times';
  if (!STACKED.test(type)) return 'running';
  const isWrittenBack = Number(stats.ctimeNs) / 1e6 + WRITEBACK_MS < nowMs;
  return type === 'overlay' && isWrittenBack && isTimedBelow(mount) ? 'times' : 'none';
};

const OTHERS_WRITE = 0o022n;

const isRootsOwn = ({ uid, mode }: BigIntStats): boolean => uid === 0n && (mode & OTHERS_WRITE) === 0n;

/** Whether writes to an overlay of the host go to a file system whose times tell. */
const isTimedBelow = ({ options, place }: FoundMount): boolean => {
  const upper = /(?:^|,)upperdir=((?:\\,|[^,])*)/.exec(options)?.[1];
  // Nothing can be written to it.
  if (upper === undefined) return true;
  // Docker uses names relative to the directory of all its layers, and mounts at LAYER/merged.
  const base = place === undefined ? '/' : dirname(dirname(place));
  try {
    return isTimedMagic(statfsSync(resolve(base, unescapeOctal(upper).replaceAll('\\,', ','))).type);
  } catch {
    return false;
  }
};
