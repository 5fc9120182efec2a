import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type ConfigFile, readConfigFile } from './config-file.ts';
import { refusal, SetupError } from './setup-error.ts';

/** One file to write. */
export interface Replacement {
  readonly file: ConfigFile;
  /** The new bytes as characters; undefined: the file is removed. */
  readonly content: string | undefined;
}

const NEW_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

interface Staged extends Replacement {
  /** The file that will take its place. */
  readonly next: string;
  /** A second name of the present file. */
  readonly previous: string;
}

/**
 * Writes all of the files or none. Each is written whole, beside its place, and synced to disk before the first one
 * is renamed. A rename takes effect at once. Owner and mode stay.
 *
 * @throws SetupError; then everything is as it was
 */
export const replaceFiles = async (replacements: readonly Replacement[]): Promise<void> => {
  const staged: Staged[] = [];
  const done: Staged[] = [];
  const made: string[] = [];
  try {
    for (const replacement of replacements) {
      const mark = `.osquery-audit-events-${randomBytes(6).toString('hex')}`;
      const { path } = replacement.file;
      const one = { ...replacement, next: `${path}${mark}.new`, previous: `${path}${mark}.old` };
      staged.push(one);
      await guarded(path, async () => {
        await makeDirectory(dirname(path), made);
        await stage(one);
      });
    }
    for (const one of staged) {
      const { path } = one.file;
      const now = await readConfigFile(path);
      if (now.content !== one.file.content) {
        throw new SetupError(
          `${path}: it changed while setup was running: run setup again; nothing was changed`,
        );
      }
    }
    for (const one of staged) {
      done.push(one);
      await guarded(one.file.path, () => commit(one));
    }
  } catch (error) {
    for (const one of done) await takeBack(one);
    for (const one of staged) await rm(one.next, { force: true });
    for (const directory of made.reverse()) await rmdir(directory).catch(() => {});
    throw error;
  } finally {
    for (const { previous } of done) await rm(previous, { force: true });
  }
};

/** One level at a time: Node's recursive mkdir reports ENOENT where a file system is read-only. */
const makeDirectory = async (path: string, made: string[]): Promise<void> => {
  try {
    await mkdir(path, { mode: DIRECTORY_MODE });
    made.push(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT') throw error;
    await makeDirectory(dirname(path), made);
    await makeDirectory(path, made);
  }
};

const guarded = async (path: string, work: () => Promise<void>): Promise<void> => {
  try {
    await work();
  } catch (error) {
    throw error instanceof SetupError ? error : refusal(path, error);
  }
};

const stage = async ({ file, content, next }: Staged): Promise<void> => {
  if (content === undefined) return;
  const handle = await open(next, 'wx', 0o600);
  try {
    await handle.writeFile(content, 'latin1');
    if (file.stats !== undefined) await handle.chown(file.stats.uid, file.stats.gid);
    await handle.chmod(file.stats === undefined ? NEW_MODE : file.stats.mode & 0o7777);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const commit = async ({ file, content, next, previous }: Staged): Promise<void> => {
  if (file.content !== undefined) await link(file.path, previous);
  if (content === undefined) await unlink(file.path);
  else await rename(next, file.path);
  const directory = await open(dirname(file.path));
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
};

const takeBack = async ({ file, previous }: Staged): Promise<void> => {
  if (file.content === undefined) await rm(file.path, { force: true });
  // If the link could not be made, the original file is still in place.
  else await rename(previous, file.path).catch(() => {});
};
