import { spawn } from 'node:child_process';
import { closeSync, existsSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { libc } from '../runtime/libc.ts';
import { ownCommand } from '../runtime/own-command.ts';
import { receiveDescriptors, sendDescriptors } from '../runtime/pass-descriptors.ts';
import { close, duplicate, socketPair } from '../runtime/socket-calls.ts';
import { KERNEL_BTF } from './kernel-btf-path.ts';
import { GO, LOADER_COMMAND } from './loader-command.ts';
import { decodeResult, type LoadResult } from './loader-message.ts';

/**
 * A process that loads BPF programs, passes their descriptors on, and ends. It has the capabilities that this needs;
 * the process that starts it gives them up right away, before it has read what to do. It starts beside that process,
 * on a CPU that nobody else wants, and waits for a word before it does anything.
 */

/** Holds descriptor and pid, and the pid of the process that they are for: that one may start itself anew in between. */
const MARK = 'OSQUERY_AUDIT_EVENTS_BPF';
/** The file that this process runs, even if its name leads to another by now. */
const OWN_PROGRAM = '/proc/self/exe';
/** fcntl.h */
const F_SETFD = 2;
const LOWEST_PRIORITY = 19;
const WNOHANG = 1;
const LOOK_MS = 20;
/** Milliseconds for the loader to answer, and then to end; it may have to wait for a CPU. */
const ANSWER_MS = 30_000;
const END_MS = 5_000;
const { EAGAIN, EINTR } = constants.errno;

/** Starts the loader. To be called before capabilities are given up; does nothing in a process that was started anew. */
export const startLoader = (): void => {
  if (process.env[MARK] !== undefined || !existsSync(KERNEL_BTF)) return;
  const [own, its] = socketPair();
  try {
    const { path, args } = ownCommand();
    const child = spawn(OWN_PROGRAM, [...args, LOADER_COMMAND], {
      argv0: path,
      cwd: '/',
      env: {},
      // So it does not get the terminal's Ctrl-C: it ends with the connection.
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', its],
    });
    child.on('error', () => {});
    child.unref();
    if (child.pid === undefined) {
      close(own);
      return;
    }
    setPriority(child.pid, LOWEST_PRIORITY);
    const fcntl: (fd: number, command: number, flags: number) => number = libc.func(
      'int fcntl(int fd, int command, int flags)',
    );
    fcntl(own, F_SETFD, 0);
    process.env[MARK] = `${own} ${child.pid} ${process.pid}`;
  } finally {
    close(its);
  }
};

/** The loader that `startLoader` has started for this process, once; undefined if it has not. */
export const takeLoader = (): LoaderProcess | undefined => {
  const [fd, pid, owner] = (process.env[MARK] ?? '').split(' ').map(Number);
  delete process.env[MARK];
  if (fd === undefined || pid === undefined || owner !== process.pid) return undefined;
  // A duplicate is closed at an exec again.
  const own = duplicate(fd);
  close(fd);
  return own < 0 ? undefined : new LoaderProcess(own, pid);
};

export class LoaderProcess {
  readonly #fd: number;
  readonly #pid: number;
  #isClosed = false;

  constructor(fd: number, pid: number) {
    this.#fd = fd;
    this.#pid = pid;
  }

  /**
   * Lets it load, and ends it.
   *
   * @throws Error if it does not answer
   */
  async load(): Promise<LoadResult> {
    try {
      sendDescriptors(this.#fd, GO, []);
      for (let waited = 0; waited < ANSWER_MS && !this.#isClosed; waited += LOOK_MS) {
        const received = receiveDescriptors(this.#fd);
        if (typeof received !== 'number') {
          if (received.text === '') break;
          return decodeResult(received.text, received.descriptors);
        }
        if (received !== EAGAIN && received !== EINTR) break;
        await sleep(LOOK_MS, undefined, { ref: false });
      }
      throw new Error('the process that loads BPF programs has ended without a word');
    } finally {
      this.close();
    }
  }

  /** Ends it, whether it has loaded or not. May be called any number of times. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#fd);
    void this.#reap();
  }

  /** Its parent is this process, but Node does not know of it if it was started anew since. */
  async #reap(): Promise<void> {
    const waitpid: (pid: number, status: null, options: number) => number = libc.func(
      'int waitpid(int pid, void *status, int options)',
    );
    for (let waited = 0; waited < END_MS; waited += LOOK_MS) {
      if (waitpid(this.#pid, null, WNOHANG) !== 0) return;
      await sleep(LOOK_MS, undefined, { ref: false });
    }
  }
}
