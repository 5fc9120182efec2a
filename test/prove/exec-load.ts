import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Execution } from './account.ts';

const PROGRAM = '/bin/true';

/** Runs a program again and again at an even pace, each time with a number of its own, and remembers when. */
export class ExecLoad {
  readonly #tag: string;
  readonly #total: number;
  readonly #everyMs: number;
  readonly #executions: Execution[] = [];

  /** @param tag makes the arguments of this run unlike all others */
  constructor(tag: string, total: number, seconds: number) {
    this.#tag = tag;
    this.#total = total;
    this.#everyMs = (seconds * 1000) / total;
  }

  get executions(): readonly Execution[] {
    return this.#executions;
  }

  /** Resolves when the last one has ended. */
  async run(): Promise<void> {
    const ends: Promise<void>[] = [];
    let due = performance.now();
    for (let number = 0; number < this.#total; number++) {
      // Also when it is late: those who watch, and the ends of the programs, want their turn.
      await sleep(Math.max(0, due - performance.now()));
      due += this.#everyMs;
      const from = Date.now();
      // Returns when the program is running: the child tells by closing a pipe in its exec.
      const child = spawn(PROGRAM, [`${this.#tag}${number}`], { stdio: 'ignore' });
      this.#executions.push({ number, from, to: Date.now() });
      const end = Promise.withResolvers<void>();
      child.once('error', end.reject).once('exit', () => end.resolve());
      end.promise.catch(() => {});
      ends.push(end.promise);
    }
    await Promise.all(ends);
  }

  /** The number in a logged command line; undefined if it is not of this run. */
  numberIn(cmdline: string | undefined): number | undefined {
    const [, number] = new RegExp(`^${PROGRAM} ${this.#tag}(\\d+)$`).exec(cmdline ?? '') ?? [];
    return number === undefined ? undefined : Number(number);
  }
}
