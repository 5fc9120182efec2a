import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Linux's O_PATH: opens without touching the file. */
const O_PATH = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** A file below a process's root directory, where its own users may have put it. */
export interface RootFile {
  /** Device and inode. */
  readonly identity: string;
  readonly bytes: Buffer;
}

/**
 * Reads a file below a root directory. No part of its path may be a symbolic link, and it must be a regular file of
 * at most so many bytes; anything else is not even opened. Every step may hang, because anybody may have mounted the
 * file system; so this runs in a process that can be given up.
 *
 * @param root `/proc/PID/root`, which may be a link
 * @param parts of its path: `['etc', 'passwd']`
 * @returns undefined if there is no such file
 */
export const readRootFile = (
  root: string,
  parts: readonly string[],
  maxBytes: number,
): RootFile | undefined => {
  const held: number[] = [];
  const hold = (path: string, flags: number): number => {
    const fd = openSync(path, flags);
    held.push(fd);
    return fd;
  };
  try {
    let at = hold(root, O_PATH | O_DIRECTORY);
    for (const part of parts.slice(0, -1))
      at = hold(`/proc/self/fd/${at}/${part}`, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    at = hold(`/proc/self/fd/${at}/${parts.at(-1)}`, O_PATH | O_NOFOLLOW);
    const stats = fstatSync(at, { bigint: true });
    if (!stats.isFile() || stats.size > BigInt(maxBytes)) return undefined;
    const bytes = readWhole(hold(`/proc/self/fd/${at}`, O_RDONLY | O_NONBLOCK), maxBytes);
    return bytes && { identity: `${stats.dev}:${stats.ino}`, bytes };
  } catch {
    return undefined;
  } finally {
    for (const fd of held) closeSync(fd);
  }
};

/** @returns undefined if the file has become too large */
const readWhole = (fd: number, maxBytes: number): Buffer | undefined => {
  const bytes = Buffer.alloc(maxBytes + 1);
  let length = 0;
  while (length < bytes.length) {
    const read = readSync(fd, bytes, length, bytes.length - length, null);
    if (read === 0) return bytes.subarray(0, length);
    length += read;
  }
  return undefined;
};
