/** Runs the shell from start to end: takes statements in one of three ways. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ReadStream, WriteStream } from 'node:tty';
import { columnsOf, styleOf } from '../runtime/terminal/style.ts';
import { createTextSink } from '../runtime/terminal/text-sink.ts';
import { openHistory } from './history.ts';
import { runInteractive } from './interactive.ts';
import type { OutputMode } from './output/print-settings.ts';
import { type RunCoreOptions, type RunningCore, runOnCore } from './run-core.ts';
import { Session } from './session.ts';
import { runStream } from './stream-input.ts';

export interface RunShellOptions extends RunCoreOptions {
  /** `table` is osquery's default, for which there is no flag. */
  readonly mode: 'table' | 'json' | 'csv' | 'line';
  /** Runs this and ends; without it, statements come from `stdin`. */
  readonly sql?: string;
  readonly stdin: ReadStream | NodeJS.ReadStream;
  readonly stdout: WriteStream | NodeJS.WriteStream;
  readonly stderr: NodeJS.WritableStream & NodeJS.WriteStream;
}

const HISTORY_FILE = '.osquery_audit_events_history';

/** Runs the shell and resolves with its exit status. A signal stops it in order. */
export const runShell = (options: RunShellOptions): Promise<number> =>
  runOnCore(options, running => takeStatements(options, running));

const takeStatements = async (options: RunShellOptions, running: RunningCore): Promise<number> => {
  const { core, notices, signals } = running;
  const signal = signals.ending;
  const nullValue = running.options.text('nullvalue');
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
