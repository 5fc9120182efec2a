import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ExtensionEnd,
  ExtensionManagerClient,
  isOsqueryError,
  type Plugin,
  type RunExtensionOptions,
  runExtension,
  TablePlugin,
  type TableSpec,
} from 'osquery-extension-ts';
import { auditStatus } from '../../tables/audit_status.ts';
import { eventTables } from '../../tables/index.ts';
import { processEvents } from '../../tables/process_events.ts';
import { processTelemetryEvents } from '../../tables/process_telemetry_events.ts';
import { socketEvents } from '../../tables/socket_events.ts';
import { Persistence } from '../events/persistence/persistence.ts';
import { SpillFile } from '../events/spill-file.ts';
import {
  type EventSource,
  type LiveOptions,
  openLiveSource,
  openReplaySource,
  type SourceStatus,
} from '../ingest/audit-source.ts';
import type { IngestHandlers } from '../ingest/ingest.ts';
import { trustedDirectory } from '../runtime/trusted-directory.ts';
import { type BridgeKeeper, Bridging } from './bridging.ts';
import { CarriedCounters } from './carried-counters.ts';
import { EventStore } from './event-store.ts';
import type { LocalEndpoints } from './local-endpoints.ts';
import { LossReport } from './loss-report.ts';
import type { AskingThread } from './osquery/asking-thread.ts';
import { type CoreSettings, readCoreSettings } from './osquery/core-settings.ts';
import { followCore, followSchedule, warnAboutCore } from './osquery/follow-core.ts';
import type { OperatorLog } from './osquery/operator-log.ts';
import { RunningQuery, readingQuery } from './osquery/running-query.ts';
import { Schedule } from './osquery/schedule.ts';
import { namesInCore, nativeTables } from './osquery/table-names.ts';
import { statusRow } from './status-row.ts';
import { Telemetry } from './telemetry.ts';

const CONNECT_RETRY_MS = 50;
/** Least milliseconds between two reports of losses. */
const LOSS_REPORT_MS = 60_000;

export interface EventExtensionOptions {
  readonly name: string;
  readonly version: string;
  /** Core's extension socket. */
  readonly socket: string;
  /** Seconds to wait for core. */
  readonly timeout: number;
  /** Seconds between looks at core and its settings. */
  readonly interval: number;
  /** Files to read instead of the kernel. */
  readonly replay: readonly string[];
  /** Flags given by hand: they win over core's. */
  readonly overrides: ReadonlyMap<string, string>;
  readonly log: OperatorLog;
  /** Something to tell as soon as core listens. */
  readonly warning?: string;
  /** Starts this program once more. */
  readonly bridgeKeeper: BridgeKeeper;
  /** Raw records, for audit_debug. */
  readonly onRaw: (text: string) => void;
  /** Stops the extension. */
  readonly signal: AbortSignal;
}

/**
 * The extension as a whole: settings from core, events from the source, tables in core, until one of them ends. The
 * source is closed, and audit as it was found, when this resolves or rejects.
 *
 * @throws the source's error if it cannot be opened or breaks off; OsqueryError if core does not take the tables
 */
export const runEventExtension = async (options: EventExtensionOptions): Promise<ExtensionEnd> => {
  const { log } = options;
  await using client = new ExtensionManagerClient({ socketPath: options.socket });
  const core = await untilConnected(options, () => readCoreSettings(client, options.overrides));
  log.relayTo(client, core.options.get('logger_plugin'));
  if (options.warning !== undefined) log.warn(options.warning);
  warnAboutSocket(options.socket, log);
  try {
    return await serve(options, client, core);
  } catch (error) {
    await log.relayFailure(error);
    throw error;
  }
};

const serve = async (
  options: EventExtensionOptions,
  client: ExtensionManagerClient,
  core: CoreSettings,
): Promise<ExtensionEnd> => {
  const { log } = options;
  const native = await nativeTables(client);
  const namesOf = (spec: TableSpec) => namesInCore(spec, { native, options: core.options });
  const eventSpecs = [...eventTables.map(({ spec }) => spec), processTelemetryEvents.spec];
  const followed = {
    client,
    overrides: options.overrides,
    atStart: core,
    tables: {
      nativeTables: native,
      standardNames: eventTables.map(({ spec }) => spec.name),
      registeredNames: [...eventSpecs.map(spec => namesOf(spec).map(({ name }) => name)), [auditStatus.name]],
    },
    log,
  };
  const seeSettings = warnAboutCore(followed);

  const isReplay = options.replay.length > 0;
  await using cleanup = new AsyncDisposableStack();
  const spill = isReplay
    ? new SpillFile(SPILL_DIRECTORY, {
        open: () =>
          log.inform(`rows that do not fit into memory go to a temporary file in ${SPILL_DIRECTORY}`),
        full: why => {
          log.warn(
            `rows do not fit into memory, and not into a temporary file in ${SPILL_DIRECTORY} (${why}): for each further one the oldest goes`,
          );
          store.freeze();
        },
      })
    : undefined;
  cleanup.defer(() => spill?.close());
  const store = new EventStore(eventSpecs, core.settings, { ageless: isReplay, spill });
  const bridging = isReplay ? undefined : await Bridging.open(core.settings, log);
  const { persistence, whyNot } = isReplay ? NOT_KEPT : await openPersistence(core, store, log);
  cleanup.defer(() => persistence?.close());
  const accounts = new CarriedCounters(persistence?.accounts);
  const telemetry = new Telemetry({
    origin: isReplay ? 'replay' : 'live',
    settings: core.settings,
    processBuffer: store.buffer(processEvents.spec.name),
    telemetryBuffer: store.buffer(processTelemetryEvents.spec.name),
    warn: message => log.warn(message),
    requestProcesses: () => source.ingest.sendProcesses(),
  });
  cleanup.defer(() => telemetry.close());
  await telemetry.start();

  const stop = new AbortController();
  let lastError: string | undefined;
  const socketEnds = isReplay ? undefined : await lookUpSockets(core, store, log);
  cleanup.defer(() => socketEnds?.close());
  persistence?.keepLate(processEvents.spec.name, telemetry.extras);
  if (socketEnds !== undefined) persistence?.keepLate(socketEvents.spec.name, socketEnds.extras);
  const source = await openSource(
    options,
    core,
    {
      onRows: batches => store.append(batches),
      onProcesses: batch => telemetry.offer(batch),
      onSockets: socketEnds && ((batch, leftOut) => socketEnds.offer(batch, leftOut)),
      onRaw: options.onRaw,
      onWarning: message => {
        lastError = message;
        log.warn(message);
      },
      onNotice: message => log.inform(message),
      onFailed: error => stop.abort(error),
    },
    {
      processes: core.settings.telemetry,
      nextEids: store.nextEids(),
      lastSerial: accounts.lastSerial,
      inherited: bridging?.inherited,
    },
  );
  // Not before: another instance that has the directory has the source too, and that is what is to be told.
  if (whyNot !== undefined) log.warn(whyNot);
  await bridging?.build(source, persistence?.path, options.bridgeKeeper);
  persistence?.onAnew(() => void bridging?.rebuild());
  let end: ExtensionEnd | undefined;
  let hasEnded = false;
  cleanup.defer(async () => {
    const how = bridging?.end(source, end) ?? 'restore';
    await source.close(how);
    hasEnded = how === 'restore';
  });
  // Every recorded event has been read: nothing more will come.
  if (isReplay) {
    await telemetry.close();
    warnAboutLeftOut(store, log);
  }
  const rowOf = (kernel: SourceStatus | undefined) =>
    statusRow({
      mode: source.mode,
      kernel: kernel?.kernel,
      kernelLostBefore: accounts.lostSince(source.kernelLostBefore),
      rules: kernel?.rules,
      buffers: store.buffers(),
      ingest: source.ingest.counters,
      telemetry: telemetry.counters,
      sockets: socketEnds?.counters,
      persistence,
      carried: accounts.carried,
      lastError,
    });
  const status = async () => {
    const row = rowOf(await source.status());
    accounts.see(row);
    return row;
  };
  persistence?.start(
    () => accounts.save(rowOf(undefined), source.ingest.progress, source.kernelLostBefore, hasEnded),
    () => source.ingest.progress,
  );

  // Connections of their own: a look at the schedule waits for the queries of a tick, and these wait for what is asked here.
  await using database = new ExtensionManagerClient({ socketPath: options.socket });
  await using scheduleClient = new ExtensionManagerClient({ socketPath: options.socket });
  const schedule = new Schedule(scheduleClient);
  const running = new RunningQuery(database);
  const asking = await seeThreads(cleanup);
  const plugins: Plugin[] = [
    ...store.plugins(
      namesOf,
      {
        execution: read => readingQuery(database, running, schedule, asking, read),
        readers: names => schedule.readersOf(names),
        saved: async () => persistence?.save(),
      },
      source.ingest,
      (table, context) => {
        switch (table) {
          case processEvents.spec.name:
            return telemetry.extrasFor(context);
          case socketEvents.spec.name:
            return socketEnds?.extrasFor(context);
          default:
            return undefined;
        }
      },
    ),
    new TablePlugin(auditStatus, { generate: async () => [await status()] }),
  ];
  const losses = new LossReport(accounts.carried);
  const following = new AbortController();
  const ended = Promise.all([
    repeat(
      options.interval * 1000,
      following.signal,
      followCore({ ...followed, store, source }, seeSettings),
    ),
    // At once: which queries there are decides on what is dropped.
    repeat(
      options.interval * 1000,
      following.signal,
      () => followSchedule(schedule, store, following.signal),
      { now: true },
    ),
    repeat(LOSS_REPORT_MS, following.signal, async () => {
      const lost = losses.next(await status());
      if (lost !== undefined) log.warn(lost);
    }),
  ]);
  cleanup.defer(async () => {
    following.abort();
    await ended;
  });
  const ending = await runExtension({
    name: options.name,
    version: options.version,
    plugins,
    socket: options.socket,
    timeout: options.timeout,
    interval: options.interval,
    onPing: () => running.announce(),
    signal: AbortSignal.any([options.signal, stop.signal]),
    ...(await refusingOtherUsers(log)),
  });
  if (stop.signal.aborted) throw stop.signal.reason;
  end = ending;
  return ending;
};

/** For files that may be large, and are gone after a restart at the latest. */
const SPILL_DIRECTORY = process.env.TMPDIR ?? '/var/tmp';

/** What is asked of a log is asked of all of it. */
const warnAboutLeftOut = (store: EventStore, log: OperatorLog): void => {
  for (const [table, { counters, rowCount }] of store.buffers()) {
    if (counters.evicted === 0) continue;
    log.warn(
      `${counters.evicted} of ${counters.appended} rows of ${table} are not there: --events_max and custom_audit_buffer_bytes leave room for ${rowCount}, the newest`,
    );
  }
};

/** Refusals told of at most: they are for whoever set up the socket, not for the log of every attempt. */
const REFUSALS_TOLD = 10;

/** @returns undefined where it cannot be seen which thread of core asks */
const seeThreads = async (cleanup: AsyncDisposableStack): Promise<AskingThread | undefined> => {
  if (process.platform !== 'linux') return undefined;
  const { openAskingThread } = await import('./osquery/open-asking-thread.ts');
  const opened = openAskingThread();
  if (opened !== undefined) cleanup.defer(opened.close);
  return opened?.asking;
};

/** What only Linux can ask is loaded there only. */
const refusingOtherUsers = async (log: OperatorLog): Promise<Pick<RunExtensionOptions, 'refusePeer'>> => {
  if (process.platform !== 'linux') return {};
  const { refuseOtherUsers } = await import('./osquery/refuse-other-users.ts');
  let told = 0;
  return {
    refusePeer: fd => {
      const why = refuseOtherUsers(fd);
      if (why !== undefined && told++ < REFUSALS_TOLD) log.warn(why);
      return why;
    },
  };
};

/** Whoever can put another socket in the place of core's, or of ours, can pretend to be it. */
const warnAboutSocket = (socket: string, log: OperatorLog): void => {
  try {
    trustedDirectory(dirname(socket));
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    log.warn(`others may take the place of osquery's extension socket: ${why}`);
  }
};

/** Without persistence events are in memory only, as in osquery itself. */
interface Keeping {
  readonly persistence?: Persistence;
  /** What to tell if it should have been, and is not. */
  readonly whyNot?: string;
}
const NOT_KEPT: Keeping = {};

const openPersistence = async (
  { settings }: CoreSettings,
  store: EventStore,
  log: OperatorLog,
): Promise<Keeping> => {
  if (settings.stateDirectory === '') return NOT_KEPT;
  try {
    const warn = (message: string): void => log.warn(message);
    return { persistence: await Persistence.open(settings.stateDirectory, store.tables(), warn) };
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    return {
      whyNot: `no state is kept, a restart loses the events in memory: ${why}; custom_audit_state_dir names another directory, or none`,
    };
  }
};

/** @returns undefined where connections cannot be looked up, or shall not be */
const lookUpSockets = async (
  { settings }: CoreSettings,
  store: EventStore,
  log: OperatorLog,
): Promise<LocalEndpoints | undefined> => {
  if (!settings.socketLookup || process.platform !== 'linux') return undefined;
  try {
    const { openLocalEndpoints } = await import('./open-local-endpoints.ts');
    return openLocalEndpoints(store.buffer(socketEvents.spec.name));
  } catch (error) {
    log.warn(`the local ends of connections are not looked up: ${error}`);
    return undefined;
  }
};

const openSource = (
  { replay }: EventExtensionOptions,
  { settings, options }: CoreSettings,
  handlers: IngestHandlers,
  ingest: LiveOptions,
): Promise<EventSource> => {
  if (replay.length > 0) return openReplaySource(replay, settings, handlers, ingest);
  // Core wants the socket itself, and would fight for it: both can have the events by multicast.
  const yields = options.get('disable_audit') === 'false' && settings.mode === 'auto';
  return openLiveSource(yields ? { ...settings, mode: 'multicast' } : settings, handlers, ingest);
};

/** Core opens its socket about when it starts its extensions. */
const untilConnected = async <T>(
  { timeout, signal }: EventExtensionOptions,
  ask: () => Promise<T>,
): Promise<T> => {
  const deadline = performance.now() + timeout * 1000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const retry =
        isOsqueryError(error, 'OSQUERY_CONNECT') && performance.now() < deadline && !signal.aborted;
      if (!retry) throw error;
      await sleep(CONNECT_RETRY_MS);
    }
  }
};

/** Does something every so often; that core does not answer is for the watch over core to judge. */
const repeat = async (
  ms: number,
  signal: AbortSignal,
  work: () => Promise<void>,
  { now = false } = {},
): Promise<void> => {
  for (let isFirst = true; ; isFirst = false) {
    if (!(isFirst && now)) await sleep(ms, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    try {
      await work();
    } catch (error) {
      if (!isOsqueryError(error)) throw error;
    }
  }
};
