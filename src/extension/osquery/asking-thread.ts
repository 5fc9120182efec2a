import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallerView, CallOrigin } from 'osquery-extension-ts/events';

/** Core's thread that runs scheduled queries. Source: osquery/dispatcher/scheduler.h, which names it; the kernel keeps 15 bytes. */
const SCHEDULER = 'SchedulerRunner';
/** recvfrom(2), in which Thrift's client waits for an answer: on x86_64, and on arm64. */
const RECVFROM: ReadonlySet<string> = new Set(['45', '207']);
/** A thread that has sent a request may not be in its wait yet. */
const TRIES = 4;
const BETWEEN_MS = 1;
/** The number of a system call, six arguments and two addresses. */
const SYSCALL_BYTES = 256;

export interface AskingThreadOptions {
  /** pid of the process at the other end of a connection. */
  readonly processOf: (fd: number) => number | undefined;
  /** Inode number of the other end of a connected socket, by that of ours. */
  readonly peerOf: (inode: number) => Promise<number | undefined>;
  readonly procfs?: string;
}

/**
 * Tells whether a call of core is one of its scheduler, which runs one query after the other, or of another thread: a
 * distributed query, a shell that is connected.
 *
 * A call does not say. But the thread that made it waits for the answer in recvfrom(2) on its end of the connection, and
 * procfs shows threads, what they wait in and on which descriptor. This takes CAP_SYS_PTRACE, or the same user.
 */
export class AskingThread implements CallerView {
  readonly #options: Required<AskingThreadOptions>;
  /** Its file in procfs is kept open: each call of a join looks at it. */
  #scheduler: { readonly pid: number; readonly task: string; readonly fd: number } | undefined;
  readonly #buffer = Buffer.alloc(SYSCALL_BYTES);

  constructor(options: AskingThreadOptions) {
    this.#options = { procfs: '/proc', ...options };
  }

  /** Whether another thread than the scheduler is seen to wait for the answer. What is not seen counts as the scheduler's. */
  async isAnother({ fd, isAlone }: CallOrigin): Promise<boolean> {
    if (fd === undefined) return false;
    try {
      const pid = this.#options.processOf(fd);
      if (pid === undefined) return false;
      const scheduler = this.#schedulerOf(pid);
      // It waits for one answer at a time, so it is for this one; the look at both ends is spared.
      if (scheduler === undefined || (isAlone && this.#schedulerWaits())) return false;
      const peer = await this.#options.peerOf(fstatSync(fd).ino);
      if (peer === undefined) return false;
      for (let left = TRIES; ; ) {
        const waiting = this.#waiting(pid, scheduler, `socket:[${peer}]`);
        if (waiting !== undefined) return waiting !== scheduler;
        if (--left === 0) return false;
        await sleep(BETWEEN_MS);
      }
    } catch {
      // procfs may not be read, a thread or the connection has gone, or the kernel has no unix_diag.
      this.close();
      return false;
    }
  }

  /** Lets go of what is kept open; it is opened again when it is needed. */
  close(): void {
    if (this.#scheduler !== undefined) closeSync(this.#scheduler.fd);
    this.#scheduler = undefined;
  }

  #schedulerOf(pid: number): string | undefined {
    if (this.#scheduler?.pid !== pid) {
      const task = this.#tasks(pid).find(name => this.#read(`${pid}/task/${name}/comm`) === `${SCHEDULER}\n`);
      this.close();
      if (task === undefined) return undefined;
      const fd = openSync(`${this.#options.procfs}/${pid}/task/${task}/syscall`, 'r');
      this.#scheduler = { pid, task, fd };
    }
    return this.#scheduler?.task;
  }

  #schedulerWaits(): boolean {
    const length = readSync(this.#scheduler!.fd, this.#buffer, 0, SYSCALL_BYTES, 0);
    return waitsOn(this.#buffer.toString('latin1', 0, length)) !== undefined;
  }

  /** The thread that waits on a socket; first the one that is likely. */
  #waiting(pid: number, likely: string, socket: string): string | undefined {
    const isOn = (task: string): boolean => {
      const fd = this.#waitsOn(pid, task);
      return fd !== undefined && this.#link(`${pid}/fd/${fd}`) === socket;
    };
    return isOn(likely) ? likely : this.#tasks(pid).find(isOn);
  }

  /** Descriptor on which a thread waits for an answer; undefined if it does something else. */
  #waitsOn(pid: number, task: string): number | undefined {
    return waitsOn(this.#read(`${pid}/task/${task}/syscall`));
  }

  #tasks(pid: number): readonly string[] {
    return readdirSync(`${this.#options.procfs}/${pid}/task`);
  }

  #read(name: string): string {
    try {
      return readFileSync(`${this.#options.procfs}/${name}`, 'latin1');
    } catch (error) {
      // A thread that has ended since.
      if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
      throw error;
    }
  }

  #link(name: string): string {
    try {
      return readlinkSync(`${this.#options.procfs}/${name}`);
    } catch {
      return '';
    }
  }
}

/** Descriptor of a wait for an answer, from the number of the system call and its arguments, or "running". */
const waitsOn = (syscall: string): number | undefined => {
  const [call = '', fd = ''] = syscall.split(' ', 2);
  return RECVFROM.has(call) ? Number(fd) : undefined;
};
