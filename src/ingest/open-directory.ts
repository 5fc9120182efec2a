import { readFileSync, readlinkSync } from 'node:fs';
import type { FileContext } from '../audit/file-paths.ts';

/**
 * Asks procfs which directory a process has open under a descriptor, and whether it has this inode. It reads only
 * what the kernel itself knows, and touches no file system.
 */
export const openDirectory: FileContext['openDirectory'] = (pid, descriptor, inode) => {
  try {
    const path = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
    const info = readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, 'latin1');
    // Since Linux 5.14.
    const found = /^ino:\s*(\d+)$/m.exec(info)?.[1];
    return found === inode && path.startsWith('/') && !path.endsWith(' (deleted)') ? path : undefined;
  } catch {
    // The process is gone, or has closed it.
    return undefined;
  }
};
