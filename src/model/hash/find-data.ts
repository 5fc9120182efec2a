import { libc } from '../../runtime/libc.ts';

/**
 * Where the data at or behind a place in a file begin, and where they end. If that is unknown, everything counts as
 * data.
 */
export type FindData = (
  fd: number,
  position: number,
  size: number,
) => { readonly start: number; readonly end: number };

/** unistd.h */
const [SEEK_DATA, SEEK_HOLE] = process.platform === 'darwin' ? [4, 3] : [3, 4];

const lseek: (fd: number, offset: number, whence: number) => number = libc.func(
  'int64_t lseek(int fd, int64_t offset, int whence)',
);

/** lseek(2), which supports holes since Linux 3.1. It moves the descriptor's own position, which is not used. */
export const findDataByLseek: FindData = (fd, position, size) => {
  // ENXIO: only a hole is left. File systems without support for holes report data everywhere.
  const start = lseek(fd, position, SEEK_DATA);
  if (start < 0)
    return lseek(fd, position, SEEK_HOLE) < 0 ? { start: position, end: size } : { start: size, end: size };
  const end = lseek(fd, start, SEEK_HOLE);
  return { start: Math.min(start, size), end: end < 0 ? size : Math.min(end, size) };
};
