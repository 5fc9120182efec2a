import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { refusal, SetupError } from './setup-error.ts';

/** Bytes of a file that setup edits. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

/** A file as setup found it. */
export interface ConfigFile {
  readonly path: string;
  /** Its bytes as characters (`latin1`); undefined if there is none. */
  readonly content: string | undefined;
  readonly stats: Stats | undefined;
}

/**
 * Reads a file that root's osqueryd obeys, if setup may edit it: a regular file that belongs to this user or root,
 * and that nobody else can write to, in a directory of the same kind.
 *
 * @throws SetupError
 */
export const readConfigFile = async (path: string): Promise<ConfigFile> => {
  const stats = await statsOf(path);
  const directory = await statsOf(dirname(path));
  if (directory !== undefined && !directory.isDirectory()) {
    throw new SetupError(`${dirname(path)}: expected a directory; nothing was changed`);
  }
  if (directory !== undefined) refuseOthers(dirname(path), directory);
  if (stats === undefined) return { path, content: undefined, stats };
  if (stats.isSymbolicLink()) {
    throw new SetupError(
      `${path}: expected a file, got a symbolic link: change its target with the tool that manages it, or put a file here; nothing was changed`,
    );
  }
  if (!stats.isFile()) throw new SetupError(`${path}: expected a regular file; nothing was changed`);
  refuseOthers(path, stats);
  if (stats.size > MAX_CONFIG_BYTES) {
    throw new SetupError(
      `${path}: expected at most ${MAX_CONFIG_BYTES} bytes, got ${stats.size}; nothing was changed`,
    );
  }
  return { path, content: await contentOf(path), stats };
};

const statsOf = (path: string): Promise<Stats | undefined> =>
  lstat(path).catch(error => {
    if (error.code === 'ENOENT') return undefined;
    throw refusal(path, error);
  });

/** Whoever can write to the file controls root's osqueryd, so setup does not build on it. */
const refuseOthers = (path: string, { uid, mode }: Stats): void => {
  if (uid !== 0 && uid !== process.geteuid?.()) {
    throw new SetupError(
      `${path}: expected root as its owner, got user ${uid}: run chown root on it first; nothing was changed`,
    );
  }
  if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0) {
    const got = (mode & 0o7777).toString(8).padStart(4, '0');
    throw new SetupError(
      `${path}: others can write to it (mode ${got}): run chmod go-w on it first; nothing was changed`,
    );
  }
};

/** @throws SetupError also for bytes that no text has, with the line */
const contentOf = async (path: string): Promise<string> => {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw refusal(path, error);
  }
  try {
    const content = (await handle.readFile()).toString('latin1');
    const nul = content.indexOf('\0');
    if (nul < 0) return content;
    const line = content.slice(0, nul).split('\n').length;
    throw new SetupError(`${path}, line ${line}: expected text, got a NUL byte; nothing was changed`);
  } finally {
    await handle.close();
  }
};
