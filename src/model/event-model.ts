import { type Clock, systemClock } from './clock.ts';
import { Fifo } from './fifo.ts';
import type { ExecEvent, ModelEvent } from './model-event.ts';
import { planSources } from './plan.ts';
import type { DataSource, EventSource, LaterSource } from './source.ts';
import { MODEL_LIMITS, type ModelLimits, type SourceCounters, SourceRunner } from './source-runner.ts';

/** A process event with what the data sources know about it. Fields that none could determine are undefined. */
export interface EnrichedEvent<Fields extends object = Record<string, unknown>> {
  readonly event: ExecEvent;
  /** Number of the event's row of process_events, as offered. */
  readonly eid: number | undefined;
  readonly fields: Readonly<Partial<Fields>>;
}

export interface ModelCounters {
  /** Process events taken in, of any action. */
  offered: number;
  /** Events given out. */
  emitted: number;
  /** Events that left early because too many were in flight. */
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

/** One event in flight. */
interface Entry extends EnrichedEvent {
  readonly fields: Record<string, unknown>;
  /** Monotonic milliseconds. */
  readonly arrived: number;
  /** The settled later steps of the plan, one bit each, … */
  settled: number;
  /** … and those that were asked and have not answered. */
  pending: number;
}

/**
 * Turns process events into complete ones: asks every data source in the order that follows from the declarations,
 * and emits events in their original order, each as soon as its sources are done or their time is over.
 *
 * `offer` neither blocks nor throws. A source that fails, hangs or is overloaded costs only its own fields, is
 * counted, and delays no event longer than its budget. One that hangs permanently is soon skipped without waiting,
 * because its outstanding answers reach their limit.
 */
export class EventModel<Fields extends object = Record<string, unknown>> {
  readonly counters: ModelCounters = { offered: 0, emitted: 0, overflowed: 0, emitFailed: 0 };
  /** Fields that emitted events can have, in the order of asking. */
  readonly fields: readonly string[];
  readonly #event: readonly SourceRunner<EventSource>[];
  readonly #later: readonly SourceRunner<LaterSource>[];
  /** For each later step, the bits of the steps that must be settled before, … */
  readonly #after: readonly number[];
  /** … and the bits of all. */
  readonly #all: number;
  readonly #runners: readonly SourceRunner[];
  readonly #observers: readonly SourceRunner[];
  readonly #emit: (event: EnrichedEvent<Fields>) => void;
  readonly #clock: Clock;
  readonly #limits: ModelLimits;
  /** Events in flight. */
  readonly #queue = new Fifo<Entry>();
  /** Copied for each event, so that V8 knows the layout; fields added one by one would each be looked up. */
  readonly #noFields: Readonly<Record<string, unknown>>;
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #pumping = false;
  #started: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  /** @throws ModelError if the sources' declarations do not fit together */
  constructor(options: ModelOptions<Fields>) {
    const plan = planSources(options.sources, options.wanted);
    const clock = options.clock ?? systemClock;
    const limits = { ...MODEL_LIMITS, ...options.limits };
    this.fields = plan.fields;
    this.#emit = options.emit;
    this.#clock = clock;
    this.#limits = limits;
    this.#event = plan.event.map(source => new SourceRunner(source, limits, clock));
    this.#later = plan.later.map(({ source }) => new SourceRunner(source, limits, clock));
    this.#after = plan.later.map(({ after }) => after.reduce((bits, step) => bits | (1 << step), 0));
    this.#all = (1 << plan.later.length) - 1;
    this.#runners = [...this.#event, ...this.#later];
    this.#observers = this.#runners.filter(({ source }) => source.observe !== undefined);
    this.#noFields = Object.fromEntries(plan.fields.map(field => [field, undefined]));
  }

  /** Events that wait for sources. */
  get inFlight(): number {
    return this.#queue.size;
  }

  /** Counters by source name. */
  get sources(): ReadonlyMap<string, Readonly<SourceCounters>> {
    return new Map(this.#runners.map(({ source, counters }) => [source.name, counters]));
  }

  /**
   * Starts the sources, each after those it needs. Never rejects: a source that fails to start is skipped from then
   * on.
   */
  start(): Promise<void> {
    this.#started ??= this.#startSources();
    return this.#started;
  }

  async #startSources(): Promise<void> {
    for (const runner of this.#runners) await runner.start();
  }

  /**
   * Takes one event. Successful execs are emitted; other events only inform the sources.
   *
   * @param eid number of its row in process_events, if it has one
   */
  offer(event: ModelEvent, eid?: number): void {
    if (this.#closed !== undefined) return;
    this.counters.offered++;
    for (const runner of this.#observers) {
      try {
        runner.source.observe!(event);
      } catch (error) {
        runner.fail(error);
      }
    }
    if (!isExec(event)) return;
    if (this.inFlight >= this.#limits.maxInFlight) this.#emitOldest();

    const entry: Entry = {
      event,
      eid,
      fields: { ...this.#noFields },
      arrived: this.#clock.monotonicMs(),
      settled: 0,
      pending: 0,
    };
    let now = entry.arrived;
    for (const runner of this.#event) now = this.#askNow(runner, entry, now);
    this.#advance(entry, now);
    if (entry.settled === this.#all && this.inFlight === 0 && !this.#pumping) {
      this.#pumping = true;
      this.#give(entry);
      this.#pumping = false;
      // Events that the receiver itself has offered in the meantime.
      if (this.inFlight > 0) this.#pump();
    } else {
      this.#queue.push(entry);
      this.#pump();
    }
  }

  /** Emits what is in flight (each event still has its budget), then stops the sources. Later events are ignored. */
  close(): Promise<void> {
    this.#closed ??= this.#drain();
    return this.#closed;
  }

  async #drain(): Promise<void> {
    // Budgets alone do not keep a program alive; a caller that waits here wants that.
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
    for (const runner of this.#runners.toReversed()) await runner.stop();
  }

  /** @returns the time after the call */
  #askNow(runner: SourceRunner<EventSource>, entry: Entry, now: number): number {
    if (!runner.opens(now)) return now;
    try {
      runner.take(runner.source.resolve(entry.event, entry.fields), entry.fields);
    } catch (error) {
      runner.fail(error);
    }
    return runner.timeCall(now);
  }

  /** Asks the later sources whose needs are settled. Steps are in order, so one pass reaches all of them. */
  #advance(entry: Entry, from: number): void {
    let now = from;
    for (let step = 0; step < this.#later.length; step++) {
      if (((entry.settled | entry.pending) & (1 << step)) !== 0) continue;
      const before = this.#after[step]!;
      if ((entry.settled & before) === before) now = this.#askLater(step, entry, now);
    }
  }

  #askLater(step: number, entry: Entry, now: number): number {
    const runner = this.#later[step]!;
    if (now - entry.arrived >= runner.budgetMs) {
      runner.counters.slow++;
      settle(entry, step);
      return now;
    }
    if (!runner.opens(now)) {
      settle(entry, step);
      return now;
    }
    try {
      const answer = runner.source.resolve(entry.event, entry.fields);
      if (answer instanceof Promise) {
        entry.pending |= 1 << step;
        runner.pending++;
        answer.then(
          value => this.#answered(step, entry, value),
          error => {
            runner.fail(error);
            this.#answered(step, entry, undefined);
          },
        );
      } else {
        runner.take(answer, entry.fields);
        settle(entry, step);
      }
    } catch (error) {
      runner.fail(error);
      settle(entry, step);
    }
    return runner.timeCall(now);
  }

  #answered(step: number, entry: Entry, value: object | undefined): void {
    const runner = this.#later[step]!;
    runner.pending--;
    // Too late: the event went on without it.
    if (!isPending(entry, step)) return;
    runner.take(value, entry.fields);
    settle(entry, step);
    this.#advance(entry, this.#clock.monotonicMs());
    this.#pump();
  }

  /**
   * Emits every finished event at the head of the queue, and sets the timer for the first unfinished one.
   *
   * @param expires whether to go on without sources whose time is over
   */
  #pump(expires = false): void {
    // Keeps the order if a receiver offers events from within `emit`.
    if (this.#pumping) return;
    this.#pumping = true;
    for (let entry = this.#queue.peek(); entry !== undefined; entry = this.#queue.peek()) {
      if (expires) this.#expire(entry);
      if (entry.settled !== this.#all) {
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
   * Goes on without sources whose time is over. Only the head of the queue is looked at: later events cannot leave
   * earlier anyway.
   */
  #expire(entry: Entry): void {
    const now = this.#clock.monotonicMs();
    for (let step = 0; step < this.#later.length; step++) {
      if (!isPending(entry, step)) continue;
      const runner = this.#later[step]!;
      if (now < entry.arrived + runner.budgetMs) continue;
      runner.counters.slow++;
      settle(entry, step);
    }
    this.#advance(entry, now);
  }

  /** When the time of the first awaited source is over. */
  #deadline(entry: Entry): number {
    let deadline = Number.POSITIVE_INFINITY;
    for (let step = 0; step < this.#later.length; step++) {
      if (!isPending(entry, step)) continue;
      deadline = Math.min(deadline, entry.arrived + this.#later[step]!.budgetMs);
    }
    return deadline;
  }

  /** Emits the oldest event with the fields it has. */
  #emitOldest(): void {
    const entry = this.#queue.peek()!;
    this.counters.overflowed++;
    entry.settled = this.#all;
    entry.pending = 0;
    this.#pump();
  }

  #give(entry: Entry): void {
    this.counters.emitted++;
    try {
      this.#emit(entry as EnrichedEvent<Fields>);
    } catch {
      this.counters.emitFailed++;
    }
  }

  #setTimer(at: number): void {
    // Deadlines only grow, so a timer that is set fires first and checks again, at most once per budget.
    if (this.#timerAt <= at) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    // Whole milliseconds, rounded up: a timer that fires early would only be set again.
    this.#cancelTimer = this.#clock.after(Math.ceil(Math.max(0, at - this.#clock.monotonicMs())), () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      // Answers that came while the thread was busy are not late, so they are taken first.
      setImmediate(() => this.#pump(true));
    });
  }
}

/** A failed exec ran nothing: the process is unchanged. */
const isExec = (event: ModelEvent): event is ExecEvent =>
  event.action === 'exec' && (event.status === undefined || event.status === 0);

const settle = (entry: Entry, step: number): void => {
  entry.settled |= 1 << step;
  entry.pending &= ~(1 << step);
};

const isPending = ({ pending }: Entry, step: number): boolean => (pending & (1 << step)) !== 0;
