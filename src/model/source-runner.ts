import { messageOf } from '../runtime/message-of.ts';
import type { Clock } from './clock.ts';
import { type DataSource, DEFAULT_BUDGET_MS, DEFAULT_MAX_PENDING } from './source.ts';

export interface ModelLimits {
  /** Most events that wait for sources; beyond it the oldest is emitted as it is. */
  readonly maxInFlight: number;
  /** Longest wait of an event after its arrival, whatever the sources' budgets add up to. */
  readonly budgetMs: number;
  /** How long a source rests after two calls in a row that blocked the thread for longer than its budget. */
  readonly restMs: number;
  /** How long `start` waits for a source; a slower one continues to start while events come in. */
  readonly startMs: number;
}

export const MODEL_LIMITS: ModelLimits = {
  maxInFlight: 8192,
  budgetMs: DEFAULT_BUDGET_MS,
  restMs: 1000,
  startMs: 5000,
};

export interface SourceCounters {
  /** How often the source was asked. */
  asked: number;
  /** Calls that threw or rejected. */
  failed: number;
  /** Calls that were not done within the budget. */
  slow: number;
  /** Events for which the source was not asked: it rested, had too many answers outstanding, or did not start. */
  skipped: number;
  /** Message of the last failure. */
  lastError: string | undefined;
}

/** Asks one source, within its limits, and counts the results. */
export class SourceRunner<Source extends DataSource = DataSource> {
  readonly source: Source;
  readonly budgetMs: number;
  readonly counters: SourceCounters = { asked: 0, failed: 0, slow: 0, skipped: 0, lastError: undefined };
  /** Answers that are outstanding. */
  pending = 0;
  readonly #fields: readonly string[];
  readonly #maxPending: number;
  readonly #limits: ModelLimits;
  readonly #clock: Clock;
  /** Whether its last call blocked the thread for longer than its budget. */
  #wasSlow = false;
  /** Monotonic milliseconds. */
  #restsUntil = 0;

  constructor(source: Source, limits: ModelLimits, clock: Clock) {
    this.source = source;
    this.budgetMs = Math.min(source.limits?.budgetMs ?? limits.budgetMs, limits.budgetMs);
    this.#fields = Object.keys(source.provides);
    this.#maxPending = source.limits?.maxPending ?? DEFAULT_MAX_PENDING;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Resolves when the source has started, takes too long, or failed to start and is skipped from now on. */
  start(): Promise<void> {
    const starting = (async () => this.source.start?.())().catch((error: unknown) => {
      this.fail(error);
      this.#restsUntil = Number.POSITIVE_INFINITY;
    });
    return this.#within(starting);
  }

  /** Never rejects either. */
  stop(): Promise<void> {
    return this.#within((async () => this.source.stop?.())().catch((error: unknown) => this.fail(error)));
  }

  /** Waits for a source's work at the start or the end, but not for ever. */
  #within(work: Promise<void>): Promise<void> {
    const { startMs } = this.#limits;
    return new Promise(resolve => {
      const cancel = this.#clock.after(startMs, () => {
        this.counters.slow++;
        this.counters.lastError = `not done after ${startMs} ms`;
        resolve();
      });
      void work.then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** Whether the source is to be asked now; counts it either way. */
  opens(now: number): boolean {
    const isOpen = this.#restsUntil <= now && this.pending < this.#maxPending;
    if (isOpen) this.counters.asked++;
    else this.counters.skipped++;
    return isOpen;
  }

  /** Takes over the fields that the source declared, and nothing else: a source cannot overwrite another's field. */
  take(answer: object | undefined, fields: Record<string, unknown>): void {
    if (answer === undefined) return;
    const values = answer as Readonly<Record<string, unknown>>;
    for (let i = 0; i < this.#fields.length; i++) {
      const field = this.#fields[i]!;
      const value = values[field];
      if (value !== undefined) fields[field] = value;
    }
  }

  fail(error: unknown): void {
    this.counters.failed++;
    this.counters.lastError = messageOf(error);
  }

  /**
   * Makes the source rest if it blocked the thread for longer than its budget twice in a row: once may have been the
   * garbage collector, or a busy host.
   *
   * @param before when it was called
   * @returns the time now, so that consecutive sources share clock readings
   */
  timeCall(before: number): number {
    const now = this.#clock.monotonicMs();
    const isSlow = now - before > this.budgetMs;
    if (isSlow) {
      this.counters.slow++;
      if (this.#wasSlow && this.source.limits?.rests !== false) this.#restsUntil = now + this.#limits.restMs;
    }
    this.#wasSlow = isSlow;
    return now;
  }
}
