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
} from 'osquery-extension-ts';
import { RunningQuery, readingQuery, Schedule } from 'osquery-extension-ts/events';
import { auditLosses } from '../../tables/audit_losses.ts';
import { auditStatus } from '../../tables/audit_status.ts';
import type { LoaderProcess } from '../bpf/loader-process.ts';
import { warmIngest } from '../ingest/ingest.ts';
import { messageOf } from '../runtime/message-of.ts';
import { trustedDirectory } from '../runtime/trusted-directory.ts';
import type { BridgeKeeper } from './bridging.ts';
import { EventFlow, eventSpecs, type ReplayReading } from './event-flow.ts';
import type { CoreView } from './event-store.ts';
import type { AskingThread } from './osquery/asking-thread.ts';
import { type CoreSettings, type CoreSources, readCoreSettings } from './osquery/core-settings.ts';
import { followSchedule, warnAboutCore } from './osquery/follow-core.ts';
import type { OperatorLog } from './osquery/operator-log.ts';
import { RememberedOptions } from './osquery/remembered-options.ts';
import { namesInCore, nativeTables } from './osquery/table-names.ts';
import { WatchedFiles } from './osquery/watched-files.ts';

const CONNECT_RETRY_MS = 50;
/** Least milliseconds between two reports of losses, or of health. */
const LOSS_REPORT_MS = 60_000;

export interface EventExtensionOptions {
  readonly name: string;
  readonly version: string;
  /** Core's extension socket. */
  readonly socket: string;
  /** Seconds to wait for core. */
  readonly timeout: number;
  /** Seconds between two readings of core's settings. */
  readonly interval: number;
  /** Files to read instead of the kernel. */
  readonly replay: readonly string[];
  /** How to read those. */
  readonly reading?: ReplayReading | undefined;
  /** Flags given by hand: they win over core's. */
  readonly overrides: ReadonlyMap<string, string>;
  readonly log: OperatorLog;
  /** Logged as soon as core listens. */
  readonly warning?: string;
  /** Loads BPF programs; undefined if there can be none. */
  readonly loader?: LoaderProcess | undefined;
  /** How to start this program once more. */
  readonly bridgeKeeper: BridgeKeeper;
  /** Raw records, for audit_debug. */
  readonly onRaw: (text: string) => void;
  /** Stops the extension. */
  readonly signal: AbortSignal;
}

/**
 * The extension as a whole: settings from core, events from the source, tables in core, until one of them ends. When
 * this resolves or rejects, the source is closed, and audit is as it was found.
 *
 * @throws the source's error if it cannot be opened or breaks off; OsqueryError if core does not accept the tables
 */
export const runEventExtension = async (options: EventExtensionOptions): Promise<ExtensionEnd> => {
  const { log } = options;
  await using _warm = warmIngest();
  await using client = new ExtensionManagerClient({ socketPath: options.socket });
  const remembered = new RememberedOptions(client);
  // For recorded events, no configuration tells what was watched.
  const files =
    options.replay.length > 0 ? undefined : new WatchedFiles(client, message => log.warn(message));
  const sources = { client, remembered, files };
  const core = await untilConnected(options, () => readCoreSettings(sources, options.overrides));
  log.relayTo(client, core.options.get('logger_plugin'));
  if (options.warning !== undefined) log.warn(options.warning);
  warnAboutSocket(options.socket, log);
  try {
    return await serve(options, sources, core);
  } catch (error) {
    await log.relayFailure(error);
    throw error;
  }
};

const serve = async (
  options: EventExtensionOptions,
  sources: CoreSources,
  core: CoreSettings,
): Promise<ExtensionEnd> => {
  const { log } = options;
  const stop = new AbortController();
  const names = { native: await nativeTables(sources.client), options: core.options };
  const seeSettings = warnAboutCore({
    atStart: core,
    nativeTables: names.native,
    registeredNames: registeredNames(names),
    log,
  });
  const onFailed = (error: unknown): void => stop.abort(error);
  const { replay, reading, bridgeKeeper, onRaw, loader } = options;
  const flow = await EventFlow.begin(core, { replay, reading, log, bridgeKeeper, onRaw, onFailed, loader });
  let end: ExtensionEnd | undefined;
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => flow.close(end));
  // Separate connections: reading the schedule waits for the queries of a tick, and those wait for the calls on the
  // other connection.
  const database = cleanup.use(new ExtensionManagerClient({ socketPath: options.socket }));
  const scheduleClient = cleanup.use(new ExtensionManagerClient({ socketPath: options.socket }));
  const schedule = new Schedule(scheduleClient);
  const running = new RunningQuery(database);
  const { asking, refusePeer } = await seeClients(core, log, cleanup);
  const plugins = tablesOf(flow, names, {
    execution: read => readingQuery(read, { client: database, running, schedule, asking }),
    readers: tableNames => schedule.readersOf(tableNames),
    saved: () => flow.saved(),
  });
  cleanup.use(
    follow({
      intervalMs: options.interval * 1000,
      flow,
      schedule,
      log,
      onCoreLook: async () => {
        const now = await readCoreSettings(sources, options.overrides);
        await sources.remembered.save(now.options);
        log.relayTo(sources.client, now.options.get('logger_plugin'));
        seeSettings(now);
        await flow.changeTo(now);
      },
      onFailed,
    }),
  );
  const { name, version, socket, timeout, interval } = options;
  const ending = await runExtension({
    name,
    version,
    plugins,
    socket,
    timeout,
    interval,
    onPing: () => running.announce(),
    // Not before: core waits for the tables.
    onRegistered: () => void flow.loadPrograms(),
    signal: AbortSignal.any([options.signal, stop.signal]),
    ...(refusePeer && { refusePeer }),
  });
  if (stop.signal.aborted) throw stop.signal.reason;
  end = ending;
  return ending;
};

type NativeNames = Parameters<typeof namesInCore>[1];

/** The names in core of each table, by standard name. */
const registeredNames = (names: NativeNames): ReadonlyMap<string, readonly string[]> =>
  new Map([
    ...eventSpecs.map(spec => [spec.name, namesInCore(spec, names).map(({ name }) => name)] as const),
    [auditStatus.name, [auditStatus.name]],
  ]);

/** The event tables, under the names that are free in core, audit_status and audit_losses. */
const tablesOf = (flow: EventFlow, names: NativeNames, core: CoreView): readonly Plugin[] => [
  ...flow.store.plugins(
    spec => namesInCore(spec, names),
    core,
    flow,
    (table, context) => flow.lateColumnsOf(table, context),
  ),
  new TablePlugin(auditStatus, { generate: async () => [await flow.status()] }),
  new TablePlugin(auditLosses, { generate: () => flow.lossRows() }),
];

interface FollowOptions {
  readonly intervalMs: number;
  readonly flow: EventFlow;
  readonly schedule: Schedule;
  readonly log: OperatorLog;
  /** Reads core's settings and takes them over. */
  readonly onCoreLook: () => Promise<void>;
  readonly onFailed: (error: unknown) => void;
}

/** Reads core's settings and schedule, and reports losses and health, at an interval. */
const follow = ({
  intervalMs,
  flow,
  schedule,
  log,
  onCoreLook,
  onFailed,
}: FollowOptions): AsyncDisposable => {
  const following = new AbortController();
  const { signal } = following;
  const followed = Promise.all([
    repeat(intervalMs, signal, onCoreLook),
    // At once, because the set of queries decides what is dropped.
    repeat(intervalMs, signal, () => followSchedule(schedule, flow.store, signal), { now: true }),
    repeat(LOSS_REPORT_MS, signal, async () => {
      const lost = await flow.losses();
      if (lost !== undefined) log.warn(lost);
      const health = await flow.health();
      if (health !== undefined) log.inform(health);
    }),
  ]).catch(onFailed);
  return {
    async [Symbol.asyncDispose]() {
      following.abort();
      await followed;
    },
  };
};

/**
 * Most refusals that are logged: they are meant for the person who set up the socket, and not to record every
 * attempt.
 */
const REFUSALS_TOLD = 10;

/** What can be determined about callers. */
interface SeenClients {
  /** undefined if it cannot be determined which thread of core asks. */
  readonly asking?: AskingThread | undefined;
  readonly refusePeer?: NonNullable<RunExtensionOptions['refusePeer']>;
}

/** What only Linux supports is loaded only there. */
const seeClients = async (
  { options }: CoreSettings,
  log: OperatorLog,
  cleanup: AsyncDisposableStack,
): Promise<SeenClients> => {
  if (process.platform !== 'linux') return {};
  const { Clients } = await import('./osquery/clients.ts');
  const { openAskingThread } = await import('./osquery/open-asking-thread.ts');
  const clients = new Clients();
  // A core without a database on disk may begin a query without writing to a file.
  const opened = openAskingThread(clients, { marks: options.get('disable_database') !== 'true' });
  if (opened !== undefined) cleanup.defer(opened.close);
  let told = 0;
  const refusePeer = (fd: number): string | undefined => {
    const why = clients.refuse(fd);
    if (why !== undefined && told++ < REFUSALS_TOLD) log.warn(why);
    return why;
  };
  return { asking: opened?.asking, refusePeer };
};

/** A process that can replace core's socket, or ours, can impersonate it. */
const warnAboutSocket = (socket: string, log: OperatorLog): void => {
  try {
    trustedDirectory(dirname(socket));
  } catch (error) {
    const why = messageOf(error);
    log.warn(`other users may replace osquery's extension socket: ${why}`);
  }
};

/** Core opens its socket at about the time when it starts its extensions. */
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

/** Runs work at an interval. If core does not answer, runExtension decides what follows. */
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
