import { type BigIntStats, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isTimedMagic, timingOf } from '../looks/file-systems.ts';
import { unescapeOctal } from '../procfs/mountinfo.ts';
import type { FoundMount } from './mounts.ts';

/**
 * What shows that a file's content is still that of the exec.
 *
 * - `times`: its size and times. Where writing changes the times, whatever way it is done.
 * - `running`: that the process runs it. On tmpfs and the like a shared mapping whose pages were only read before is written
 *   to without a change of times. But an exec fails (ETXTBSY) while the file is open for writing, and a mapping counts as that
 *   as long as it is there, also after its descriptor was closed; and as long as the file runs nobody can open it
 *   for writing. So from the exec to the end of the process nobody writes. i_writecount in the kernel's fs/exec.c and mm/mmap.c.
 * - `none`: nothing. A FUSE server can give each reader other content. Who has mounted an overlay may write to the files below
 *   it; and a mapping through an overlay is one of the file below, while an exec looks at the overlay's: Linux 6.18 refuses
 *   the exec all the same, older ones need not.
 *
 * A memfd is `running`, too, with less behind it: the descriptor that it was made by does not count as open for writing. What is
 * written through it changes the times; only who writes through a mapping made before, or within GRAIN_MS of the exec, leaves no
 * trace. Its digests are of what it held when it was looked at.
 */
export type Proof = 'times' | 'running' | 'none';

/**
 * Milliseconds after which pages that were written to through a mapping have been written back, and are protected: another
 * write changes the times. vm.dirty_expire_centisecs is 30 s, and a look at it comes every 5 s.
 */
const WRITEBACK_MS = 120_000;

/** Filesystems that pass operations on to other filesystems. */
const STACKED = /^(?:overlay|aufs|ecryptfs|unionfs|shiftfs|mhddfs)$/;

/**
 * Files that nobody but root can write to have been written by root, who is trusted: their times are enough anywhere. (Who
 * gives a file to root that a user had has let that user keep his mappings of it.)
 *
 * @param stats of the file; without, what may be said before it was looked at
 */
export const proofFor = (mount: FoundMount | undefined, stats?: BigIntStats, nowMs = 0): Proof => {
  if (mount === undefined) return 'none';
  const { type, isOfHost } = mount;
  const timing = timingOf(type);
  if (timing === 'untold' || (STACKED.test(type) && !isOfHost)) return 'none';
  if (timing === 'timed' || stats === undefined || isRootsOwn(stats)) return 'times';
  if (!STACKED.test(type)) return 'running';
  const isWrittenBack = Number(stats.ctimeNs) / 1e6 + WRITEBACK_MS < nowMs;
  return type === 'overlay' && isWrittenBack && isTimedBelow(mount) ? 'times' : 'none';
};

const OTHERS_WRITE = 0o022n;

const isRootsOwn = ({ uid, mode }: BigIntStats): boolean => uid === 0n && (mode & OTHERS_WRITE) === 0n;

/** Whether what is written to an overlay of the host goes to a filesystem whose times tell. */
const isTimedBelow = ({ options, place }: FoundMount): boolean => {
  const upper = /(?:^|,)upperdir=((?:\\,|[^,])*)/.exec(options)?.[1];
  // Nothing can be written to it.
  if (upper === undefined) return true;
  // Docker gives names relative to the directory of all its layers, and mounts at LAYER/merged.
  const base = place === undefined ? '/' : dirname(dirname(place));
  try {
    return isTimedMagic(statfsSync(resolve(base, unescapeOctal(upper).replaceAll('\\,', ','))).type);
  } catch {
    return false;
  }
};
