/** The shell at a terminal: line editing, history, statements over several lines, Ctrl-C and Ctrl-D. */
import { clearLine, createInterface, cursorTo } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { OutputClosedError } from '../runtime/terminal/text-sink.ts';
import { DOT_COMMANDS } from './dot-commands.ts';
import type { History } from './history.ts';
import { MAX_HISTORY_LINES } from './history.ts';
import type { Session } from './session.ts';
import { StatementSplitter } from './statement-splitter.ts';

const PROMPT = 'osquery> ';
/** For the second line of a statement and those after it. */
const CONTINUED = '    ...> ';

/** Completes the names of commands and tables. */
const completer =
  (session: Session) =>
  (line: string): [string[], string] => {
    if (/^\s*\.\w*$/.test(line)) {
      const typed = line.trim();
      const names = DOT_COMMANDS.map(({ name }) => `.${name}`);
      return [names.filter(name => name.startsWith(typed)), typed];
    }
    const word = /\w+$/.exec(line)?.[0] ?? '';
    if (word === '') return [[], ''];
    const names = session.core.tables().flatMap(table => [table.name, ...table.views]);
    return [[...new Set(names)].filter(name => name.startsWith(word)).sort(), word];
  };

/** Lets others write a line while somebody types: `show` puts it above the line being typed. */
export interface LineNotices {
  show: (write: () => void) => void;
}

/** Resolves at `.exit`, Ctrl-D, or when `signal` fires. */
export const runInteractive = async (options: {
  readonly session: Session;
  readonly input: Readable;
  readonly output: Writable;
  readonly history: History;
  readonly notices: LineNotices;
  readonly signal: AbortSignal;
}): Promise<void> => {
  const { session, history, signal } = options;
  const splitter = new StatementSplitter();
  const ended = Promise.withResolvers<void>();
  const lines: string[] = [];
  let working = false;
  let closed = false;
  /** A command ended the shell: the cursor is at the start of a line. */
  let exiting = false;

  const reader = createInterface({
    input: options.input,
    output: options.output,
    terminal: true,
    prompt: PROMPT,
    history: [...history.lines],
    historySize: MAX_HISTORY_LINES,
    removeHistoryDuplicates: true,
    completer: completer(session),
  });

  const prompt = (): void => {
    if (closed) return;
    reader.setPrompt(splitter.pending ? CONTINUED : PROMPT);
    reader.prompt();
  };

  const showPlainly = options.notices.show;
  options.notices.show = write => {
    if (working || closed) return showPlainly(write);
    cursorTo(options.output, 0);
    clearLine(options.output, 1);
    write();
    reader.prompt(true);
  };

  const handleLine = async (line: string): Promise<boolean> => {
    for (const input of splitter.push(`${line}\n`)) {
      if ((await session.handle(input)) === 'exit') return false;
    }
    return true;
  };

  const work = async (): Promise<void> => {
    if (working) return;
    working = true;
    try {
      for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
        if (!(await handleLine(line))) {
          exiting = true;
          reader.close();
          ended.resolve();
          return;
        }
        if (lines.length === 0) prompt();
      }
      if (closed) ended.resolve();
    } catch (error) {
      reader.close();
      if (error instanceof OutputClosedError) ended.resolve();
      else ended.reject(error);
    } finally {
      working = false;
    }
  };

  reader.on('line', line => {
    history.add(line);
    lines.push(line);
    void work();
  });
  reader.on('SIGINT', () => {
    if (session.busy) {
      lines.length = 0;
      session.interrupt();
      return;
    }
    // Everything of the statement so far goes, as in other shells.
    splitter.reset();
    options.output.write('^C\n');
    reader.write(null, { ctrl: true, name: 'e' });
    reader.write(null, { ctrl: true, name: 'u' });
    prompt();
  });
  reader.on('close', () => {
    // Ctrl-D leaves the cursor behind the prompt.
    if (!exiting) options.output.write('\n');
    closed = true;
    if (!working) ended.resolve();
  });
  const onAbort = (): void => {
    session.interrupt();
    reader.close();
    ended.resolve();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  else {
    options.output.write("Using a virtual database. Need help, type '.help'\n");
    prompt();
  }
  try {
    await ended.promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    options.notices.show = showPlainly;
    reader.close();
  }
};
