import { treeMemory } from './process-usage.ts';

/** Milliseconds between two looks: what lasts for less is not seen. */
const LOOK_MS = 20;

/** The most memory that a process and those that it has started take together, while this looks. */
export class MemoryWatch implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #peak = 0;

  constructor(pid: number) {
    const look = (): void => {
      try {
        this.#peak = Math.max(this.#peak, treeMemory(pid));
      } catch {
        // It has ended.
      }
    };
    look();
    this.#timer = setInterval(look, LOOK_MS);
  }

  /** MB of 10^6 bytes. */
  get peak(): number {
    return this.#peak;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
