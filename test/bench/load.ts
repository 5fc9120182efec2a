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
  | 'typical-execs'
  | 'execs-as'
  | 'unix-paths'
  | 'program-paths'
  | 'binaries'
  | 'orphaned-binaries';

export interface LoadRequest {
  readonly kind: LoadKind;
  readonly count: number;
  /** 0 for back to back. */
  readonly perSecond: number;
  /** What this kind of load wants to know besides. */
  readonly args?: readonly string[];
}

/** A process that makes events, ready to begin. */
export class Load implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  static prepare(
    kind: LoadKind,
    count: number,
    perSecond: number,
    ...args: readonly string[]
  ): Promise<Load> {
    return Load.prepareWithin([], { kind, count, perSecond, args });
  }

  /** @param launcher a program, with its arguments, that executes what follows */
  static async prepareWithin(
    launcher: readonly string[],
    { kind, count, perSecond, args = [] }: LoadRequest,
  ): Promise<Load> {
    const entry = new URL(`./load/${kind}.ts`, import.meta.url).pathname;
    const command = [process.execPath, '--conditions=source', entry, String(count), String(perSecond)];
    const [program, ...rest] = [...launcher, ...command, ...args];
    const child = spawn(program!, rest, {
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: TIMEOUT_S * 1000,
    });
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
