import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Changes a thing on the host back: when it is disposed of, or when this process has ended, however it did. A shell of its own does
 * it, which waits for the end of its input.
 */
export class Undo implements AsyncDisposable {
  readonly #script: string;
  readonly #shell: ChildProcess;

  /**
   * @param script for sh, which must not wait for ever
   * @param args its $1 and so on
   */
  constructor(script: string, ...args: readonly string[]) {
    this.#script = script;
    this.#shell = spawn('sh', ['-c', `read -r _\n${script}`, 'sh', ...args], {
      // Ctrl-C is not for it.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  }

  /** @throws Error if the script failed */
  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#shell;
    if (exitCode !== null || signalCode !== null) throw new Error(`ended before its time: ${this.#script}`);
    const ended = once(this.#shell, 'exit');
    this.#shell.stdin!.end();
    const [status] = await ended;
    if (status !== 0) throw new Error(`ended with status ${status}: ${this.#script}`);
  }
}
