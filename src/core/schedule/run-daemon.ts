/** The embedded core as a daemon: it runs a schedule, logs its results, and keeps the extension running. */

import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { listOf } from '../../flags/list-of.ts';
import { messageOf } from '../../runtime/message-of.ts';
import { escapeForTerminal } from '../../runtime/terminal/escape.ts';
import { createTextSink } from '../../runtime/terminal/text-sink.ts';
import { CoreOptions } from '../core-options.ts';
import { CoreDatabase } from '../database.ts';
import { type CoreLog, EmbeddedCore } from '../embedded-core.ts';
import type { ExtensionCommand, ExtensionProcessOptions } from '../extension-process.ts';
import { HostedExtension } from '../hosted-extension.ts';
import type { NativeTable } from '../native-table.ts';
import { createSocketDirectory, type SocketDirectory } from '../socket-directory.ts';
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
  /** Extensions to start; several, because `--extensions_autoload` may name several. */
  readonly extensions: readonly ExtensionCommand[];
  /** Warnings to log first. */
  readonly warnings?: readonly string[];
  /** Configurations and packs to run; without any, `--config_path`. */
  readonly schedule?: readonly string[];
  /** Runs every query at this interval in seconds instead of its own. */
  readonly everySeconds?: number;
  /** Seconds from the start of the extensions to the configuration, which a fleet manager may take to answer. */
  readonly configDelaySeconds?: number;
  /** More tables of core's own. */
  readonly nativeTables?: readonly NativeTable[];
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

/** Runs until it is told to stop; resolves with the exit status. Rejects if it cannot start. */
export const runDaemon = async (options: RunDaemonOptions): Promise<number> => {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  for (const signal of SIGNALS) process.on(signal, stop);
  options.signal?.addEventListener('abort', stop, { once: true });
  if (options.signal?.aborted) stop();
  try {
    await using daemon = new Daemon(options);
    return await daemon.run(stopping.signal);
  } finally {
    for (const signal of SIGNALS) process.removeListener(signal, stop);
    options.signal?.removeEventListener('abort', stop);
  }
};

class Daemon {
  readonly #given: RunDaemonOptions;
  readonly #clock: Clock;
  readonly #options: CoreOptions;
  readonly #loggers: ReadonlyMap<string, OwnLogger>;
  readonly #directory: SocketDirectory | undefined;
  readonly #database: CoreDatabase;
  readonly #core: EmbeddedCore;
  readonly #scheduler: Scheduler;
  readonly #extensions: readonly HostedExtension[];
  readonly #isVerbose: boolean;
  #configuration = NOT_YET;
  #schedule: readonly ScheduledQuery[] = [];
  /** When the configuration was last read, in seconds since the epoch. */
  #refreshed = 0;

  /** @throws ConfigurationError, and the errors of `fs`, before anything is started */
  constructor(given: RunDaemonOptions) {
    this.#given = given;
    this.#clock = given.clock ?? realClock;
    this.#options = new CoreOptions(given.coreFlags);
    this.#isVerbose = this.#options.bool('verbose');
    this.#loggers = ownLoggers(this.#options, given.stdout, this.#clock.now);
    for (const warning of given.warnings ?? []) this.#log('warning', warning);
    // Reports an unusable configuration before anything is started.
    loadConfiguration(given, this.#options);
    this.#directory = this.#options.isGiven('extensions_socket') ? undefined : createSocketDirectory();
    const onDisk = this.#options.isGiven('database_path') && !this.#options.bool('disable_database');
    this.#database = new CoreDatabase(onDisk ? this.#options.text('database_path') : undefined);
    const scheduleLock = new ScheduleLock();
    this.#core = this.#createCore(scheduleLock);
    this.#scheduler = this.#createScheduler(scheduleLock);
    this.#extensions = given.extensions.map(
      command =>
        new HostedExtension({
          core: this.#core,
          options: this.#options,
          command,
          log: this.#log,
          ...(given.extensionStdio === undefined ? {} : { stdio: given.extensionStdio }),
        }),
    );
  }

  async run(stopping: AbortSignal): Promise<number> {
    if (this.#options.bool('disable_extensions')) {
      this.#log('warning', 'Extensions are disabled: use --disable_extensions=false to start them');
    } else {
      await this.#startExtensions(stopping);
    }
    // As in core, extensions start before it has its configuration, and get the options later.
    await this.#clock.sleep((this.#given.configDelaySeconds ?? 0) * 1000, stopping);
    this.#takeOver(loadConfiguration(this.#given, this.#options));
    this.#refreshed = Math.floor(this.#clock.now() / 1000);
    this.#log(
      'info',
      `Schedule of ${this.#schedule.length} queries, extensions at ${this.#options.text('extensions_socket')}`,
    );
    await this.#scheduler.run(stopping);
    return 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#extensions.map(extension => extension.stop()));
    await this.#core.close();
    this.#database.close();
    this.#directory?.remove();
  }

  readonly #log: CoreLog = (level, message) => {
    if (level === 'verbose' && !this.#isVerbose) return;
    const severity = { verbose: 0, info: 0, warning: 1, error: 2 }[level];
    const time = new Date(this.#clock.now()).toISOString();
    const line = `${'IWE'[severity]} ${time} ${process.pid}] ${escapeForTerminal(message)}\n`;
    this.#given.stderr.write(line);
    for (const { status } of this.#loggers.values())
      status.write([{ severity, message, file: 'core', line: 0 }]);
  };

  #createCore(scheduleLock: ScheduleLock): EmbeddedCore {
    return new EmbeddedCore({
      options: this.#options,
      database: this.#database,
      socketPath: this.#socketPath(),
      log: this.#log,
      nativeTables: this.#given.nativeTables ?? [],
      loggers: new Map(
        [...this.#loggers].map(([name, logs]) => [name, request => callLogger(logs, request)]),
      ),
      schedule: () => this.#scheduler.entries(),
      packs: () => this.#configuration.packs.map(pack => ({ ...pack, active: true })),
      configSources: () => this.#configuration.sources,
      configHash: () => (this.#configuration === NOT_YET ? '' : hashOf(this.#configuration)),
      scheduleLock,
      now: this.#clock.now,
    });
  }

  /** Where core listens. Makes the directory. */
  #socketPath(): string {
    const path = this.#directory?.socketPath ?? this.#options.text('extensions_socket');
    if (this.#directory !== undefined) this.#options.set('extensions_socket', path);
    else mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return path;
  }

  #createScheduler(lock: ScheduleLock): Scheduler {
    const options = this.#options;
    return new Scheduler({
      schedule: () => this.#schedule,
      query: (sql, signal) => this.#core.query(sql, signal, { isScheduled: true }),
      lock,
      database: this.#database,
      results: resultLogs(options, this.#core, this.#loggers),
      log: this.#log,
      clock: this.#clock,
      hostIdentifier: () => hostIdentifier(options),
      eventsOptimize: () => options.bool('events_optimize'),
      numericMonitoring: () => options.bool('enable_numeric_monitoring'),
      epoch: () => options.number('schedule_epoch'),
      maxDriftSeconds: () => options.number('schedule_max_drift'),
      packRefreshSeconds: () => options.number('pack_refresh_interval'),
      onSecond: second => this.#refresh(second),
    });
  }

  /** Waits for the extensions as long as core does. Afterwards the schedule runs with or without them. */
  async #startExtensions(stopping: AbortSignal): Promise<void> {
    await this.#core.start();
    const timeout = AbortSignal.timeout(this.#options.number('extensions_timeout') * 1000);
    const signal = AbortSignal.any([timeout, stopping]);
    const registered = Promise.all(this.#extensions.map(() => this.#core.nextExtension(signal)));
    for (const extension of this.#extensions) extension.startSupervised();
    await registered.catch(() => {
      if (!stopping.aborted) this.#log('warning', 'No extension has registered yet');
    });
  }

  /** Reads the configuration again, as often as config_refresh says. */
  #refresh(second: number): void {
    const refreshSeconds = this.#options.number('config_refresh');
    if (refreshSeconds === 0 || second - this.#refreshed < refreshSeconds) return;
    this.#refreshed = second;
    const before = hashOf(this.#configuration);
    try {
      const next = loadConfiguration(this.#given, this.#options);
      if (hashOf(next) === before) return;
      this.#takeOver(next);
      this.#log('info', 'Configuration has changed');
    } catch (error) {
      this.#log('error', `Configuration stays as it is: ${messageOf(error)}`);
    }
  }

  #takeOver(next: Configuration): void {
    this.#configuration = next;
    for (const warning of next.warnings) this.#log('warning', warning);
    applyOptions(next, this.#options, this.#log);
    this.#schedule = buildSchedule({
      configuration: next,
      database: this.#database,
      host: { platform: process.platform, hostname: hostname() },
      packDelimiter: this.#options.text('pack_delimiter'),
      splayPercent: this.#options.number('schedule_splay_percent'),
      everySeconds: this.#given.everySeconds,
    });
  }
}

/** Core's configuration before it has read one. */
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
  // The content of the packs' own files counts too.
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

/** One log for each name in `logger_plugin`. A name that core does not have belongs to an extension. */
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
