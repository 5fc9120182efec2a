import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MIB = 1024 * 1024;

/** Makes an ext4 image of a directory, with room for the machine to write. */
export const makeDiskImage = async (directory: string, image: string, roomMib: number): Promise<void> => {
  const { stdout } = await run('du', ['-sxm', directory]);
  const size = Math.ceil(Number.parseInt(stdout, 10) * 1.1) + roomMib;
  await makeEmptyImage(image, size);
  await run('mke2fs', ['-q', '-t', 'ext4', '-d', directory, image]);
};

/** Makes an image without anything in it, which takes no room until something is written. */
export const makeEmptyImage = async (image: string, sizeMib: number): Promise<void> => {
  const file = await open(image, 'w');
  await file.truncate(sizeMib * MIB);
  await file.close();
};
