import { join } from 'node:path';
import { Load } from '../bench/load.ts';
import { writeSmallestProgram } from './smallest-program.ts';

/** Seconds of one load: a load has a most of time, and only one that comes to its end says how much it did. */
const STRETCH_S = 5;
/** Loads at the same time: one waits for each of its programs, and comes to some 1,500 a second. */
const LANES = 2;

export interface ExecCount {
  /** Programs that have run; no two have the same number. */
  readonly programs: number;
  readonly seconds: number;
}

/** Loads of numbered programs, one behind the other, for as long as it takes. */
export class EndlessExecs implements AsyncDisposable {
  readonly #program: string;
  readonly #perSecond: number;
  readonly #began = performance.now();
  readonly #lanes: readonly Promise<void>[];
  readonly #loads = new Set<Load>();
  #programs = 0;
  #begun = 0;
  #isEnding = false;

  private constructor(program: string, perSecond: number) {
    this.#program = program;
    this.#perSecond = perSecond / LANES;
    this.#lanes = Array.from({ length: LANES }, () => this.#run());
    // Told of by `end`.
    for (const lane of this.#lanes) lane.catch(() => {});
  }

  /** @param directory for the program that is run */
  static start(directory: string, perSecond: number): EndlessExecs {
    const program = join(directory, 'true');
    writeSmallestProgram(program);
    return new EndlessExecs(program, perSecond);
  }

  /** Lets the loads under way come to their ends. */
  async end(): Promise<ExecCount> {
    this.#isEnding = true;
    await Promise.all(this.#lanes);
    return { programs: this.#programs, seconds: (performance.now() - this.#began) / 1000 };
  }

  async #run(): Promise<void> {
    let load = await this.#prepare();
    while (!this.#isEnding) {
      const running = load.run();
      // Prepared meanwhile: starting Node takes longer than the pause may be.
      const next = this.#prepare();
      next.catch(() => {});
      const { count } = await running;
      this.#programs += count;
      await this.#stop(load);
      load = await next;
    }
    await this.#stop(load);
  }

  async #prepare(): Promise<Load> {
    const count = STRETCH_S * this.#perSecond;
    const first = this.#begun++ * count;
    const load = await Load.prepare('numbered-execs', count, this.#perSecond, String(first), this.#program);
    this.#loads.add(load);
    return load;
  }

  async #stop(load: Load): Promise<void> {
    this.#loads.delete(load);
    await load.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    await Promise.all(Array.from(this.#loads, load => this.#stop(load)));
    await Promise.allSettled(this.#lanes);
  }
}
