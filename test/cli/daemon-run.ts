import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of a file of this project. */
export const projectPath = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

export interface ResultLine {
  readonly name: string;
  readonly action: string;
  readonly columns: Readonly<Record<string, string>>;
}

/** The daemon command as a process, on a clock of one second, with its logs in a directory. */
export class DaemonRun {
  readonly process;
  readonly ended: Promise<number | null>;
  readonly #directory: string;
  #errors = '';

  constructor(directory: string, args: readonly string[]) {
    this.#directory = directory;
    this.process = spawn(
      process.execPath,
      [
        '--conditions=source',
        projectPath('src/cli/main.ts'),
        'daemon',
        `--logger_path=${join(directory, 'log')}`,
        '--extensions_timeout=30',
        '--extensions_interval=1',
        '--every=1',
        ...args,
      ],
      { env: { ...process.env, TMPDIR: directory }, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.process.stderr.setEncoding('utf8').on('data', text => {
      this.#errors += text;
    });
    this.ended = once(this.process, 'close').then(([status]) => status as number | null);
  }

  get errors(): string {
    return this.#errors;
  }

  /** Runs of a scheduled query that have begun; takes --verbose. */
  runs(name: string): number {
    return this.#errors.split(`Executing scheduled query ${name}:`).length - 1;
  }

  /** Lines of the result log, of one query if it is named. */
  lines(name?: string): ResultLine[] {
    const log = join(this.#directory, 'log', 'osqueryd.results.log');
    if (!existsSync(log)) return [];
    const lines: ResultLine[] = readFileSync(log, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line));
    return lines.filter(line => name === undefined || line.name === name);
  }

  /** The status log of a severity and those above it, empty where there is none. */
  statusLog(severity: 'INFO' | 'WARNING' | 'ERROR'): string {
    const log = join(this.#directory, 'log', `osqueryd.${severity}`);
    return existsSync(log) ? readFileSync(log, 'utf8') : '';
  }

  async stop(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<number | null> {
    this.process.kill(signal);
    return this.ended;
  }
}
