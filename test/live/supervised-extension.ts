import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PluginRow } from 'osquery-extension-ts';
import type { Program } from '../bench/program.ts';
import { FakeCore } from '../extension/fake-core.ts';
import { programUnderTest } from './program-under-test.ts';

/** The query that the core has on its schedule. */
const QUERY = 'executions';
/** Seconds between looks at core. */
const INTERVAL = 1;
/** Milliseconds for an event to become a row, on a busy machine. */
const SETTLE_MS = 20_000;
/** The programs that run to see whether others have their rows. */
const MARK = '/bin/true settled-';
/** Milliseconds until such a program runs again: in a flood it may be lost like any other. */
const MARK_MS = 5_000;

/** A core, and the extension's process, which can be ended and started again like a daemon's. */
export class SupervisedExtension implements AsyncDisposable {
  readonly core: FakeCore;
  readonly #program: Program;
  #process!: ChildProcess;
  #stderr = '';
  #clock = 1_700_000_000;
  #marks = 0;
  #logged: number | undefined;

  private constructor(core: FakeCore, program: Program) {
    this.core = core;
    this.#program = program;
  }

  /** @param options core's flags */
  static async start(
    options: Readonly<Record<string, string>>,
    program?: Program,
  ): Promise<SupervisedExtension> {
    const started = program ?? (await programUnderTest());
    const core = await new FakeCore().listen();
    core.schedule = [{ name: QUERY, query: 'SELECT * FROM process_events', interval: '60' }];
    for (const [name, value] of Object.entries(options)) core.options.set(name, value);
    const extension = new SupervisedExtension(core, started);
    try {
      await extension.start();
      return extension;
    } catch (error) {
      await core.close();
      throw error;
    }
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** Of all processes so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Resolves when it has registered and answers. */
  async start(): Promise<void> {
    this.core.routes = undefined;
    const { file, args } = this.#program;
    const child = spawn(
      file,
      [...args, '--socket', this.core.socket, '--timeout', '3', '--interval', String(INTERVAL)],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#process = child;
    child.stderr.setEncoding('utf8').on('data', text => {
      this.#stderr += text;
    });
    while (this.core.routes === undefined) {
      if (this.#hasEnded) throw new Error(`the extension has ended: ${this.#stderr}`);
      await sleep(5);
    }
    await this.core.registered();
  }

  get #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill(signal);
    await ended;
  }

  /** Resolves when all that has happened by now has its row. */
  async settled(milliseconds = SETTLE_MS): Promise<void> {
    const expr = `${MARK}${++this.#marks}`;
    const list = [{ op: 2, expr }];
    const context = { constraints: [{ name: 'cmdline', affinity: 'TEXT', list }] };
    const deadline = performance.now() + milliseconds;
    let markedAt = Number.NEGATIVE_INFINITY;
    const mark = (): void => {
      if (performance.now() - markedAt < MARK_MS) return;
      execFileSync('/bin/true', [expr.slice('/bin/true '.length)]);
      markedAt = performance.now();
    };
    mark();
    while ((await this.core.generate('process_events', context)).length === 0) {
      if (performance.now() > deadline) throw new Error(`no row of ${expr} came: ${this.#stderr}`);
      await sleep(10);
      mark();
    }
  }

  /** The rows of process_events that the next run of the scheduled query gets; `log` makes core have them. */
  async scheduled(): Promise<PluginRow[]> {
    this.core.execute(QUERY, this.#clock++);
    try {
      const rows = await this.core.generate('process_events');
      return rows.filter(({ cmdline }) => cmdline?.startsWith(MARK) !== true);
    } finally {
      this.core.endExecution();
    }
  }

  /** Core logs what it got, and counts it. */
  log(): void {
    this.#logged = this.#logged === undefined ? 0 : this.#logged + 1;
    this.core.database.set(`queries/${QUERY}counter`, String(this.#logged));
  }

  async status(): Promise<PluginRow> {
    return (await this.core.generate('audit_status'))[0]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) await this.end('SIGTERM');
    await this.core.close();
  }
}
