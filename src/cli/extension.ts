import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ExtensionEnd,
  ExtensionManagerClient,
  isOsqueryError,
  runExtension,
} from 'osquery-extension-ts';
import packageJson from '../../package.json' with { type: 'json' };
import { PROCESS_TITLE } from '../audit/session.ts';
import { eventTables } from '../events/tables.ts';
import { type EventSource, openKernelSource, openReplaySource } from '../extension/audit-source.ts';
import { readCoreSettings } from '../extension/core-settings.ts';
import { EventStore } from '../extension/event-store.ts';
import type { IngestHandlers } from '../extension/ingest.ts';
import { runningQuery } from '../extension/running-query.ts';
import { Schedule } from '../extension/schedule.ts';
import { nameTable, nativeTables } from '../extension/table-names.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import type { ExtensionArgs } from './extension-args.ts';

const RETRY_MS = 50;

/**
 * Runs as osqueryd's extension until core or a signal ends it.
 *
 * @returns 0 when asked to stop, 1 when core was lost or the events broke off, so that a new core starts us again
 */
export const runExtensionCommand = async (args: ExtensionArgs): Promise<number> => {
  process.title = PROCESS_TITLE;
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort(signal));

  await using client = new ExtensionManagerClient({ socketPath: args.socket });
  const { settings, warnings } = await untilConnected(args, () => readCoreSettings(client, args.overrides));
  for (const warning of warnings) warn(warning);

  const store = new EventStore(eventTables, settings, { ageless: args.replay.length > 0 });
  let broken: Error | undefined;
  const handlers: IngestHandlers = {
    onRows: batches => store.append(batches),
    onRaw: text => process.stdout.write(text),
    onWarning: warn,
    onFailed: error => {
      broken = error;
      stop.abort(error);
    },
  };
  const source = await openSource(args, settings, handlers);
  try {
    const schedule = new Schedule(client);
    await schedule.refresh();
    const native = await nativeTables(client);
    const plugins = store.plugins(spec => nameTable(spec, native), {
      execution: async () => {
        const execution = await runningQuery(client);
        if (execution !== undefined) await schedule.ensureKnown(execution.query);
        return execution;
      },
      readers: names => schedule.readersOf(names),
    });
    const polling = new AbortController();
    const polls = followCore(args, client, schedule, store, source, polling.signal);
    const end = await runExtension({
      name: PROCESS_TITLE,
      version: packageJson.version,
      plugins,
      socket: args.socket,
      timeout: args.timeout,
      interval: args.interval,
      signal: stop.signal,
    });
    polling.abort();
    await polls;
    if (broken !== undefined) throw broken;
    return exitStatus(end);
  } finally {
    await source.close();
  }
};

const openSource = (
  args: ExtensionArgs,
  settings: AuditSettings,
  handlers: IngestHandlers,
): Promise<EventSource> =>
  args.replay.length > 0
    ? openReplaySource(args.replay, settings, handlers)
    : openKernelSource(settings, handlers);

/** Core opens its socket about when it starts its extensions. */
const untilConnected = async <T>(args: ExtensionArgs, ask: () => Promise<T>): Promise<T> => {
  const deadline = performance.now() + args.timeout * 1000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isOsqueryError(error, 'OSQUERY_CONNECT') || performance.now() > deadline) throw error;
      await sleep(RETRY_MS);
    }
  }
};

/** Takes over what changes in core's options and schedule, every interval. */
const followCore = async (
  args: ExtensionArgs,
  client: ExtensionManagerClient,
  schedule: Schedule,
  store: EventStore,
  source: EventSource,
  signal: AbortSignal,
): Promise<void> => {
  let known = '';
  while (!signal.aborted) {
    try {
      await schedule.refresh();
      store.retainQueries(schedule.names);
      const { settings } = await readCoreSettings(client, args.overrides);
      const text = JSON.stringify(settings);
      if (text !== known && known !== '') {
        store.setSettings(settings);
        await source.setSettings(settings);
      }
      known = text;
    } catch (error) {
      // Whether core is lost is for the watch to find out.
      if (!isOsqueryError(error)) throw error;
    }
    await sleep(args.interval * 1000, undefined, { signal }).catch(() => {});
  }
};

const exitStatus = (end: ExtensionEnd): number => {
  if (end.kind !== 'core-lost') return 0;
  warn(`osquery is gone (${end.error.message}); ending`);
  return 1;
};

const warn = (message: string): void => {
  process.stderr.write(`${PROCESS_TITLE}: ${message}\n`);
};
