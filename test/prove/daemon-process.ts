import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ExtensionManagerClient } from 'osquery-extension-ts';

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
export const MAIN = path('src/cli/main.ts');
const PACKS = ['process_events', 'socket_events', 'user_events'];
const POLL_MS = 20;

export interface DaemonProcessOptions {
  /** For logs and database. */
  readonly directory: string;
  /** Seconds between two runs of each query. */
  readonly every: number;
  /** The built extension; without it the sources are the extension. */
  readonly extension?: string | undefined;
  readonly flags?: readonly string[];
  /** Configurations instead of the packs that we ship. */
  readonly schedule?: readonly string[];
}

/** A run of a scheduled query, as the daemon's log tells. */
export interface QueryRun {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly failed: boolean;
}

/** The embedded core as a daemon process, with our osquery.flags and packs. */
export class DaemonProcess implements AsyncDisposable {
  readonly process: ChildProcess;
  /** Core's, for its extensions and for questions. */
  readonly socket: string;
  #errors = '';

  constructor(options: DaemonProcessOptions) {
    const { directory } = options;
    mkdirSync(directory, { recursive: true });
    this.socket = join(directory, 'core.em');
    const list = join(directory, 'extensions.load');
    if (options.extension !== undefined) writeFileSync(list, `${options.extension}\n`);
    const schedule = options.schedule ?? PACKS.map(name => path(`tables/packs/${name}.conf`));
    this.process = spawn(
      process.execPath,
      [
        '--conditions=source',
        MAIN,
        'daemon',
        `--flagfile=${path('osquery.flags')}`,
        `--extensions_autoload=${list}`,
        `--database_path=${join(directory, 'db')}`,
        `--logger_path=${join(directory, 'log')}`,
        `--every=${options.every}`,
        `--extensions_socket=${this.socket}`,
        `--custom_audit_state_dir=${join(directory, 'state')}`,
        '--verbose',
        ...schedule.map(file => `--schedule=${file}`),
        ...(options.flags ?? []),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, TMPDIR: directory } },
    );
    this.process.stderr!.setEncoding('utf8').on('data', text => {
      this.#errors += text;
    });
  }

  get stderr(): string {
    return this.#errors;
  }

  /** One question to core, as osqueryi or a distributed query would ask it. */
  async query(sql: string): Promise<readonly Readonly<Record<string, string>>[]> {
    await using client = new ExtensionManagerClient({ socketPath: this.socket });
    return await client.query(sql);
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** The process that it has started as its extension, if there is one now. */
  extensionPid(): number | undefined {
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (Number(parent) === this.process.pid && state !== 'Z') return Number(name);
      } catch {
        // It has ended since.
      }
    }
    return undefined;
  }

  /** Runs of a query so far. */
  runs(query: string): QueryRun[] {
    const runs: QueryRun[] = [];
    for (const line of this.#errors.split('\n')) {
      const [, time, begun] = /^I (\S+) \d+\] Executing scheduled query ([^:]+):/.exec(line) ?? [];
      if (begun === query) runs.push({ name: query, at: Date.parse(time!), failed: false });
      const [, failed] =
        /^E \S+ \d+\] Error (?:executing scheduled query|logging the results of query:) ([^:]+):/.exec(
          line,
        ) ?? [];
      const last = runs.at(-1);
      if (failed === query && last !== undefined) runs[runs.length - 1] = { ...last, failed: true };
    }
    return runs;
  }

  /** Waits for as many more runs of a query as `count` says, the last one ended. */
  async moreRuns(query: string, count: number): Promise<void> {
    // The one that is counted last has only begun.
    const enough = this.runs(query).length + count + 1;
    await this.until(() => this.runs(query).length >= enough, `${count} runs of ${query}`);
  }

  async until(isSo: () => boolean, what: string, limitMs = 30_000): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!isSo()) {
      if (this.hasEnded || performance.now() > deadline)
        throw new Error(`expected ${what}; the daemon said:\n${this.#errors.slice(-4_000)}`);
      await sleep(POLL_MS);
    }
  }

  async exited(): Promise<number | null> {
    if (!this.hasEnded) await once(this.process, 'exit');
    return this.process.exitCode;
  }

  /** Ends it as a service manager does; resolves with the exit status. */
  terminate(): Promise<number | null> {
    this.process.kill('SIGTERM');
    return this.exited();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.hasEnded) await this.terminate();
  }
}

/** A line of the result log. */
export interface ResultLine {
  readonly name: string;
  readonly action: string;
  readonly columns: Readonly<Record<string, string>>;
}

export const resultLines = (directory: string): ResultLine[] => {
  let text: string;
  try {
    text = readFileSync(join(directory, 'log', 'osqueryd.results.log'), 'utf8');
  } catch {
    return [];
  }
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line));
};
