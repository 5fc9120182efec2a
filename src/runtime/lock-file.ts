import { libc } from './libc.ts';

/** sys/file.h, the same on Linux and macOS. */
const LOCK_EX_NB = 2 | 4;

const flock: (fd: number, operation: number) => number = libc.func('int flock(int fd, int operation)');

/**
 * Locks an open file against other processes, until it is closed or this process ends, however it ends.
 *
 * @returns false if another process has locked it
 */
export const lockFile = (fd: number): boolean => flock(fd, LOCK_EX_NB) === 0;
