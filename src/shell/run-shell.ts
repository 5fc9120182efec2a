/**
 * Runs the shell from start to end: starts core and extension, takes statements in one of three ways, and stops
 * everything.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ReadStream, WriteStream } from 'node:tty';
import { CoreOptions } from '../core/core-options.ts';
import { CoreDatabase } from '../core/database.ts';
import { type CoreLog, EmbeddedCore } from '../core/embedded-core.ts';
import type { ExtensionCommand } from '../core/extension-process.ts';
import { ExtensionStartError, HostedExtension } from '../core/hosted-extension.ts';
import { createSocketDirectory } from '../core/socket-directory.ts';
import { PROGRAM } from '../runtime/program-name.ts';
import { escapeForTerminal } from '../runtime/terminal/escape.ts';
import { columnsOf, styleOf } from '../runtime/terminal/style.ts';
import { createTextSink, OutputClosedError } from '../runtime/terminal/text-sink.ts';
import { openHistory } from './history.ts';
import { type LineNotices, runInteractive } from './interactive.ts';
import type { OutputMode } from './output/print-settings.ts';
import { Session } from './session.ts';
import { runStream } from './stream-input.ts';

export interface RunShellOptions {
  /** Core's flags by name: the given ones, and defaults that differ from osquery's. */
  readonly coreFlags: ReadonlyMap<string, string>;
  readonly extension: ExtensionCommand;
  /** Whether the extension reads files before it registers. */
  readonly readsFiles?: boolean;
  /** `table` is osquery's default, for which there is no flag. */
  readonly mode: 'table' | 'json' | 'csv' | 'line';
  /** Runs this and ends; without it, statements come from `stdin`. */
  readonly sql?: string;
  readonly stdin: ReadStream | NodeJS.ReadStream;
  readonly stdout: WriteStream | NodeJS.WriteStream;
  readonly stderr: NodeJS.WritableStream & NodeJS.WriteStream;
}

/** Bytes of recorded event rows per request; an answer can have gigabytes. */
const PART_BYTES = 2 * 1024 * 1024;

/** Limit for the extension to register. */
const START_TIMEOUT_MS = 60_000;
/** The same limit if it reads files first; the extension itself shows the progress. */
const READING_TIMEOUT_MS = 7 * 24 * 60 * 60 * 1_000;

const HISTORY_FILE = '.osquery_audit_events_history';

const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/** The exit status of a program that a closed pipe ended. */
const STATUS_SIGPIPE = 128 + 13;

/** Runs the shell and resolves with its exit status. A signal stops it in order. */
export const runShell = async (options: RunShellOptions): Promise<number> => {
  const coreOptions = new CoreOptions(options.coreFlags);
  const notices: LineNotices = { show: write => write() };
  const log = createLog(options.stderr, coreOptions.bool('verbose'), notices);
  const directory = createSocketDirectory();
  const core = new EmbeddedCore({
    options: coreOptions,
    database: new CoreDatabase(),
    socketPath: directory.socketPath,
    log,
    ...(options.readsFiles === true ? { partBytes: PART_BYTES } : {}),
  });
  const extension = new HostedExtension({ core, options: coreOptions, command: options.extension, log });
  const signals = new ShellSignals(options.readsFiles === true, () => extension.interrupt());
  try {
    await core.start();
    await extension.start({
      timeoutMs: options.readsFiles === true ? READING_TIMEOUT_MS : START_TIMEOUT_MS,
      signal: signals.ending,
    });
    signals.isReading = false;
    const nullValue = coreOptions.text('nullvalue');
    const status = await takeStatements({ options, core, nullValue, notices, signal: signals.ending });
    return signals.status ?? status;
  } catch (error) {
    // This comes first, because the program may answer a closed pipe with a signal to itself.
    if (error instanceof OutputClosedError) return STATUS_SIGPIPE;
    if (signals.status !== undefined) return signals.status;
    if (!(error instanceof ExtensionStartError)) throw error;
    if (!error.isExplained) options.stderr.write(`${PROGRAM}: ${escapeForTerminal(error.message)}\n`);
    return error.status;
  } finally {
    await extension.stop();
    await core.close();
    directory.remove();
    signals.close();
  }
};

/** How the shell reacts to signals that end it. */
class ShellSignals {
  /** Whether the extension still reads files. Then Ctrl-C ends the reading and not the shell. */
  isReading: boolean;
  /** Exit status of the first signal. */
  status: number | undefined;
  readonly #ending = new AbortController();
  readonly #interruptReading: () => void;

  constructor(isReading: boolean, interruptReading: () => void) {
    this.isReading = isReading;
    this.#interruptReading = interruptReading;
    for (const signal of Object.keys(SIGNALS)) process.on(signal, this.#onSignal);
  }

  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  close(): void {
    for (const signal of Object.keys(SIGNALS)) process.removeListener(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGINT' && this.isReading) {
      this.isReading = false;
      this.#interruptReading();
      return;
    }
    this.status ??= 128 + (SIGNALS[signal] ?? 0);
    this.#ending.abort();
  };
}

const createLog =
  (stderr: NodeJS.WritableStream, verbose: boolean, notices: LineNotices): CoreLog =>
  (level, message) => {
    if (!verbose && (level === 'info' || level === 'verbose')) return;
    const label = { verbose: 'Info', info: 'Info', warning: 'Warning', error: 'Error' }[level];
    notices.show(() => stderr.write(`${label}: ${escapeForTerminal(message)}\n`));
  };

const takeStatements = async (context: {
  readonly options: RunShellOptions;
  readonly core: EmbeddedCore;
  readonly nullValue: string;
  readonly notices: LineNotices;
  readonly signal: AbortSignal;
}): Promise<number> => {
  const { options, core, nullValue, notices, signal } = context;
  const { stdin, stdout, stderr } = options;
  const mode: OutputMode = options.mode === 'table' ? 'pretty' : options.mode;
  const interactive = options.sql === undefined && stdin.isTTY === true;
  const session = new Session({
    core,
    out: createTextSink(stdout),
    errors: createTextSink(stderr),
    // osquery separates with the bar for `--csv` too.
    settings: {
      mode,
      nullValue,
      separator: '|',
      headers: true,
      bail: false,
      echo: false,
      timer: false,
      times: false,
    },
    terminal: stdout.isTTY === true,
    width: () => columnsOf(stdout),
    style: styleOf(stdout),
    errorStyle: styleOf(stderr),
    namesLines: !interactive && options.sql === undefined,
  });
  signal.addEventListener('abort', () => session.interrupt(), { once: true });
  if (options.sql !== undefined) {
    const text = options.sql.trim();
    const outcome = text.startsWith('.')
      ? await session.handle({ kind: 'command', text, line: 1 })
      : await session.execute(text);
    return outcome === 'failed' || outcome === 'interrupted' ? 1 : 0;
  }
  if (!interactive) return (await runStream(session, stdin, signal)) ? 0 : 1;
  const history = openHistory(join(homedir(), HISTORY_FILE));
  try {
    await runInteractive({ session, input: stdin, output: stdout, history, notices, signal });
  } finally {
    history.close();
  }
  return 0;
};
