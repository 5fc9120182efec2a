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
import { auditStatus } from '../../tables/audit_status.ts';
import { messageOf } from '../runtime/message-of.ts';
import { trustedDirectory } from '../runtime/trusted-directory.ts';
import type { BridgeKeeper } from './bridging.ts';
import { EventFlow, eventSpecs, type ReplayReading } from './event-flow.ts';
import type { AskingThread } from './osquery/asking-thread.ts';
import { type CoreSettings, readCoreSettings } from './osquery/core-settings.ts';
import { followSchedule, warnAboutCore } from './osquery/follow-core.ts';
import type { OperatorLog } from './osquery/operator-log.ts';
import { RememberedOptions } from './osquery/remembered-options.ts';
import { namesInCore, nativeTables } from './osquery/table-names.ts';

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
  /** How those are read. */
  readonly reading?: ReplayReading | undefined;
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
  const remembered = new RememberedOptions(client);
  const core = await untilConnected(options, () => readCoreSettings(client, remembered, options.overrides));
  log.relayTo(client, core.options.get('logger_plugin'));
  if (options.warning !== undefined) log.warn(options.warning);
  warnAboutSocket(options.socket, log);
  try {
    return await serve(options, client, remembered, core);
  } catch (error) {
    await log.relayFailure(error);
    throw error;
  }
};

const serve = async (
  options: EventExtensionOptions,
  client: ExtensionManagerClient,
  remembered: RememberedOptions,
  core: CoreSettings,
): Promise<ExtensionEnd> => {
  const { log } = options;
  const stop = new AbortController();
  const names = { native: await nativeTables(client), options: core.options };
  const seeSettings = warnAboutCore({
    atStart: core,
    nativeTables: names.native,
    registeredNames: new Map([
      ...eventSpecs.map(spec => [spec.name, namesInCore(spec, names).map(({ name }) => name)] as const),
      [auditStatus.name, [auditStatus.name]],
    ]),
    log,
  });
  const flow = await EventFlow.begin(core, {
    replay: options.replay,
    reading: options.reading,
    log,
    bridgeKeeper: options.bridgeKeeper,
    onRaw: options.onRaw,
    onFailed: error => stop.abort(error),
  });
  let end: ExtensionEnd | undefined;
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => flow.close(end));
  // Connections of their own: a look at the schedule waits for the queries of a tick, and these wait for what is asked here.
  const database = cleanup.use(new ExtensionManagerClient({ socketPath: options.socket }));
  const scheduleClient = cleanup.use(new ExtensionManagerClient({ socketPath: options.socket }));
  const schedule = new Schedule(scheduleClient);
  const running = new RunningQuery(database);
  const { asking, refusePeer } = await seeClients(core, log, cleanup);
  const plugins: Plugin[] = [
    ...flow.store.plugins(
      spec => namesInCore(spec, names),
      {
        execution: read => readingQuery(database, running, schedule, asking, read),
        readers: tableNames => schedule.readersOf(tableNames),
        saved: () => flow.saved(),
      },
      flow,
      (table, context) => flow.lateColumnsOf(table, context),
    ),
    new TablePlugin(auditStatus, { generate: async () => [await flow.status()] }),
  ];
  const following = new AbortController();
  const followed = Promise.all([
    repeat(options.interval * 1000, following.signal, async () => {
      const now = await readCoreSettings(client, remembered, options.overrides);
      await remembered.save(now.options);
      log.relayTo(client, now.options.get('logger_plugin'));
      seeSettings(now);
      await flow.changeTo(now);
    }),
    // At once: which queries there are decides on what is dropped.
    repeat(
      options.interval * 1000,
      following.signal,
      () => followSchedule(schedule, flow.store, following.signal),
      { now: true },
    ),
    repeat(LOSS_REPORT_MS, following.signal, async () => {
      const lost = await flow.losses();
      if (lost !== undefined) log.warn(lost);
    }),
  ]).catch((error: unknown) => stop.abort(error));
  cleanup.defer(async () => {
    following.abort();
    await followed;
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
    ...(refusePeer && { refusePeer }),
  });
  if (stop.signal.aborted) throw stop.signal.reason;
  end = ending;
  return ending;
};

/** Refusals told of at most: they are for whoever set up the socket, not for the log of every attempt. */
const REFUSALS_TOLD = 10;

/** What can be seen of who calls. */
interface SeenClients {
  /** undefined where it cannot be seen which thread of core asks. */
  readonly asking?: AskingThread | undefined;
  readonly refusePeer?: NonNullable<RunExtensionOptions['refusePeer']>;
}

/** What only Linux can ask is loaded there only. */
const seeClients = async (
  { options }: CoreSettings,
  log: OperatorLog,
  cleanup: AsyncDisposableStack,
): Promise<SeenClients> => {
  if (process.platform !== 'linux') return {};
  const { Clients } = await import('./osquery/clients.ts');
  const { openAskingThread } = await import('./osquery/open-asking-thread.ts');
  const clients = new Clients();
  // A core that keeps nothing on a disk may begin a query without a file being written.
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

/** Whoever can put another socket in the place of core's, or of ours, can pretend to be it. */
const warnAboutSocket = (socket: string, log: OperatorLog): void => {
  try {
    trustedDirectory(dirname(socket));
  } catch (error) {
    const why = messageOf(error);
    log.warn(`others may take the place of osquery's extension socket: ${why}`);
  }
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
