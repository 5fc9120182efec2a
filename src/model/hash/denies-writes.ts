import { closeSync, constants, openSync } from 'node:fs';
import { release } from 'node:os';

/**
 * Whether this kernel prevents all writes to a file that is being executed. Linux 6.11 gave that up, 6.13 restored
 * it, and releases of 6.12 differ: there it is tried on the running program, without writing anything.
 */
export const deniesWrites = (version = release(), triedPath = '/proc/self/exe'): boolean => {
  if (process.platform !== 'linux') return false;
  if (!/^6\.1[12]\./.test(version)) return true;
  try {
    closeSync(openSync(triedPath, constants.O_WRONLY));
    return false;
  } catch (error) {
    // A file that cannot be written to at all tells nothing.
    return (error as NodeJS.ErrnoException).code === 'ETXTBSY';
  }
};
