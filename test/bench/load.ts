import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { LoadResult } from './load/run-load.ts';

/** Seconds after which a load is ended, whatever it does. */
const TIMEOUT_S = 300;

/** Each is a file in load/. */
export type LoadKind =
  | 'connects'
  | 'short-connects'
  | 'timed-connects'
  | 'execs'
  | 'numbered-execs'
  | 'execs-as'
  | 'binaries';

/** A process that makes events, ready to begin. */
export class Load implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /**
   * @param perSecond 0 for back to back
   * @param more what this kind of load wants to know besides
   */
  static async prepare(
    kind: LoadKind,
    count: number,
    perSecond: number,
    ...more: readonly string[]
  ): Promise<Load> {
    const entry = new URL(`./load/${kind}.ts`, import.meta.url).pathname;
    const child = spawn(
      process.execPath,
      ['--conditions=source', entry, String(count), String(perSecond), ...more],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        timeout: TIMEOUT_S * 1000,
      },
    );
    const load = new Load(child);
    await load.#line();
    return load;
  }

  /** The process that the events are of. */
  get pid(): number {
    return this.#child.pid!;
  }

  begin(): void {
    this.#child.stdin!.write('go\n');
  }

  async run(): Promise<LoadResult> {
    this.begin();
    return JSON.parse(await this.#line());
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the load ended early, with status ${this.#child.exitCode}`);
    return value;
  }

  /** Ends it where it is. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
