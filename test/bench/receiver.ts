import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { endProcess } from './end-process.ts';
import { cpuSeconds } from './process-usage.ts';

const ENTRY = new URL('./load/receive-only.ts', import.meta.url).pathname;

/** The process that receives records and discards them. */
export class Receiver implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /** Resolves when records come in. */
  static async start(): Promise<Receiver> {
    const child = spawn(process.execPath, ['--conditions=source', ENTRY], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const receiver = new Receiver(child);
    await receiver.#line();
    return receiver;
  }

  get cpuSeconds(): number {
    return cpuSeconds(this.#child.pid!);
  }

  /** Ends it; audit is as it was found afterwards. @returns records received */
  async end(): Promise<number> {
    this.#child.kill('SIGTERM');
    return Number(await this.#line());
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the receiver ended early, with status ${this.#child.exitCode}`);
    return value;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return endProcess(this.#child);
  }
}
