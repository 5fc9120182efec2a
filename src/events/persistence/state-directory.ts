import { closeSync, constants, fstatSync, mkdirSync, openSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockFile } from '../../runtime/lock-file.ts';
import { trustedDirectory } from '../../runtime/trusted-directory.ts';

const GROUP_AND_OTHER = 0o077;
/** Tries to lock. An instance that is ending still writes its last rows. */
const LOCK_TRIES = 10;
const LOCK_PAUSE_MS = 50;

/** A directory that is ours alone, until `release`. */
export interface StateDirectory {
  readonly path: string;
  /** Whether its name still leads to it. */
  isThere(): Promise<boolean>;
  release(): void;
}

/**
 * Makes a directory (without its parents) that only this user may enter, or takes an existing one, and locks it
 * against other instances. The lock ends with the process, however that ends.
 *
 * @throws Error that says what is wrong with it
 */
export const openStateDirectory = async (directory: string): Promise<StateDirectory> => {
  // Checked before anything is made there.
  trustedDirectory(dirname(resolve(directory)));
  makeDirectory(directory);
  const path = trustedDirectory(directory);
  const { O_RDONLY, O_RDWR, O_CREAT, O_DIRECTORY, O_NOFOLLOW } = constants;
  const opened = openSync(path, O_RDONLY | (O_DIRECTORY ?? 0) | O_NOFOLLOW);
  try {
    const { uid, mode } = fstatSync(opened);
    if (uid !== process.geteuid?.()) throw new Error(`${path} belongs to uid ${uid}, not to this process`);
    if ((mode & GROUP_AND_OTHER) !== 0) {
      throw new Error(`${path} is open to others (mode 0${(mode & 0o7777).toString(8)}): chmod 0700 ${path}`);
    }
  } finally {
    closeSync(opened);
  }
  const lock = openSync(join(path, 'lock'), O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  for (let tries = 1; !lockFile(lock); tries++) {
    if (tries === LOCK_TRIES) {
      closeSync(lock);
      throw new Error(`another instance uses ${path}`);
    }
    await sleep(LOCK_PAUSE_MS);
  }
  const { dev, ino } = fstatSync(lock);
  const isThere = async (): Promise<boolean> => {
    try {
      const named = await lstat(join(path, 'lock'));
      return named.dev === dev && named.ino === ino;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  };
  return { path, isThere, release: () => closeSync(lock) };
};

/**
 * Without its parents: if they are missing, the name is wrong, and Node's recursive mkdir loops for ever in /proc.
 */
const makeDirectory = (path: string): void => {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
};
