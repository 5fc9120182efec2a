import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { messageOf } from '../../runtime/message-of.ts';
import { parseStat } from '../procfs/stat.ts';
import { TokenBucket } from '../token-bucket.ts';

/** Most given-up processes that have not ended: the kernel keeps them while a file system does not answer. */
const MAX_ABANDONED = 4;
/** Starts allowed at once, and milliseconds after which one more is allowed. */
const STARTS = 4;
const START_MS = 5_000;
/**
 * How often a silent process is checked, in milliseconds, and how long it may just wait for a CPU. A process in uninterruptible
 * sleep (`D`) hangs.
 */
const PATIENCE_MS = 50;
const STARVED_MS = 5_000;

/** A process that was started, and the way to talk to it. */
export interface StartedLook<Channel> {
  readonly child: Pick<ChildProcess, 'pid' | 'kill'> & {
    once(event: 'exit' | 'error', listener: () => void): unknown;
  };
  readonly channel: Channel;
}

export interface LookKeeperOptions<Channel> {
  readonly start: () => StartedLook<Channel>;
  /** Receives each new process; undefined if there is none for now. */
  readonly attach: (channel: Channel | undefined) => void;
  /** Receives the reason why there is no process, or no other. */
  readonly warn: (message: string) => void;
  /** The state of a process as in /proc/PID/stat: `R`, `D` … */
  readonly stateOf?: (pid: number) => string | undefined;
}

/**
 * Runs one process that looks at files for this one. A look may hang forever in a file system whose server does not
 * answer. A process that waits like that cannot be killed, and a thread that does keeps its whole process from
 * ending. So a separate process looks, which can be given up: it gets SIGKILL, is left alone, and another takes its
 * place. The number of abandoned processes and the rate of starts are limited.
 */
export class LookKeeper<Channel> {
  /** How many were given up. */
  givenUp = 0;
  readonly #options: LookKeeperOptions<Channel>;
  readonly #starts = new TokenBucket(STARTS, () => (performance.now() * 1000) / (STARTS * START_MS));
  readonly #abandoned = new Set<StartedLook<Channel>>();
  #current: StartedLook<Channel> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isLeaving = false;
  #closed = false;
  #hasWarned = false;

  constructor(options: LookKeeperOptions<Channel>) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#current?.child.pid;
  }

  /** Given up and still there. */
  get abandoned(): number {
    return this.#abandoned.size;
  }

  /** Starts a process unless there is one; or later, if none may be started now. */
  start(): void {
    if (this.#closed || this.#current !== undefined || this.#timer !== undefined) return;
    if (this.#abandoned.size >= MAX_ABANDONED || !this.#starts.tryTake()) {
      this.#later();
      return;
    }
    let started: StartedLook<Channel>;
    try {
      started = this.#options.start();
    } catch (error) {
      this.#warn(`cannot be started: ${messageOf(error)}`);
      this.#later();
      return;
    }
    this.#current = started;
    const ended = (): void => {
      this.#abandoned.delete(started);
      if (this.#current !== started) return;
      this.#current = undefined;
      this.start();
      if (this.#current === undefined) this.#options.attach(undefined);
    };
    started.child.once('exit', ended);
    started.child.once('error', ended);
    this.#options.attach(started.channel);
  }

  #later(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.start();
    }, START_MS / STARTS);
    this.#timer.unref();
  }

  #warn(what: string): void {
    if (!this.#hasWarned) this.#options.warn(`the process that looks at files ${what}`);
    this.#hasWarned = true;
  }

  /** It has answered after all. */
  relent(): void {
    this.#isLeaving = false;
  }

  /** Gives the process up, unless it waits only for a CPU. */
  giveUp(): void {
    if (this.#isLeaving || this.#current === undefined) return;
    this.#isLeaving = true;
    this.#leave(this.#current, performance.now(), 0);
  }

  /** @param waits how often it was found waiting for something other than a CPU */
  #leave(leaving: StartedLook<Channel>, since: number, waits: number): void {
    const { stateOf = processState } = this.#options;
    if (this.#current !== leaving || !this.#isLeaving) {
      this.#isLeaving = false;
      return;
    }
    const state = stateOf(leaving.child.pid ?? 0);
    const hangs = state === 'D' || (state !== 'R' && waits > 0);
    if (!hangs && performance.now() - since < STARVED_MS) {
      const next = (): void => this.#leave(leaving, since, state === 'R' ? 0 : waits + 1);
      setTimeout(next, PATIENCE_MS).unref();
      return;
    }
    this.#isLeaving = false;
    this.givenUp++;
    this.#current = undefined;
    this.#abandoned.add(leaving);
    leaving.child.kill('SIGKILL');
    this.start();
    if (this.#current === undefined) this.#options.attach(undefined);
  }

  /** Ends what can be ended. May be called any number of times. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#current?.child.kill('SIGKILL');
    this.#current = undefined;
  }
}

const processState = (pid: number): string | undefined => {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`))?.state;
  } catch {
    return undefined;
  }
};
