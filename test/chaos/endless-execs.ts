import { Load } from '../bench/load.ts';

/** Seconds of one load: a load has a most of time, and only one that comes to its end says how much it did. */
const STRETCH_S = 5;

export interface ExecCount {
  /** Programs that have run, numbered from 0. */
  readonly programs: number;
  readonly seconds: number;
}

/** Loads of numbered programs, one behind the other, for as long as it takes. */
export class EndlessExecs implements AsyncDisposable {
  readonly #perSecond: number;
  readonly #running: Promise<void>;
  #current: Load;
  #programs = 0;
  #seconds = 0;
  #isEnding = false;

  private constructor(perSecond: number, first: Load) {
    this.#perSecond = perSecond;
    this.#current = first;
    this.#running = this.#run();
    // Told of by `end`.
    this.#running.catch(() => {});
  }

  static async start(perSecond: number): Promise<EndlessExecs> {
    return new EndlessExecs(perSecond, await prepare(perSecond, 0));
  }

  /** Lets the load under way come to its end. */
  async end(): Promise<ExecCount> {
    this.#isEnding = true;
    await this.#running;
    return { programs: this.#programs, seconds: this.#seconds };
  }

  async #run(): Promise<void> {
    while (!this.#isEnding) {
      await using load = this.#current;
      // Prepared meanwhile: starting Node takes longer than the pause may be.
      const next = prepare(this.#perSecond, this.#programs + STRETCH_S * this.#perSecond);
      next.catch(() => {});
      const { count, seconds } = await load.run();
      this.#programs += count;
      this.#seconds += seconds;
      this.#current = await next;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    await this.#current.stop();
    await this.#running.catch(() => {});
    await this.#current.stop();
  }
}

const prepare = (perSecond: number, first: number): Promise<Load> =>
  Load.prepare('numbered-execs', STRETCH_S * perSecond, perSecond, String(first));
