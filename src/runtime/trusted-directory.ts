import { lstatSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';

const GROUP_OR_OTHER_WRITE = 0o022;
const STICKY = 0o1000;

/**
 * The directory's real path, if nobody but root and this process's user can replace what we put there. So it and all
 * directories above it must belong to one of the two, and other users who may write there must not be able to rename
 * or remove files of others.
 *
 * @throws Error that says what is wrong with it
 */
export const trustedDirectory = (directory: string): string => {
  const path = realpathSync(directory);
  for (let at = path; ; at = dirname(at)) {
    // Without following links: another user's directory may have become a link to a directory of root.
    const stats = lstatSync(at);
    const { uid, mode } = stats;
    if (stats.isSymbolicLink()) throw new Error(`${at} was a directory and is a link now`);
    if (uid !== 0 && uid !== process.geteuid?.())
      throw new Error(`${at} belongs to another user (uid ${uid})`);
    if ((mode & GROUP_OR_OTHER_WRITE) !== 0 && (mode & STICKY) === 0) {
      throw new Error(`${at} is writable by others (mode ${(mode & 0o7777).toString(8).padStart(4, '0')})`);
    }
    if (at === dirname(at)) return path;
  }
};
