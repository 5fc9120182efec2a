import { closeSync, constants, openSync } from 'node:fs';
import { release } from 'node:os';

/**
 * Whether this kernel lets nobody write to a file that is being executed. Linux 6.11 gave that up, 6.13 took it back, and
 * releases of 6.12 differ: there it is tried, with the program that runs, of which nothing is written.
 */
export const deniesWrites = (version = release(), triedPath = '/proc/self/exe'): boolean => {
  if (process.platform !== 'linux') return false;
  if (!/^6\.1[12]\./.test(version)) return true;
  try {
    closeSync(openSync(triedPath, constants.O_WRONLY));
    return false;
  } catch (error) {
    // Of one that cannot be written to at all nothing is learnt.
    return (error as NodeJS.ErrnoException).code === 'ETXTBSY';
  }
};
