/**
 * Runs the schedule second by second, as core's scheduler does. A query is due when the unix time is a multiple of
 * its interval. Queries run one after the other. Lost time is made up for, up to a limit.
 *
 * Source: osquery 5.23 `dispatcher/scheduler.cpp`.
 */

import type { ScheduleEntry } from '../core-tables.ts';
import type { CoreDatabase } from '../database.ts';
import type { CoreLog, QueryRows } from '../embedded-core.ts';
import { recordResults } from './query-results.ts';
import { differenceLines, escapeRow, snapshotLine } from './result-lines.ts';
import type { ResultLog } from './result-log.ts';
import type { ScheduledQuery } from './schedule.ts';
import type { ScheduleLock } from './schedule-lock.ts';

const SETTINGS = 'configurations';
const EXECUTING_QUERY = 'executing_query';

export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Resolves after the time, or as soon as the signal fires. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

export const realClock: Clock = {
  now: Date.now,
  sleep: (milliseconds, signal) =>
    new Promise(resolve => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal.addEventListener('abort', done, { once: true });
    }),
};

export interface SchedulerOptions {
  /** Read every second, so that it may change. */
  readonly schedule: () => readonly ScheduledQuery[];
  readonly query: (sql: string, signal: AbortSignal) => Promise<QueryRows>;
  /** Held during all queries of a second. */
  readonly lock: ScheduleLock;
  readonly database: CoreDatabase;
  readonly results: ResultLog;
  readonly log: CoreLog;
  readonly clock: Clock;
  readonly hostIdentifier: () => string;
  /** Core's flags. */
  readonly eventsOptimize: () => boolean;
  readonly numericMonitoring: () => boolean;
  readonly epoch: () => number;
  readonly maxDriftSeconds: () => number;
  readonly packRefreshSeconds: () => number;
  /** Called every second, before the queries. */
  readonly onSecond?: (second: number) => void | Promise<void>;
}

interface Performance {
  executions: number;
  lastExecuted: number;
  outputSize: number;
  wallTimeMs: number;
  lastWallTimeMs: number;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #performance = new Map<string, Performance>();
  /** Results of discovery queries by pack, with their time. */
  readonly #discovered = new Map<string, { readonly at: number; readonly active: boolean }>();

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { database, log } = options;
    const failed = database.get(SETTINGS, EXECUTING_QUERY) ?? '';
    if (failed !== '') {
      log('warning', `Scheduled query may have failed: ${failed}`);
      database.put(SETTINGS, EXECUTING_QUERY, '');
    }
  }

  /** For `osquery_schedule`. */
  entries(): ScheduleEntry[] {
    return this.#options.schedule().map(({ name, query, interval }) => ({
      name,
      query,
      interval,
      ...(this.#performance.get(name) ?? {
        executions: 0,
        lastExecuted: 0,
        outputSize: 0,
        wallTimeMs: 0,
        lastWallTimeMs: 0,
      }),
    }));
  }

  /** Runs until the signal fires, which also stops the running query. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, schedule, lock, onSecond, maxDriftSeconds } = this.#options;
    let drift = 0;
    for (let second = Math.floor(clock.now() / 1000); !signal.aborted; second += 1) {
      const begun = clock.now();
      await onSecond?.(second);
      await lock.hold(async () => {
        for (const query of schedule()) {
          if (signal.aborted) return;
          if (second % query.splayedInterval === 0 && (await this.#isDiscovered(query, signal))) {
            await this.launch(query, signal);
          }
        }
      });
      const took = clock.now() - begun;
      if (took + drift < 1000) {
        await clock.sleep(1000 - took - drift, signal);
        drift = 0;
      } else {
        drift += took - 1000;
        if (drift > maxDriftSeconds() * 1000) drift = 0;
      }
    }
  }

  /** Runs one query now and logs what it found. */
  async launch(query: ScheduledQuery, signal: AbortSignal): Promise<void> {
    const { database, log, clock, results, epoch, eventsOptimize } = this.#options;
    const { name } = query;
    log('verbose', `Executing scheduled query ${name}: ${query.query}`);
    let found: QueryRows;
    try {
      found = await this.#monitored(query, signal);
    } catch (error) {
      if (!signal.aborted)
        log('error', `Error executing scheduled query ${name}: ${(error as Error).message}`);
      return;
    }
    const origin = {
      name,
      hostIdentifier: this.#options.hostIdentifier(),
      time: clock.now(),
      epoch: epoch(),
      counter: 0,
    };
    try {
      if (query.snapshot) {
        await results.write('snapshot', [snapshotLine(origin, found.rows)]);
        return;
      }
      const difference = recordResults({
        database,
        name,
        query: query.query,
        rows: found.rows.map(escapeRow),
        append: found.eventBased && eventsOptimize(),
        epoch: origin.epoch,
      });
      if (difference.isEmpty) return;
      const removed = query.removed ? difference.removed : [];
      const lines = differenceLines({ ...origin, counter: difference.counter }, { ...difference, removed });
      await results.write('event', lines);
    } catch (error) {
      log('error', `Error logging the results of query: ${name}: ${(error as Error).message}`);
    }
  }

  /** Runs the query with its name in the database, unless numeric monitoring takes that place. */
  async #monitored(query: ScheduledQuery, signal: AbortSignal): Promise<QueryRows> {
    const { database, clock, numericMonitoring } = this.#options;
    if (numericMonitoring()) return this.#options.query(query.query, signal);
    const { name } = query;
    const begun = clock.now();
    database.put(SETTINGS, EXECUTING_QUERY, name);
    database.put(SETTINGS, `timestamp.${name}`, String(Math.floor(begun / 1000)));
    let size = 0;
    try {
      const found = await this.#options.query(query.query, signal);
      for (const row of found.rows) {
        for (const [key, value] of Object.entries(row)) size += key.length + value.length;
      }
      return found;
    } finally {
      const took = Math.round(clock.now() - begun);
      const before = this.#performance.get(name);
      this.#performance.set(name, {
        executions: (before?.executions ?? 0) + 1,
        lastExecuted: Math.floor(clock.now() / 1000),
        outputSize: (before?.outputSize ?? 0) + size,
        wallTimeMs: (before?.wallTimeMs ?? 0) + took,
        lastWallTimeMs: took,
      });
      database.put(SETTINGS, EXECUTING_QUERY, '');
    }
  }

  /** Whether each discovery query of the pack returns a row; asked again after `pack_refresh_interval`. */
  async #isDiscovered(query: ScheduledQuery, signal: AbortSignal): Promise<boolean> {
    if (query.discovery.length === 0) return true;
    const now = this.#options.clock.now() / 1000;
    const before = this.#discovered.get(query.pack);
    if (before !== undefined && now - before.at < this.#options.packRefreshSeconds()) return before.active;
    let active = true;
    for (const sql of query.discovery) {
      try {
        active = (await this.#options.query(sql, signal)).rows.length > 0;
      } catch (error) {
        this.#options.log('warning', `Discovery query failed (${sql}): ${(error as Error).message}`);
        active = false;
      }
      if (!active) break;
    }
    this.#discovered.set(query.pack, { at: now, active });
    return active;
  }
}
