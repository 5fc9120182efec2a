import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller, CallerView, CallOrigin } from 'osquery-extension-ts/events';

/**
 * Core's thread for scheduled queries. Source: osquery/dispatcher/scheduler.h, which names it; the kernel keeps 15
 * bytes.
 */
const SCHEDULER = 'SchedulerRunner';
/** recvfrom(2), in which Thrift's client waits for an answer, on x86_64 and on arm64. */
const RECVFROM: ReadonlySet<number> = new Set([45, 207]);
/** Looks at a running thread that has sent its request but may not wait yet; each takes some microseconds. */
const LOOKS = 10;
/** Attempts after that. */
const TRIES = 4;
const BETWEEN_MS = 1;
/** Milliseconds between two searches for the scheduler of a process that has none yet, or cannot be read. */
const WITHOUT_MS = 1_000;
/** Bytes of a thread's line in procfs: a system call number, six arguments and two addresses; or seven counters. */
const LINE_BYTES = 512;

const OTHER: Caller = { kind: 'other' };
const UNKNOWN: Caller = { kind: 'unknown' };

export interface AskingThreadOptions {
  /** pid of the process at the other end of a connection. */
  readonly processOf: (fd: number) => number | undefined;
  /** Inode of a connected socket's other end, from the inode of ours. */
  readonly peerOf: (inode: number) => number | undefined;
  /** Whether core writes to a file before each query. */
  readonly marks: boolean;
  readonly procfs?: string;
  /** The target of a link in procfs. @throws Error if it cannot be read */
  readonly readLink?: (path: string) => string;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

/**
 * Determines whether a call of core comes from its scheduler, which runs one query after the other, or from another
 * thread: a distributed query, or a connected shell.
 *
 * The call itself does not tell. But the thread that made it waits for the answer in recvfrom(2) on its end of the
 * connection, and procfs shows what each thread waits in, and on which descriptor. This needs CAP_SYS_PTRACE, or the
 * same user. A join calls once per outer row, so files in procfs are kept open.
 */
export class AskingThread implements CallerView {
  readonly #options: Required<AskingThreadOptions>;
  #core: CoreThreads | undefined;
  #without: { readonly pid: number; readonly until: number } | undefined;

  constructor(options: AskingThreadOptions) {
    this.#options = {
      procfs: '/proc',
      readLink: path => readlinkSync(path),
      now: () => performance.now(),
      ...options,
    };
  }

  /** Answers at once, unless the calling thread does not wait yet. */
  identify({ fd }: CallOrigin): Caller | Promise<Caller> {
    if (fd === undefined) return UNKNOWN;
    return this.#look(fd) ?? this.#lookAgain(fd);
  }

  async #lookAgain(fd: number): Promise<Caller> {
    for (let left = TRIES - 1; left > 0; left--) {
      await sleep(BETWEEN_MS);
      const caller = this.#look(fd);
      if (caller !== undefined) return caller;
    }
    return UNKNOWN;
  }

  /** undefined if no thread waits yet. */
  #look(fd: number): Caller | undefined {
    const pid = this.#options.processOf(fd);
    try {
      const core = this.#coreOf(pid);
      const peer = core && this.#options.peerOf(fstatSync(fd).ino);
      if (core === undefined || peer === undefined) return UNKNOWN;
      const thread = core.waitingOn(`socket:[${peer}]`);
      if (thread === undefined) return undefined;
      if (thread !== core.scheduler) return OTHER;
      return { kind: 'scheduler', mark: this.#options.marks ? thread.mark() : undefined };
    } catch {
      // procfs may not be read, or the connection is gone.
      this.#forget(pid);
      return UNKNOWN;
    }
  }

  /** Closes what is kept open; it is opened again when needed. */
  close(): void {
    this.#core?.close();
    this.#core = undefined;
  }

  /** undefined for a process without a scheduler. */
  #coreOf(pid: number | undefined): CoreThreads | undefined {
    if (this.#core?.pid === pid) return this.#core;
    this.close();
    if (pid === undefined || (this.#without?.pid === pid && this.#options.now() < this.#without.until))
      return undefined;
    this.#core = CoreThreads.of(this.#options, pid);
    if (this.#core === undefined) this.#forget(pid);
    return this.#core;
  }

  /** Ignores a process for a while. */
  #forget(pid: number | undefined): void {
    this.close();
    if (pid !== undefined) this.#without = { pid, until: this.#options.now() + WITHOUT_MS };
  }
}

/**
 * The threads of a core. The thread that asked last is looked at first, then the scheduler and the last other thread.
 */
class CoreThreads {
  readonly pid: number;
  readonly scheduler: Thread;
  readonly #path: string;
  readonly #readLink: (path: string) => string;
  #other: Thread | undefined;
  #isOtherFirst = false;

  private constructor(path: string, pid: number, scheduler: Thread, readLink: (path: string) => string) {
    this.#path = path;
    this.#readLink = readLink;
    this.pid = pid;
    this.scheduler = scheduler;
  }

  static of(
    { procfs, readLink }: Pick<Required<AskingThreadOptions>, 'procfs' | 'readLink'>,
    pid: number,
  ): CoreThreads | undefined {
    const path = `${procfs}/${pid}`;
    const task = readdirSync(`${path}/task`).find(name => commOf(`${path}/task/${name}`) === SCHEDULER);
    return task === undefined ? undefined : new CoreThreads(path, pid, new Thread(path, task), readLink);
  }

  /** The thread that waits for data on a socket. */
  waitingOn(socket: string): Thread | undefined {
    const thread = this.#likelyWaitingOn(socket) ?? this.#anyWaitingOn(socket);
    if (thread !== undefined) this.#isOtherFirst = thread !== this.scheduler;
    return thread;
  }

  #likelyWaitingOn(socket: string): Thread | undefined {
    const { scheduler } = this;
    const other = this.#other;
    const [first, second] =
      this.#isOtherFirst && other !== undefined ? [other, scheduler] : [scheduler, other];
    for (let left = LOOKS; left > 0; left--) {
      if (this.#waits(first, socket)) return first;
      if (second !== undefined && this.#waits(second, socket)) return second;
      if (!first.isRunning && second?.isRunning !== true) break;
    }
    return undefined;
  }

  #anyWaitingOn(socket: string): Thread | undefined {
    for (const task of readdirSync(`${this.#path}/task`)) {
      // It may have begun to wait since it was looked at.
      if (task === this.scheduler.task) {
        if (this.#waits(this.scheduler, socket)) return this.scheduler;
        continue;
      }
      const thread = threadAt(this.#path, task);
      if (thread === undefined) continue;
      if (!this.#waits(thread, socket)) {
        thread.close();
        continue;
      }
      this.#other?.close();
      this.#other = thread;
      return thread;
    }
    return undefined;
  }

  #waits(thread: Thread, socket: string): boolean {
    const fd = thread.waitsOn();
    return fd !== undefined && this.#linkOf(fd) === socket;
  }

  /** Empty if it cannot be read. */
  #linkOf(fd: number): string {
    try {
      return this.#readLink(`${this.#path}/fd/${fd}`);
    } catch {
      return '';
    }
  }

  close(): void {
    this.scheduler.close();
    this.#other?.close();
  }
}

/** One thread in procfs. */
class Thread {
  readonly task: string;
  readonly #path: string;
  readonly #syscall: number;
  /** Whether it was in no system call at the last look: it may be about to make one. */
  isRunning = false;
  /** Descriptor of its I/O counters; undefined before it is needed, null if the kernel does not count them. */
  #io: number | null | undefined;

  /** @throws Error if it has ended, or may not be looked at */
  constructor(core: string, task: string) {
    this.task = task;
    this.#path = `${core}/task/${task}`;
    this.#syscall = openSync(`${this.#path}/syscall`, 'r');
  }

  /** Descriptor on which it waits for an answer; undefined if it does something else, or has ended. */
  waitsOn(): number | undefined {
    const length = readLine(this.#syscall);
    this.isRunning = length > 0 && line[0] === RUNNING;
    return waitedFor(line, length);
  }

  /** Changes when the thread reads or writes a file, but not when it sends or receives. */
  mark(): string | undefined {
    if (this.#io === undefined) this.#io = openIfThere(`${this.#path}/io`);
    const length = this.#io === null ? 0 : readLine(this.#io);
    return length === 0 ? undefined : `${this.#path} ${line.toString('latin1', 0, length)}`;
  }

  close(): void {
    closeSync(this.#syscall);
    if (typeof this.#io === 'number') closeSync(this.#io);
  }
}

const line = Buffer.alloc(LINE_BYTES);
const RUNNING = 'r'.charCodeAt(0);
const SPACE = ' '.charCodeAt(0);
/** Bytes before a hexadecimal number: `0x`. */
const PREFIX_BYTES = 2;

/**
 * The descriptor in a line such as `45 0x1c 0x7fc350010180 …`: the number of the call, then its arguments; or
 * `running`. A join reads thousands of them.
 *
 * @returns undefined for calls other than recvfrom(2)
 */
const waitedFor = (bytes: Uint8Array, length: number): number | undefined => {
  let at = 0;
  let call = 0;
  for (; at < length && bytes[at] !== SPACE; at++) call = call * 10 + digitOf(bytes[at]!);
  if (!RECVFROM.has(call)) return undefined;
  let fd = 0;
  for (at += 1 + PREFIX_BYTES; at < length && bytes[at] !== SPACE; at++) fd = fd * 16 + digitOf(bytes[at]!);
  return Number.isNaN(fd) ? undefined : fd;
};

/** Value of a decimal or hexadecimal digit; NaN for anything else. */
const digitOf = (byte: number): number =>
  byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : Number.NaN;

/** Number of bytes read; 0 if the thread has ended. */
const readLine = (fd: number): number => unlessEnded(() => readSync(fd, line, 0, LINE_BYTES, 0)) ?? 0;

const openIfThere = (path: string): number | null => {
  try {
    return openSync(path, 'r');
  } catch {
    return null;
  }
};

const threadAt = (core: string, task: string): Thread | undefined =>
  unlessEnded(() => new Thread(core, task));

/** undefined if the thread has ended. */
const unlessEnded = <T>(look: () => T): T | undefined => {
  try {
    return look();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
};

const commOf = (path: string): string => {
  try {
    return readFileSync(`${path}/comm`, 'latin1').trimEnd();
  } catch {
    return '';
  }
};
