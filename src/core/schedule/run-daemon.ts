/** The embedded core as a daemon: a schedule, its results in a log, and the extension kept running. */

import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { listOf } from '../../flags/list-of.ts';
import { escapeForTerminal } from '../../runtime/terminal/escape.ts';
import { createTextSink } from '../../runtime/terminal/text-sink.ts';
import { CoreOptions } from '../core-options.ts';
import { CoreDatabase } from '../database.ts';
import { type CoreLog, EmbeddedCore } from '../embedded-core.ts';
import type { ExtensionCommand, ExtensionProcessOptions } from '../extension-process.ts';
import { HostedExtension } from '../hosted-extension.ts';
import { createSocketDirectory } from '../socket-directory.ts';
import { type Configuration, parseConfiguration, realFiles } from './configuration.ts';
import { callLogger } from './logger-plugin.ts';
import { filesystemLog, pluginLog, type ResultLog, streamLog } from './result-log.ts';
import { buildSchedule, type ScheduledQuery } from './schedule.ts';
import { ScheduleLock } from './schedule-lock.ts';
import { type Clock, realClock, Scheduler } from './scheduler.ts';
import { filesystemStatusLog, type StatusLog, streamStatusLog } from './status-log.ts';

export interface RunDaemonOptions {
  /** Core's flags by name, as given on the command line or in a flag file. */
  readonly coreFlags: ReadonlyMap<string, string>;
  /** Started as an extension; several as `--extensions_autoload` may name. */
  readonly extensions: readonly ExtensionCommand[];
  /** What the log is to say first. */
  readonly warnings?: readonly string[];
  /** Configurations and packs to run; without any, `--config_path`. */
  readonly schedule?: readonly string[];
  /** Runs every query at this interval in seconds instead of its own. */
  readonly everySeconds?: number;
  /** Time from the start of the extensions to the configuration, which a manager of a fleet may take to answer. */
  readonly configDelaySeconds?: number;
  /** Do not own process_events, socket_events and user_events as a stock core on Linux does. */
  readonly withoutEventTables?: boolean;
  /** Stops the daemon; SIGTERM, SIGINT and SIGHUP do too. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WritableStream;
  readonly extensionStdio?: ExtensionProcessOptions['stdio'];
}

/** Flags that count only on the command line; core warns about them in a configuration. */
const CLI_ONLY =
  /^(?:extensions_|disable_extensions$|disable_tables$|enable_tables$|config_|database_path$|logger_plugin$|disable_watchdog$|pidfile$)/;

const SIGNALS: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGINT', 'SIGTERM'];

/** Runs until it is told to stop; resolves with the exit status. Rejects when it cannot start. */
export const runDaemon = async (options: RunDaemonOptions): Promise<number> => {
  const clock = options.clock ?? realClock;
  const coreOptions = new CoreOptions(options.coreFlags);
  const verbose = coreOptions.bool('verbose');
  const loggers = ownLoggers(coreOptions, options.stdout, clock.now);
  const log: CoreLog = (level, message) => {
    if (level === 'verbose' && !verbose) return;
    const severity = { verbose: 0, info: 0, warning: 1, error: 2 }[level];
    const time = new Date(clock.now()).toISOString();
    options.stderr.write(`${'IWE'[severity]} ${time} ${process.pid}] ${escapeForTerminal(message)}\n`);
    for (const { status } of loggers.values()) status.write([{ severity, message, file: 'core', line: 0 }]);
  };

  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  for (const signal of SIGNALS) process.on(signal, stop);
  options.signal?.addEventListener('abort', stop, { once: true });
  if (options.signal?.aborted) stop();

  for (const warning of options.warnings ?? []) log('warning', warning);
  // One that cannot be used is told of before anything is started.
  loadConfiguration(options, coreOptions);
  let configuration = NOT_YET;

  const directory = coreOptions.isGiven('extensions_socket') ? undefined : createSocketDirectory();
  const socketPath = directory?.socketPath ?? coreOptions.text('extensions_socket');
  if (directory !== undefined) coreOptions.set('extensions_socket', socketPath);
  else mkdirSync(dirname(socketPath), { recursive: true, mode: 0o700 });

  const onDisk = coreOptions.isGiven('database_path') && !coreOptions.bool('disable_database');
  const database = new CoreDatabase(onDisk ? coreOptions.text('database_path') : undefined);

  let schedule: readonly ScheduledQuery[] = [];
  const rebuild = (): void => {
    schedule = buildSchedule({
      configuration,
      database,
      host: { platform: process.platform, hostname: hostname() },
      packDelimiter: coreOptions.text('pack_delimiter'),
      splayPercent: coreOptions.number('schedule_splay_percent'),
      everySeconds: options.everySeconds,
    });
  };
  const takeOver = (next: Configuration): void => {
    configuration = next;
    for (const warning of next.warnings) log('warning', warning);
    applyOptions(next, coreOptions, log);
    rebuild();
  };

  const scheduleLock = new ScheduleLock();
  const core = new EmbeddedCore({
    options: coreOptions,
    database,
    socketPath,
    log,
    ownEventTables: !options.withoutEventTables,
    loggers: new Map([...loggers].map(([name, logs]) => [name, request => callLogger(logs, request)])),
    schedule: () => scheduler.entries(),
    packs: () => configuration.packs.map(pack => ({ ...pack, active: true })),
    configHash: () => (configuration === NOT_YET ? '' : hashOf(configuration)),
    scheduleLock,
    now: clock.now,
  });
  let refreshed = 0;
  const scheduler = new Scheduler({
    schedule: () => schedule,
    query: (sql, signal) => core.query(sql, signal, { isScheduled: true }),
    lock: scheduleLock,
    database,
    results: resultLogs(coreOptions, core, loggers),
    log,
    clock,
    hostIdentifier: () => hostIdentifier(coreOptions),
    eventsOptimize: () => coreOptions.bool('events_optimize'),
    numericMonitoring: () => coreOptions.bool('enable_numeric_monitoring'),
    epoch: () => coreOptions.number('schedule_epoch'),
    maxDriftSeconds: () => coreOptions.number('schedule_max_drift'),
    packRefreshSeconds: () => coreOptions.number('pack_refresh_interval'),
    onSecond: second => {
      const refreshSeconds = coreOptions.number('config_refresh');
      if (refreshSeconds === 0 || second - refreshed < refreshSeconds) return;
      refreshed = second;
      const before = hashOf(configuration);
      try {
        const next = loadConfiguration(options, coreOptions);
        if (hashOf(next) === before) return;
        takeOver(next);
        log('info', 'Configuration has changed');
      } catch (error) {
        log('error', `Configuration stays as it is: ${(error as Error).message}`);
      }
    },
  });
  const extensions = options.extensions.map(
    command =>
      new HostedExtension({
        core,
        options: coreOptions,
        command,
        log,
        ...(options.extensionStdio === undefined ? {} : { stdio: options.extensionStdio }),
      }),
  );
  try {
    if (coreOptions.bool('disable_extensions')) {
      log('warning', 'Extensions are disabled: --disable_extensions=false lets core start them');
    } else {
      await core.start();
      // Core waits this long for its extensions, then runs its schedule with or without them.
      const timeout = AbortSignal.timeout(coreOptions.number('extensions_timeout') * 1000);
      const signal = AbortSignal.any([timeout, stopping.signal]);
      const registered = Promise.all(extensions.map(() => core.nextExtension(signal)));
      for (const extension of extensions) extension.startSupervised();
      await registered.catch(() => {
        if (!stopping.signal.aborted) log('warning', 'No extension has registered yet');
      });
    }
    // As in core: extensions are there before it has its configuration, whose options they get later.
    await clock.sleep((options.configDelaySeconds ?? 0) * 1000, stopping.signal);
    takeOver(loadConfiguration(options, coreOptions));
    refreshed = Math.floor(clock.now() / 1000);
    log('info', `Schedule of ${schedule.length} queries, extensions at ${socketPath}`);
    await scheduler.run(stopping.signal);
    return 0;
  } finally {
    await Promise.all(extensions.map(extension => extension.stop()));
    await core.close();
    database.close();
    directory?.remove();
    for (const signal of SIGNALS) process.removeListener(signal, stop);
    options.signal?.removeEventListener('abort', stop);
  }
};

/** What core has before it has read its configuration. */
const NOT_YET: Configuration = { options: new Map(), packs: [], sources: new Map(), warnings: [] };

const loadConfiguration = (options: RunDaemonOptions, coreOptions: CoreOptions): Configuration => {
  const paths = options.schedule ?? [coreOptions.text('config_path')];
  const sources = new Map(paths.map(path => [path, realFiles.read(path)]));
  return parseConfiguration(sources, { defaultInterval: coreOptions.number('schedule_default_interval') });
};

const applyOptions = (configuration: Configuration, coreOptions: CoreOptions, log: CoreLog): void => {
  const known = coreOptions.list();
  for (const [name, value] of configuration.options) {
    if (CLI_ONLY.test(name)) {
      log(
        'warning',
        `The CLI only flag --${name} set via config file will be ignored, please use a flagfile`,
      );
    } else if (!name.startsWith('custom_') && !known.has(name)) {
      log('warning', `Cannot set unknown or invalid flag: ${name}`);
    } else {
      coreOptions.set(name, value);
    }
  }
};

const hashOf = (configuration: Configuration): string => {
  const hash = createHash('sha1');
  for (const text of configuration.sources.values()) hash.update(text);
  // What the packs' own files hold counts too.
  hash.update(JSON.stringify(configuration.packs));
  return hash.digest('hex');
};

const hostIdentifier = (coreOptions: CoreOptions): string => {
  const specified = coreOptions.text('specified_identifier');
  return coreOptions.text('host_identifier') === 'specified' && specified !== '' ? specified : hostname();
};

interface OwnLogger {
  readonly results: ResultLog;
  readonly status: StatusLog;
}

/** Those of core's own loggers that `logger_plugin` names. */
const ownLoggers = (
  coreOptions: CoreOptions,
  stdout: NodeJS.WriteStream,
  now: () => number,
): ReadonlyMap<string, OwnLogger> => {
  const loggers = new Map<string, OwnLogger>();
  if (coreOptions.bool('disable_logging')) return loggers;
  for (const name of loggerNames(coreOptions)) {
    if (name === 'filesystem') {
      const directory = coreOptions.text('logger_path');
      loggers.set(name, { results: filesystemLog(directory), status: filesystemStatusLog(directory, now) });
    } else if (name === 'stdout') {
      const { write } = createTextSink(stdout);
      loggers.set(name, { results: streamLog(write), status: streamStatusLog(text => void write(text)) });
    }
  }
  return loggers;
};

const loggerNames = (coreOptions: CoreOptions): readonly string[] =>
  listOf(coreOptions.text('logger_plugin'));

/** One log for each name in `logger_plugin`; a name that is not core's own is an extension's. */
const resultLogs = (
  coreOptions: CoreOptions,
  core: EmbeddedCore,
  own: ReadonlyMap<string, OwnLogger>,
): ResultLog => {
  if (coreOptions.bool('disable_logging')) return { write: async () => {} };
  const logs = loggerNames(coreOptions).map(
    name => own.get(name)?.results ?? pluginLog(request => core.call('logger', name, request)),
  );
  return {
    write: async (category, lines) => {
      for (const each of logs) await each.write(category, lines);
    },
  };
};
