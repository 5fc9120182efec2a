import { LRUCache } from 'lru-cache';

/** Milliseconds of CPU that can be saved up. */
const BURST_MS = 2_000;
/** Part of it that is reserved for owners who used hardly any CPU lately. */
const RESERVE_MS = 1_000;
/** An owner who used less CPU than this, in milliseconds, counts as light. */
const LIGHT_MS = 200;
/** Milliseconds after which half of an owner's use is forgotten. */
const HALF_LIFE_MS = 5_000;
/** Owners remembered. */
const MAX_OWNERS = 4_096;

interface Use {
  cpuMs: number;
  at: number;
}

/** Decides how much CPU may be used, and whose turn it is. */
export class CpuBudget {
  readonly #rate: number;
  readonly #now: () => number;
  readonly #used = new LRUCache<number, Use>({ max: MAX_OWNERS });
  #tokens = BURST_MS;
  #reckonedAt: number;

  /** @param options `now` in milliseconds of a monotonic clock */
  constructor(options: { readonly cpuPercent: number; readonly now: () => number }) {
    this.#rate = options.cpuPercent / 100;
    this.#now = options.now;
    this.#reckonedAt = this.#now();
  }

  /**
   * The job of the owner who has used the least; of several jobs of his, the one with the least left. undefined while
   * no CPU may be used.
   *
   * @param leftOf how much of a job is left, in any unit
   */
  next<Job extends { readonly owner: number }>(
    jobs: Iterable<Job>,
    leftOf: (job: Job) => number,
  ): Job | undefined {
    const now = this.#now();
    this.#tokens = Math.min(BURST_MS, this.#tokens + (now - this.#reckonedAt) * this.#rate);
    this.#reckonedAt = now;
    let best: Job | undefined;
    let bestUsed = 0;
    for (const job of jobs) {
      const used = this.#usedBy(job.owner, now);
      if (this.#tokens <= (used > LIGHT_MS ? RESERVE_MS : 0)) continue;
      if (best === undefined || used < bestUsed || (used === bestUsed && leftOf(job) < leftOf(best))) {
        best = job;
        bestUsed = used;
      }
    }
    return best;
  }

  /** Notes used CPU. */
  take(owner: number, cpuMs: number): void {
    const now = this.#now();
    this.#tokens -= cpuMs;
    const used = this.#usedBy(owner, now) + cpuMs;
    this.#used.set(owner, { cpuMs: used, at: now });
  }

  #usedBy(owner: number, now: number): number {
    const use = this.#used.peek(owner);
    return use === undefined ? 0 : use.cpuMs * 2 ** ((use.at - now) / HALF_LIFE_MS);
  }
}
