import { readdirSync } from 'node:fs';
import { libc } from './libc.ts';

/** The same on every architecture. Source: asm-generic/unistd.h. */
const SYS_CLOSE_RANGE = 436;
/** linux/close_range.h; Linux 5.11. */
const CLOSE_RANGE_CLOEXEC = 4;
/** fcntl.h */
const F_SETFD = 2;
const FD_CLOEXEC = 1;
/** The first descriptor after the standard ones. */
const FIRST = 3;
const LAST = 0xffff_ffff;

/**
 * Closes inherited descriptors in all programs that this process will run: whoever started it may have left open a
 * secret, or a pipe whose end somebody waits for. Node does so only for the lowest descriptors, up to the first gap.
 * Must be called before any program is run.
 */
export const keepDescriptors = (): void => {
  const syscall: (number: number, first: number, last: number, flags: number) => number = libc.func(
    'long syscall(long number, long first, long last, long flags)',
  );
  if (syscall(SYS_CLOSE_RANGE, FIRST, LAST, CLOSE_RANGE_CLOEXEC) === 0) return;
  const fcntl: (fd: number, command: number, flags: number) => number = libc.func(
    'int fcntl(int fd, int command, int flags)',
  );
  // One of them is that of the directory itself, which is closed by now.
  for (const name of readdirSync('/proc/self/fd')) {
    if (Number(name) >= FIRST) fcntl(Number(name), F_SETFD, FD_CLOEXEC);
  }
};
