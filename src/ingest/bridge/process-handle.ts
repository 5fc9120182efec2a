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

/** Names a process for good: its pid is given to another when it has ended. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTicks: number;
}

/** @returns undefined if no process with that pid lives; one that has ended and waits for its parent does not */
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

/** A process that is held by more than its number: Linux 5.6 or newer, and root's or the same user's. */
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
    // The handle refers to the process that has that pid now.
    if (isAlive(identity)) return handle;
    handle.close();
    return undefined;
  }

  /**
   * A descriptor of our own for what is behind one of that process; closed at an exec. Takes the right to trace it.
   *
   * @returns the descriptor, or a negative errno
   */
  descriptor(fd: number): number {
    const own = syscall(SYS_PIDFD_GETFD, this.#pidfd, fd, 0, 0);
    return own < 0 ? -errno() : own;
  }

  /** Kills it and waits until it is gone, with all that it held. False if it is not, after `timeout` milliseconds. */
  kill(timeout: number): boolean {
    syscall(SYS_PIDFD_SEND_SIGNAL, this.#pidfd, SIGKILL, 0, 0);
    return waitReadable(this.#pidfd, timeout);
  }

  close(): void {
    closeSync(this.#pidfd);
  }
}

/** Whether this kernel and this process's rights give descriptors of other processes; it is tried on this one. */
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
