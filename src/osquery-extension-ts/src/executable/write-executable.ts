import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { makeSingleExecutable, type SingleExecutableOptions } from './single-executable.ts';

/** osquery refuses extensions that others can write to, or that their owner cannot execute. */
const MODE = 0o755;

/**
 * Makes a single executable, and moves it into its place at once, even over a running one.
 *
 * @param output absolute path of the file to make
 */
export const writeExecutable = async (options: SingleExecutableOptions, output: string): Promise<void> => {
  await mkdir(dirname(output), { recursive: true });
  // On the same file system, for the rename.
  const scratch = await mkdtemp(join(dirname(output), '.build-'));
  try {
    const made = await makeSingleExecutable(options, scratch);
    // Written in small pieces, like a copy: in the page cache a file stays in the pieces in which it was written, and
    // of a piece of 2 MB, which one large write makes, Linux 6.18 maps all when one byte is read.
    const inPieces = join(scratch, 'in-pieces');
    await pipeline(createReadStream(made), createWriteStream(inPieces));
    await chmod(inPieces, MODE);
    await rename(inPieces, output);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};
