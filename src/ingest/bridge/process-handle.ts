import { closeSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { parseStat } from '../../model/procfs/stat.ts';
import { errno, libc } from '../../runtime/libc.ts';
import { waitReadable } from '../../runtime/socket-calls.ts';

const { EBADF } = constants.errno;

/** The same on every architecture. Source: asm-generic/unistd.h. */
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;
const SIGKILL = 9;

const syscall: (number: number, first: number, second: number, third: number, fourth: number) => number =
  libc.func('long syscall(long number, long first, long second, long third, long fourth)');

/** Identifies a process permanently: its pid is reused after it has ended. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTicks: number;
}

/**
 * @returns undefined if no living process has that pid; a process that has ended but was not yet waited for is not
 * alive
 */
export const processIdentity = (pid: number): ProcessIdentity | undefined => {
  try {
    const stat = parseStat(readFileSync(`/proc/${pid}/stat`));
    if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return undefined;
    return { pid, startTicks: stat.startTicks };
  } catch {
    return undefined;
  }
};

export const isAlive = ({ pid, startTicks }: ProcessIdentity): boolean =>
  processIdentity(pid)?.startTicks === startTicks;

/** A handle of a process that does not depend on its number. Needs Linux 5.6, and root or the same user. */
export class ProcessHandle {
  readonly #pidfd: number;

  private constructor(pidfd: number) {
    this.#pidfd = pidfd;
  }

  /** @returns undefined if it has ended, or the kernel is too old */
  static open(identity: ProcessIdentity): ProcessHandle | undefined {
    const pidfd = syscall(SYS_PIDFD_OPEN, identity.pid, 0, 0, 0);
    if (pidfd < 0) return undefined;
    const handle = new ProcessHandle(pidfd);
    // The handle refers to the process that has the pid now.
    if (isAlive(identity)) return handle;
    handle.close();
    return undefined;
  }

  /**
   * Duplicates a descriptor of that process; closed at an exec. Needs the right to trace the process.
   *
   * @returns the descriptor, or a negative errno
   */
  descriptor(fd: number): number {
    const own = syscall(SYS_PIDFD_GETFD, this.#pidfd, fd, 0, 0);
    return own < 0 ? -errno() : own;
  }

  /**
   * Kills it and waits until it is gone, with everything it held. False if it is still there after `timeout`
   * milliseconds.
   */
  kill(timeout: number): boolean {
    syscall(SYS_PIDFD_SEND_SIGNAL, this.#pidfd, SIGKILL, 0, 0);
    return waitReadable(this.#pidfd, timeout);
  }

  close(): void {
    closeSync(this.#pidfd);
  }
}

/**
 * Whether this kernel, and this process's rights, allow duplicating descriptors of other processes. Tried on this
 * process.
 */
export const givesDescriptors = (): boolean => {
  const own = processIdentity(process.pid);
  const handle = own && ProcessHandle.open(own);
  if (handle === undefined) return false;
  const fd = handle.descriptor(0);
  if (fd >= 0) closeSync(fd);
  handle.close();
  // Standard input need not be open.
  return fd >= 0 || fd === -EBADF;
};
