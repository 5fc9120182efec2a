import { closeSync } from 'node:fs';
import { libc } from '../../runtime/libc.ts';
import { parseMountId } from '../procfs/mountinfo.ts';
import type { ProcfsReader } from '../procfs/reader.ts';

/** linux/memfd.h */
const MFD_CLOEXEC = 1;

/**
 * The number of the kernel's internal mount for files of memfd_create(2). It is in no namespace and permanent, so
 * nothing else ever has this number; huge pages have others.
 *
 * @returns undefined if there is none
 */
export const memoryMountId = (procfs: Pick<ProcfsReader, 'read'>): number | undefined => {
  if (process.platform !== 'linux') return undefined;
  try {
    const memfd_create = libc.func('int memfd_create(const char *name, unsigned int flags)');
    const fd: number = memfd_create('mount', MFD_CLOEXEC);
    if (fd < 0) return undefined;
    try {
      const fdinfo = procfs.read('self', `fdinfo/${fd}`);
      return fdinfo && parseMountId(fdinfo);
    } finally {
      closeSync(fd);
    }
  } catch {
    // The C library does not have it: glibc before 2.27.
    return undefined;
  }
};
