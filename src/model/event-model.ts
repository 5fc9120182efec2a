import { type Clock, systemClock } from './clock.ts';
import { Fifo } from './fifo.ts';
import type { ExecEvent, ModelEvent } from './model-event.ts';
import { type Plan, planSources } from './plan.ts';
import { type DataSource, DEFAULT_BUDGET_MS, DEFAULT_MAX_PENDING } from './source.ts';

/** A process event with what the data sources know of it. Fields nobody could tell are undefined. */
export interface EnrichedEvent<Fields extends object = Record<string, unknown>> {
  readonly event: ExecEvent;
  /** Number of the event's row of process_events, as offered. */
  readonly eid: number | undefined;
  readonly fields: Readonly<Partial<Fields>>;
}

export interface ModelLimits {
  /** Events waiting for sources at once; beyond it the oldest goes out as it is. */
  readonly maxInFlight: number;
  /** No event waits longer than this after its arrival, whatever the sources' budgets add up to. */
  readonly budgetMs: number;
  /** How long a source rests after two calls in a row that held up the thread for longer than its budget. */
  readonly restMs: number;
  /** How long `start` waits for a source; one that takes longer goes on starting while events come in. */
  readonly startMs: number;
}

export const MODEL_LIMITS: ModelLimits = {
  maxInFlight: 8192,
  budgetMs: DEFAULT_BUDGET_MS,
  restMs: 1000,
  startMs: 5000,
};

export interface SourceCounters {
  /** Times the source was asked. */
  asked: number;
  /** Calls that threw or rejected. */
  failed: number;
  /** Calls that were not done within the budget. */
  slow: number;
  /** Events the source was not asked for: it rested, had too many answers outstanding, or did not start. */
  skipped: number;
  /** Message of the last failure. */
  lastError: string | undefined;
}

export interface ModelCounters {
  /** Process events taken in, of any action. */
  offered: number;
  /** Events given out. */
  emitted: number;
  /** Events that went out early because too many were in flight. */
  overflowed: number;
  /** Calls of the receiver that threw. */
  emitFailed: number;
}

export interface ModelOptions<Fields extends object> {
  readonly sources: readonly DataSource[];
  /** Receives complete events in order of arrival. May be called from within `offer`. */
  readonly emit: (event: EnrichedEvent<Fields>) => void;
  /** Output fields somebody will read; all unless given. See `planSources`. */
  readonly wanted?: Iterable<string>;
  readonly clock?: Clock;
  readonly limits?: Partial<ModelLimits>;
}

const KEEP_ALIVE_MS = 60_000;

const WAITING = 0;
const PENDING = 1;
const SETTLED = 2;

/** One event in flight. */
interface Entry {
  readonly event: ExecEvent;
  readonly eid: number | undefined;
  readonly fields: Record<string, unknown>;
  /** Monotonic milliseconds. */
  readonly arrived: number;
  /** WAITING, PENDING or SETTLED for each later step of the plan. */
  readonly states: number[];
  /** Steps that are not settled. */
  open: number;
}

/** What the model keeps about one source. */
interface Desk {
  readonly source: DataSource;
  readonly fields: readonly string[];
  readonly budgetMs: number;
  readonly maxPending: number;
  readonly counters: SourceCounters;
  pending: number;
  /** Whether its last call held up the thread for longer than its budget. */
  wasSlow: boolean;
  /** Monotonic milliseconds until which the source is not asked. */
  restsUntil: number;
}

/**
 * Turns process events into complete ones: asks every data source in the order that follows from the declarations,
 * and gives events out in the order they came in, each as soon as its sources are done or their time is over.
 *
 * `offer` neither blocks nor throws. A source that fails, hangs or is overloaded costs its own fields, is counted, and
 * holds no event longer than its budget; one that hangs for good is soon passed over without any waiting, because its
 * outstanding answers reach their limit.
 */
export class EventModel<Fields extends object = Record<string, unknown>> {
  readonly counters: ModelCounters = { offered: 0, emitted: 0, overflowed: 0, emitFailed: 0 };
  readonly #plan: Plan;
  readonly #event: readonly Desk[];
  readonly #later: readonly Desk[];
  readonly #observers: readonly Desk[];
  readonly #emit: (event: EnrichedEvent<Fields>) => void;
  readonly #clock: Clock;
  readonly #limits: ModelLimits;
  /** Events in flight. */
  readonly #queue = new Fifo<Entry>();
  /** The states of an event that has just arrived. */
  readonly #waiting: readonly number[];
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #pumping = false;
  #started: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  /** @throws ModelError if the sources' declarations do not fit together */
  constructor(options: ModelOptions<Fields>) {
    this.#plan = planSources(options.sources, options.wanted);
    this.#emit = options.emit;
    this.#clock = options.clock ?? systemClock;
    this.#limits = { ...MODEL_LIMITS, ...options.limits };
    const desk = (source: DataSource): Desk => ({
      source,
      fields: Object.keys(source.provides),
      budgetMs: Math.min(source.limits?.budgetMs ?? this.#limits.budgetMs, this.#limits.budgetMs),
      maxPending: source.limits?.maxPending ?? DEFAULT_MAX_PENDING,
      counters: { asked: 0, failed: 0, slow: 0, skipped: 0, lastError: undefined },
      pending: 0,
      wasSlow: false,
      restsUntil: 0,
    });
    this.#event = this.#plan.event.map(desk);
    this.#later = this.#plan.later.map(step => desk(step.source));
    this.#waiting = this.#later.map(() => WAITING);
    this.#observers = [...this.#event, ...this.#later].filter(({ source }) => source.observe !== undefined);
  }

  /** Fields that emitted events can have, in order of asking. */
  get fields(): readonly string[] {
    return this.#plan.fields;
  }

  /** Events waiting for sources right now. */
  get inFlight(): number {
    return this.#queue.size;
  }

  /** Counters by source name. */
  get sources(): ReadonlyMap<string, Readonly<SourceCounters>> {
    return new Map([...this.#event, ...this.#later].map(({ source, counters }) => [source.name, counters]));
  }

  /** Starts the sources, each after those it needs. Never rejects: a source that fails to start is passed over. */
  start(): Promise<void> {
    this.#started ??= this.#startSources();
    return this.#started;
  }

  async #startSources(): Promise<void> {
    for (const desk of [...this.#event, ...this.#later]) {
      const starting = (async () => desk.source.start?.())().catch(error => {
        this.#fail(desk, error);
        desk.restsUntil = Number.POSITIVE_INFINITY;
      });
      await this.#within(starting, desk);
    }
  }

  /**
   * Takes in one event. Execs that succeeded come out of `emit`, the others only tell the sources what happened.
   *
   * @param eid number of its row of process_events, if it has one
   */
  offer(event: ModelEvent, eid?: number): void {
    if (this.#closed !== undefined) return;
    this.counters.offered++;
    for (const desk of this.#observers) {
      try {
        desk.source.observe!(event);
      } catch (error) {
        this.#fail(desk, error);
      }
    }
    if (!isExec(event)) return;
    if (this.inFlight >= this.#limits.maxInFlight) this.#hurryOldest();

    const entry: Entry = {
      event,
      eid,
      fields: {},
      arrived: this.#clock.monotonicMs(),
      states: this.#waiting.slice(),
      open: this.#later.length,
    };
    let now = entry.arrived;
    for (const desk of this.#event) now = this.#askNow(desk, entry, now);
    this.#advance(entry);
    this.#queue.push(entry);
    this.#pump();
  }

  /**
   * Gives out what is in flight (each event still gets its budget), then stops the sources. Events offered afterwards
   * are ignored.
   */
  close(): Promise<void> {
    this.#closed ??= this.#drain();
    return this.#closed;
  }

  async #drain(): Promise<void> {
    // Budgets do not keep a program alive; one that waits here wants to.
    const keepAlive = setInterval(() => {}, KEEP_ALIVE_MS);
    try {
      await this.#drainAndStop();
    } finally {
      clearInterval(keepAlive);
    }
  }

  async #drainAndStop(): Promise<void> {
    await this.#started;
    if (this.inFlight > 0) {
      await new Promise<void>(resolve => {
        this.#drained = resolve;
      });
    }
    this.#cancelTimer?.();
    for (const desk of [...this.#event, ...this.#later].reverse()) {
      const stopping = (async () => desk.source.stop?.())().catch(error => this.#fail(desk, error));
      await this.#within(stopping, desk);
    }
  }

  /** @returns the time after the call, so that consecutive sources share clock readings */
  #askNow(desk: Desk, entry: Entry, now: number): number {
    if (desk.restsUntil > now) {
      desk.counters.skipped++;
      return now;
    }
    desk.counters.asked++;
    try {
      this.#store(desk, entry, desk.source.resolve(entry.event, entry.fields) as object | undefined);
    } catch (error) {
      this.#fail(desk, error);
    }
    return this.#timeCall(desk, now);
  }

  /**
   * Makes a source rest that held up the thread for longer than its budget, and again the next time it was asked: once
   * may have been the garbage collector, or a host that had no time for us.
   */
  #timeCall(desk: Desk, before: number): number {
    const now = this.#clock.monotonicMs();
    const isSlow = now - before > desk.budgetMs;
    if (isSlow) {
      desk.counters.slow++;
      if (desk.wasSlow && desk.source.limits?.rests !== false) desk.restsUntil = now + this.#limits.restMs;
    }
    desk.wasSlow = isSlow;
    return now;
  }

  /** Asks the later sources whose needs are settled. Steps are in order, so one pass reaches all of them. */
  #advance(entry: Entry): void {
    if (entry.open === 0) return;
    let now = this.#clock.monotonicMs();
    for (let step = 0; step < this.#later.length; step++) {
      if (entry.states[step] !== WAITING) continue;
      if (this.#plan.later[step]!.after.some(before => entry.states[before] !== SETTLED)) continue;
      now = this.#askLater(step, entry, now);
    }
  }

  #askLater(step: number, entry: Entry, now: number): number {
    const desk = this.#later[step]!;
    if (now - entry.arrived >= desk.budgetMs) {
      desk.counters.slow++;
      settle(entry, step);
      return now;
    }
    if (desk.restsUntil > now || desk.pending >= desk.maxPending) {
      desk.counters.skipped++;
      settle(entry, step);
      return now;
    }
    desk.counters.asked++;
    try {
      const answer = desk.source.resolve(entry.event, entry.fields);
      if (answer instanceof Promise) {
        entry.states[step] = PENDING;
        desk.pending++;
        answer.then(
          value => this.#answered(step, entry, value),
          error => {
            this.#fail(desk, error);
            this.#answered(step, entry, undefined);
          },
        );
      } else {
        this.#store(desk, entry, answer as object | undefined);
        settle(entry, step);
      }
    } catch (error) {
      this.#fail(desk, error);
      settle(entry, step);
    }
    return this.#timeCall(desk, now);
  }

  #answered(step: number, entry: Entry, value: object | undefined): void {
    const desk = this.#later[step]!;
    desk.pending--;
    // Too late: the event went on without it.
    if (entry.states[step] !== PENDING) return;
    this.#store(desk, entry, value);
    settle(entry, step);
    this.#advance(entry);
    this.#pump();
  }

  #store(desk: Desk, entry: Entry, value: object | undefined): void {
    if (value === undefined) return;
    // Only what was declared: a source cannot overwrite another's field.
    for (const field of desk.fields) {
      const part = (value as Record<string, unknown>)[field];
      if (part !== undefined) entry.fields[field] = part;
    }
  }

  /**
   * Gives out every finished event at the head of the queue and sets the timer for the first unfinished one.
   *
   * @param expires whether to go on without the sources whose time is over
   */
  #pump(expires = false): void {
    // A receiver that offers events from within `emit` must not turn the order around.
    if (this.#pumping) return;
    this.#pumping = true;
    for (let entry = this.#queue.peek(); entry !== undefined; entry = this.#queue.peek()) {
      if (expires) this.#expire(entry);
      if (entry.open > 0) {
        this.#setTimer(this.#deadline(entry));
        break;
      }
      this.#queue.shift();
      this.#give(entry);
    }
    this.#pumping = false;
    if (this.inFlight === 0) {
      this.#drained?.();
      this.#drained = undefined;
    }
  }

  /**
   * Goes on without the sources whose time is over. Only the head of the queue is ever looked at: an event behind it
   * cannot go out earlier anyway.
   */
  #expire(entry: Entry): void {
    const now = this.#clock.monotonicMs();
    for (let step = 0; step < this.#later.length; step++) {
      if (entry.states[step] !== PENDING) continue;
      const desk = this.#later[step]!;
      if (now < entry.arrived + desk.budgetMs) continue;
      desk.counters.slow++;
      settle(entry, step);
    }
    this.#advance(entry);
  }

  /** When the first of the sources that an event waits for is out of time. */
  #deadline(entry: Entry): number {
    let deadline = Number.POSITIVE_INFINITY;
    for (let step = 0; step < this.#later.length; step++) {
      if (entry.states[step] !== PENDING) continue;
      deadline = Math.min(deadline, entry.arrived + this.#later[step]!.budgetMs);
    }
    return deadline;
  }

  /** Gives out the oldest event with what it has. */
  #hurryOldest(): void {
    const entry = this.#queue.peek()!;
    this.counters.overflowed++;
    entry.states.fill(SETTLED);
    entry.open = 0;
    this.#pump();
  }

  #give({ event, eid, fields }: Entry): void {
    this.counters.emitted++;
    try {
      this.#emit({ event, eid, fields: fields as Partial<Fields> });
    } catch {
      this.counters.emitFailed++;
    }
  }

  #setTimer(at: number): void {
    // Deadlines only grow: a timer that is set comes first and looks again, at most once per budget.
    if (this.#timerAt <= at) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    // Whole milliseconds, rounded up: a timer that fires early would only be set again.
    this.#cancelTimer = this.#clock.after(Math.ceil(Math.max(0, at - this.#clock.monotonicMs())), () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      // Answers that came while the thread was busy with something else are not late: they are taken first.
      setImmediate(() => this.#pump(true));
    });
  }

  #fail(desk: Desk, error: unknown): void {
    desk.counters.failed++;
    desk.counters.lastError = error instanceof Error ? error.message : String(error);
  }

  /** Waits for what a source does at the start or the end, but not for ever. */
  #within(work: Promise<void>, desk: Desk): Promise<void> {
    return new Promise(resolve => {
      const { startMs } = this.#limits;
      const cancel = this.#clock.after(startMs, () => {
        desk.counters.slow++;
        desk.counters.lastError = `not done after ${startMs} ms`;
        resolve();
      });
      void work.then(() => {
        cancel();
        resolve();
      });
    });
  }
}

/** An exec that failed ran nothing: the process is what it was. */
const isExec = (event: ModelEvent): event is ExecEvent =>
  event.action === 'exec' && (event.status === undefined || event.status === 0);

const settle = (entry: Entry, step: number): void => {
  entry.states[step] = SETTLED;
  entry.open--;
};
