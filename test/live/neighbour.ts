import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

const OWN_STREAM = new URL('./own-stream.ts', import.meta.url).pathname;

/** A process that asks for the audit stream, as auditd does. */
export class Neighbour implements AsyncDisposable {
  readonly #process: ChildProcess;
  /** What the kernel said: `owned`, or `refused ERRNO`. */
  readonly answer: string;
  /** As the kernel has it; versions of Node call themselves differently. */
  readonly name: string;

  private constructor(process: ChildProcess, answer: string) {
    this.#process = process;
    this.answer = answer;
    this.name = readFileSync(`/proc/${process.pid}/comm`, 'utf8').trimEnd();
  }

  static async start(): Promise<Neighbour> {
    const child = spawn(process.execPath, ['--conditions=source', OWN_STREAM], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [answer] = await once(child.stdout!, 'data');
    return new Neighbour(child, String(answer).trim());
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** SIGTERM makes it give up the stream. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill(signal);
    await ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
}
