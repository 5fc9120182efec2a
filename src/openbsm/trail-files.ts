import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fromFileError, OpenBsmError } from './errors.ts';

/** Bytes per read. */
const CHUNK_BYTES = 64 * 1024;

/**
 * `20240521133700.20240521140000`, from its first record to its last; `….not_terminated` while it is being written,
 * `….crash_recovery` if it could not be ended properly. Source: auditd(8), audit(4).
 */
const TRAIL_NAME = /^\d{14}\.(\d{14}|not_terminated|crash_recovery)$/;

/**
 * The trails among the names in a directory such as /var/audit, oldest first. The `current` link is left out, because
 * its target is in the list.
 */
export const trailNames = (names: readonly string[]): readonly string[] =>
  names.filter(name => TRAIL_NAME.test(name)).sort();

/**
 * The files that a path stands for: itself or, for a directory, the trails in it.
 *
 * @throws OpenBsmError
 */
export const trailFiles = async (path: string): Promise<readonly string[]> => {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = trailNames(await readdir(path));
    if (names.length > 0) return names.map(name => join(path, name));
  } catch (error) {
    throw fromFileError(path, error);
  }
  throw new OpenBsmError(
    'empty-directory',
    `${path}: no audit trail in this directory: expected names such as 20240521133700.20240521140000`,
  );
};

/**
 * The bytes of a trail.
 *
 * @throws OpenBsmError if the file cannot be opened or read
 */
export async function* readTrailFile(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* createReadStream(path, { highWaterMark: CHUNK_BYTES });
  } catch (error) {
    throw fromFileError(path, error);
  }
}
