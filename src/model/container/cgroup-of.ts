import type { ProcfsReader } from '../procfs/reader.ts';
import { parseStat } from '../procfs/stat.ts';
import type { CgroupFacts, CgroupFactsCache } from './cgroup-facts.ts';

/**
 * What the cgroup file of a process says now; undefined if the process is gone. Of one that is ending it counts only if it names a
 * container, because it may have been in one that the kernel no longer tells.
 */
export const cgroupOf = (
  pid: number,
  procfs: Pick<ProcfsReader, 'read'>,
  cache: CgroupFactsCache,
): CgroupFacts | undefined => {
  const bytes = procfs.read(pid, 'cgroup');
  if (bytes === undefined || bytes.length === 0) return undefined;
  const facts = cache.of(bytes);
  if (!facts.mayBeOfEnding) return facts;
  // Read second: a process that is not ending now was not before.
  const stat = procfs.read(pid, 'stat');
  return stat === undefined || parseStat(stat)?.isExiting !== false ? undefined : facts;
};
