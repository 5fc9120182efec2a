import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Program } from '../bench/program.ts';
import { auditState } from './kernel-audit.ts';
import { programUnderTest } from './program-under-test.ts';

/** Milliseconds for the shell to take the audit stream. */
const START_MS = 20_000;
/** Milliseconds for an event to become a row with all that is looked up, on a busy machine. */
const SETTLE_MS = 20_000;

export type JsonRow = Readonly<Record<string, string>>;

/** The shell as a user starts it: a process of its own, on the kernel's own events. */
export class LiveShell implements AsyncDisposable {
  readonly process: ChildProcess;
  #out = '';
  #err = '';
  readonly #hasTelemetry: boolean;
  #marks = 0;

  private constructor({ file, args }: Program, flags: readonly string[]) {
    this.#hasTelemetry = !flags.includes('--custom_audit_telemetry=false');
    this.process = spawn(file, [...args, 'shell', '--json', ...flags], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.process.stdout!.setEncoding('utf8').on('data', text => {
      this.#out += text;
    });
    this.process.stderr!.setEncoding('utf8').on('data', text => {
      this.#err += text;
    });
  }

  /** Resolves when events are being recorded. */
  static async start(...flags: string[]): Promise<LiveShell> {
    const shell = new LiveShell(await programUnderTest(), flags);
    const deadline = performance.now() + START_MS;
    for (;;) {
      const { status } = await auditState();
      if (status.pid !== 0 && status.enabled === 1) break;
      if (shell.process.exitCode !== null || performance.now() > deadline) {
        throw new Error(`the shell did not start: ${shell.#err}`);
      }
      await sleep(50);
    }
    await shell.query('SELECT 1');
    return shell;
  }

  /** Runs one statement on all that has happened by now. */
  async query(sql: string): Promise<JsonRow[]> {
    await this.#settle();
    return this.#run(sql);
  }

  /** Until a program that runs now has its row: rows come in the order of their events. */
  async #settle(): Promise<void> {
    const mark = `/bin/true settled-${this.process.pid}-${++this.#marks}`;
    const [table, column] = this.#hasTelemetry
      ? ['process_telemetry_events', 'process_command_line']
      : ['process_events', 'cmdline'];
    const deadline = performance.now() + SETTLE_MS;
    execFileSync('/bin/true', [mark.slice('/bin/true '.length)]);
    while ((await this.#run(`SELECT 1 FROM ${table} WHERE ${column} = '${mark}'`)).length === 0) {
      if (performance.now() > deadline) throw new Error(`no row of ${mark} came: ${this.#err}`);
      await sleep(20);
    }
  }

  async #run(sql: string): Promise<JsonRow[]> {
    const from = this.#out.length;
    this.process.stdin!.write(`${sql};\n`);
    while (!this.#out.slice(from).includes('\n]\n')) {
      if (this.process.exitCode !== null || /Error:/.test(this.#err)) throw new Error(`${sql}: ${this.#err}`);
      await sleep(10);
    }
    return JSON.parse(this.#out.slice(from));
  }

  get stderr(): string {
    return this.#err;
  }

  get stdout(): string {
    return this.#out;
  }

  /** Ends the input and resolves with the exit status. */
  async end(): Promise<number | null> {
    this.process.stdin!.end();
    return this.exited();
  }

  async exited(): Promise<number | null> {
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, 'exit');
    return this.process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill('SIGTERM');
    await this.exited();
  }
}
