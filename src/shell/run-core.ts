/** Starts an embedded core and the extension, does work on them, and stops everything in order. */
import { CoreOptions } from '../core/core-options.ts';
import { CoreDatabase } from '../core/database.ts';
import { type CoreLog, EmbeddedCore } from '../core/embedded-core.ts';
import type { ExtensionCommand } from '../core/extension-process.ts';
import { ExtensionStartError, HostedExtension } from '../core/hosted-extension.ts';
import { createSocketDirectory } from '../core/socket-directory.ts';
import { PROGRAM } from '../runtime/program-name.ts';
import { escapeForTerminal } from '../runtime/terminal/escape.ts';
import { OutputClosedError } from '../runtime/terminal/text-sink.ts';
import { EndingSignals, STATUS_SIGPIPE } from './ending-signals.ts';

export interface RunCoreOptions {
  /** Core's flags by name: the given ones, and defaults that differ from osquery's. */
  readonly coreFlags: ReadonlyMap<string, string>;
  readonly extension: ExtensionCommand;
  /** Whether the extension reads files before it registers. */
  readonly readsFiles?: boolean;
  readonly stderr: NodeJS.WritableStream;
}

/** What the work has. */
export interface RunningCore {
  readonly core: EmbeddedCore;
  readonly options: CoreOptions;
  readonly notices: LineNotices;
  /** Of the extension; it changes when that is started again. */
  readonly extensionPid: () => number | undefined;
  readonly signals: EndingSignals;
}

/** Lets other code write a line while the user types: `show` prints it above the line being typed. */
export interface LineNotices {
  show: (write: () => void) => void;
}

/** Bytes of recorded event rows per request; an answer can have gigabytes. */
const PART_BYTES = 2 * 1024 * 1024;

/** Limit for the extension to register. */
const START_TIMEOUT_MS = 60_000;
/** The same limit if it reads files first; the extension itself shows the progress. */
const READING_TIMEOUT_MS = 7 * 24 * 60 * 60 * 1_000;

/** Resolves with the exit status: that of the work, or of what ended it. A signal stops it in order. */
export const runOnCore = async (
  options: RunCoreOptions,
  work: (running: RunningCore) => Promise<number>,
): Promise<number> => {
  const coreOptions = new CoreOptions(options.coreFlags);
  const notices: LineNotices = { show: write => write() };
  const log = createLog(options.stderr, coreOptions.bool('verbose'), notices);
  const directory = createSocketDirectory();
  const readsFiles = options.readsFiles === true;
  const core = new EmbeddedCore({
    options: coreOptions,
    database: new CoreDatabase(),
    socketPath: directory.socketPath,
    log,
    ...(readsFiles ? { partBytes: PART_BYTES } : {}),
  });
  const extension = new HostedExtension({ core, options: coreOptions, command: options.extension, log });
  const signals = new EndingSignals();
  // While the extension reads files, Ctrl-C ends the reading and nothing else.
  if (readsFiles) signals.onceInterrupted(() => extension.interrupt());
  try {
    await core.start();
    await extension.start({
      timeoutMs: readsFiles ? READING_TIMEOUT_MS : START_TIMEOUT_MS,
      signal: signals.ending,
    });
    signals.onceInterrupted(undefined);
    const status = await work({
      core,
      options: coreOptions,
      notices,
      extensionPid: () => extension.pid,
      signals,
    });
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

const createLog =
  (stderr: NodeJS.WritableStream, verbose: boolean, notices: LineNotices): CoreLog =>
  (level, message) => {
    if (!verbose && (level === 'info' || level === 'verbose')) return;
    const label = { verbose: 'Info', info: 'Info', warning: 'Warning', error: 'Error' }[level];
    notices.show(() => stderr.write(`${label}: ${escapeForTerminal(message)}\n`));
  };
