import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExtensionManagerClient, type PluginRow } from 'osquery-extension-ts';
import { PROGRAM_COMM } from '../../../src/runtime/program-name.ts';
import { endProcess } from '../../bench/end-process.ts';
import type { Installation } from './installation.ts';
import { Runs } from './runs.ts';

const POLL_MS = 50;
const QUERY_MS = 60_000;

/** A line of the result log. */
export interface ResultLine {
  readonly name: string;
  readonly action: string;
  readonly columns: Readonly<Record<string, string>>;
}

export interface StockDaemonOptions {
  /** As its service has it: a process that watches, and the one that works. */
  readonly withWatchdog?: boolean;
}

/** A running osqueryd. */
export class StockDaemon implements AsyncDisposable {
  readonly runs = new Runs();
  readonly socket: string;
  readonly process: ChildProcess;
  readonly #root: string;
  #log = '';
  #endedAt: number | undefined;

  constructor(
    osqueryd: string,
    installation: Installation,
    flags: readonly string[],
    { withWatchdog = false }: StockDaemonOptions,
  ) {
    this.#root = installation.root;
    this.socket = join(this.#root, 'core.em');
    this.process = spawn(
      osqueryd,
      [`--flagfile=${installation.flagfile}`, `--disable_watchdog=${!withWatchdog}`, '--verbose', ...flags],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.process.once('exit', () => {
      this.#endedAt = Date.now();
    });
    this.process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
      this.runs.read(text, Date.now());
    });
  }

  /** What it has said on stderr. */
  get log(): string {
    return this.#log;
  }

  /** Lines of the log that are errors or warnings, without where in the source they come from. */
  get complaints(): readonly string[] {
    return this.#log
      .split('\n')
      .filter(line => /^[WE]\d/.test(line))
      .map(line => line.replace(/^(.)\S+ \S+ +\S+ [^\]]+\] /, '$1 '));
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** Longest time in milliseconds for which it started no query, up to now or its end. */
  get longestPause(): number {
    return this.runs.longestPause(this.#endedAt ?? Date.now());
  }

  /** The result log so far, of one query if it is named. */
  results(name?: string): ResultLine[] {
    let text: string;
    try {
      text = readFileSync(join(this.#root, 'log', 'osqueryd.results.log'), 'utf8');
    } catch {
      return [];
    }
    const lines: ResultLine[] = text
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line));
    return lines.filter(line => name === undefined || line.name === name);
  }

  /** One question, as a distributed query or a shell that is connected would ask it. */
  async query(sql: string): Promise<PluginRow[]> {
    await using client = new ExtensionManagerClient({ socketPath: this.socket, timeoutMs: QUERY_MS });
    return await client.query(sql);
  }

  /** Resolves when a query of ours is answered: core and extension are there. */
  async ready(limitMs = 30_000): Promise<void> {
    await this.until(
      () =>
        this.query('SELECT mode FROM audit_status').then(
          rows => rows.length === 1,
          () => false,
        ),
      'an answer from the extension',
      limitMs,
    );
  }

  /** Waits for as many runs of a query to have ended as `count` says: another one, of any query, has begun since. */
  async ran(name: string, count: number, limitMs: number): Promise<void> {
    const ended = (): boolean => {
      const last = this.runs.of(name)[count - 1];
      return last !== undefined && this.runs.all.at(-1) !== last;
    };
    await this.until(ended, `${count} runs of ${name}`, limitMs);
  }

  /** @throws Error with the end of the log if it does not come true in time */
  async until(isSo: () => boolean | Promise<boolean>, what: string, limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!(await isSo())) {
      if (this.hasEnded || performance.now() > deadline) {
        const { exitCode, signalCode } = this.process;
        const how = this.hasEnded
          ? `osqueryd has ended by ${signalCode ?? `status ${exitCode}`}`
          : `not within ${limitMs / 1000} s`;
        throw new Error(`expected ${what}: ${how}; its last words:\n${this.#log.slice(-2_000)}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** The process of the extension that it has started; undefined if there is none now. */
  extensionPid(): number | undefined {
    const tasks = `/proc/${this.process.pid}/task`;
    // Any of its threads may have started it.
    const children = readdirSync(tasks).flatMap(task => textOf(`${tasks}/${task}/children`).split(' '));
    const pid = children.find(child => child !== '' && textOf(`/proc/${child}/comm`) === `${PROGRAM_COMM}\n`);
    return pid === undefined ? undefined : Number(pid);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.hasEnded) return;
    const ended = once(this.process, 'exit');
    this.process.kill(signal);
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endProcess(this.process);
  }
}

/** Empty for what has ended since. */
const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};
