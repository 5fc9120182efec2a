/** The shell at a terminal: line editing, history, statements over several lines, Ctrl-C and Ctrl-D. */
import { clearLine, createInterface, cursorTo, type Interface } from 'node:readline';
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

/** Lets other code write a line while the user types: `show` prints it above the line being typed. */
export interface LineNotices {
  show: (write: () => void) => void;
}

export interface InteractiveOptions {
  readonly session: Session;
  readonly input: Readable;
  readonly output: Writable;
  readonly history: History;
  readonly notices: LineNotices;
  readonly signal: AbortSignal;
}

/** Resolves at `.exit`, Ctrl-D, or when `signal` fires. */
export const runInteractive = (options: InteractiveOptions): Promise<void> => new Terminal(options).run();

class Terminal {
  readonly #session: Session;
  readonly #output: Writable;
  readonly #options: InteractiveOptions;
  readonly #reader: Interface;
  readonly #splitter = new StatementSplitter();
  readonly #ended = Promise.withResolvers<void>();
  readonly #lines: string[] = [];
  /** Whether a statement or command is running. */
  #working = false;
  #closed = false;
  /** Whether a command ended the shell; then the cursor is at the start of a line. */
  #exiting = false;

  constructor(options: InteractiveOptions) {
    this.#options = options;
    this.#session = options.session;
    this.#output = options.output;
    this.#reader = createInterface({
      input: options.input,
      output: options.output,
      terminal: true,
      prompt: PROMPT,
      history: [...options.history.lines],
      historySize: MAX_HISTORY_LINES,
      removeHistoryDuplicates: true,
      completer: completer(options.session),
    });
    this.#reader.on('line', line => {
      options.history.add(line);
      this.#lines.push(line);
      void this.#work();
    });
    this.#reader.on('SIGINT', () => this.#onInterrupt());
    this.#reader.on('close', () => {
      // Ctrl-D leaves the cursor behind the prompt.
      if (!this.#exiting) this.#output.write('\n');
      this.#closed = true;
      if (!this.#working) this.#ended.resolve();
    });
  }

  async run(): Promise<void> {
    const { notices, signal } = this.#options;
    const showPlainly = notices.show;
    notices.show = write => this.#show(write, showPlainly);
    const onAbort = (): void => {
      this.#session.interrupt();
      this.#reader.close();
      this.#ended.resolve();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else {
      this.#output.write("Using a virtual database. Need help, type '.help'\n");
      this.#prompt();
    }
    try {
      await this.#ended.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      notices.show = showPlainly;
      this.#reader.close();
    }
  }

  #prompt(): void {
    if (this.#closed) return;
    this.#reader.setPrompt(this.#splitter.pending ? CONTINUED : PROMPT);
    this.#reader.prompt();
  }

  /** Writes above the line that is being typed. */
  #show(write: () => void, showPlainly: LineNotices['show']): void {
    if (this.#working || this.#closed) {
      showPlainly(write);
      return;
    }
    cursorTo(this.#output, 0);
    clearLine(this.#output, 1);
    write();
    this.#reader.prompt(true);
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
        if (!(await this.#handleLine(line))) {
          this.#exiting = true;
          this.#reader.close();
          this.#ended.resolve();
          return;
        }
        if (this.#lines.length === 0) this.#prompt();
      }
      if (this.#closed) this.#ended.resolve();
    } catch (error) {
      this.#reader.close();
      if (error instanceof OutputClosedError) this.#ended.resolve();
      else this.#ended.reject(error);
    } finally {
      this.#working = false;
    }
  }

  /** Resolves to false when the shell should end. */
  async #handleLine(line: string): Promise<boolean> {
    for (const input of this.#splitter.push(`${line}\n`)) {
      if ((await this.#session.handle(input)) === 'exit') return false;
    }
    return true;
  }

  #onInterrupt(): void {
    if (this.#session.busy) {
      this.#lines.length = 0;
      this.#session.interrupt();
      return;
    }
    // The whole statement so far is dropped, as in other shells.
    this.#splitter.reset();
    this.#output.write('^C\n');
    this.#reader.write(null, { ctrl: true, name: 'e' });
    this.#reader.write(null, { ctrl: true, name: 'u' });
    this.#prompt();
  }
}
