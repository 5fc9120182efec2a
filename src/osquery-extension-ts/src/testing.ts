/**
 * A core for tests of extensions, in their own process. Needs the package `@sqlite.org/sqlite-wasm`.
 *
 * @packageDocumentation
 */
// The core of this repository, which is bundled into the package; it uses the package as others do, by its name.

import { type Plugin, runExtension } from 'osquery-extension-ts';
import type { Registration } from 'osquery-extension-ts/types';
import { CoreOptions } from '../../core/core-options.ts';
import { CoreDatabase } from '../../core/database.ts';
import { EmbeddedCore } from '../../core/embedded-core.ts';
import { ScheduleLock } from '../../core/schedule/schedule-lock.ts';
import { realClock, Scheduler } from '../../core/schedule/scheduler.ts';
import { createSocketDirectory } from '../../core/socket-directory.ts';
import type { ScheduledTestQuery, StartTestCore } from './testing/test-core.ts';

export type { ScheduledTestQuery, StartTestCore, TestCore, TestCoreOptions } from './testing/test-core.ts';

const DEFAULT_INTERVAL_S = 60;
/** Seconds for core to accept the plugins: tests run on busy machines. */
const TIMEOUT_S = 60;

export const startTestCore: StartTestCore = async ({ plugins = [], flags = {} } = {}) => {
  const directory = createSocketDirectory();
  const database = new CoreDatabase();
  const options = new CoreOptions(new Map(Object.entries(flags)));
  const log: string[] = [];
  const lines: string[] = [];
  const write = (level: string, message: string): unknown => log.push(`${level}: ${message}`);
  const scheduled = new Map<string, ScheduledTestQuery>();
  const lock = new ScheduleLock();
  // Core runs a query at most once a second. The clock jumps ahead, so that a test does not wait for the next second.
  let aheadMs = 0;
  const clock = { ...realClock, now: () => realClock.now() + aheadMs };
  const core = new EmbeddedCore({
    options,
    database,
    socketPath: directory.socketPath,
    log: write,
    schedule: () => scheduler.entries(),
    scheduleLock: lock,
  });
  const scheduler = new Scheduler({
    ...schedulerSettings(options),
    schedule: () => [...scheduled.values()].map(scheduledQuery),
    query: (sql, signal) => core.query(sql, signal, { isScheduled: true }),
    lock,
    database,
    results: {
      write: async (_, written) => {
        lines.push(...written);
      },
    },
    log: write,
    clock,
  });
  await core.start();
  const extension = plugins.length === 0 ? undefined : await register(core.socketPath, plugins);
  const close = once(async () => {
    await extension?.();
    await core.close();
    directory.remove();
  });
  const running = new AbortController();
  return {
    socketPath: core.socketPath,
    log,
    query: async sql => [...(await core.query(sql)).rows],
    async runScheduled(query) {
      scheduled.set(query.name, query);
      aheadMs += 1_000;
      const [before, logged] = [lines.length, log.length];
      await lock.hold(() => scheduler.launch(scheduledQuery(query), running.signal));
      const failure = log.slice(logged).find(line => line.startsWith('error: '));
      if (failure !== undefined) throw new Error(failure.slice('error: '.length));
      return lines.slice(before).map(line => JSON.parse(line) as Record<string, unknown>);
    },
    nextExtension: signal => core.nextExtension(signal),
    close,
    [Symbol.asyncDispose]: close,
  };
};

/** What osqueryd reads from its flags and its configuration. */
const schedulerSettings = (options: CoreOptions) => ({
  hostIdentifier: () => 'test',
  eventsOptimize: () => options.bool('events_optimize'),
  numericMonitoring: () => false,
  epoch: () => 0,
  maxDriftSeconds: () => options.number('schedule_max_drift'),
  packRefreshSeconds: () => options.number('pack_refresh_interval'),
});

const scheduledQuery = ({
  name,
  sql,
  interval = DEFAULT_INTERVAL_S,
  snapshot = false,
}: ScheduledTestQuery) => ({
  name,
  pack: '',
  query: sql,
  interval,
  splayedInterval: interval,
  snapshot,
  removed: true,
  discovery: [],
});

/** Does the work at the first call; later calls wait for the same work. */
const once = (work: () => Promise<void>): (() => Promise<void>) => {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
};

/** Resolves when core can call the plugins; returns a function that stops them. */
const register = async (socket: string, plugins: readonly Plugin[]): Promise<() => Promise<void>> => {
  const stop = new AbortController();
  const registered = Promise.withResolvers<Registration>();
  const ended = runExtension({
    name: 'test',
    version: '0.0.0',
    plugins,
    socket,
    timeout: TIMEOUT_S,
    signal: stop.signal,
    onRegistered: registered.resolve,
  });
  ended.catch(registered.reject);
  await registered.promise;
  return async () => {
    stop.abort();
    await ended;
  };
};
