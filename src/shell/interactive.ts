/** The shell at a terminal: line editing, history, statements over several lines, Ctrl-C and Ctrl-D. */
import type { Readable, Writable } from 'node:stream';
import { OutputClosedError } from '../runtime/terminal/text-sink.ts';
import { complete } from './completion.ts';
import { DOT_COMMANDS } from './dot-commands.ts';
import type { History } from './history.ts';
import { LineEditor } from './line-editor.ts';
import type { LineNotices } from './run-core.ts';
import type { Session } from './session.ts';
import { type StatementInput, StatementSplitter } from './statement-splitter.ts';

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
  readonly #editor: LineEditor;
  readonly #splitter = new StatementSplitter();
  readonly #ended = Promise.withResolvers<void>();
  /** What was entered and not handled yet. */
  readonly #texts: string[] = [];
  /** The beginning of a statement that does not stand in the editor. */
  #before = '';
  /** Whether a statement or command is running. */
  #working = false;
  #closed = false;
  /** Whether a command ended the shell; then the cursor is at the start of a line. */
  #exiting = false;

  constructor(options: InteractiveOptions) {
    this.#options = options;
    this.#session = options.session;
    this.#output = options.output;
    const { core } = options.session;
    this.#editor = new LineEditor({
      input: options.input,
      output: options.output,
      history: options.history.entries,
      complete: (before, after) =>
        complete(this.#before + before, after, { commands: DOT_COMMANDS, tables: core.tables() }),
      onText: text => {
        this.#texts.push(text);
        void this.#work();
      },
      onInterrupt: () => this.#onInterrupt(),
      onClose: () => {
        // Ctrl-D leaves the cursor behind the prompt.
        if (!this.#exiting) this.#output.write('\n');
        this.#closed = true;
        if (!this.#working) this.#ended.resolve();
      },
    });
  }

  async run(): Promise<void> {
    const { notices, signal } = this.#options;
    const showPlainly = notices.show;
    notices.show = write => {
      if (this.#working || this.#closed) showPlainly(write);
      else this.#editor.above(write);
    };
    const onAbort = (): void => {
      this.#session.interrupt();
      this.#editor.close();
      this.#ended.resolve();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else {
      this.#output.write("Using a virtual database. Need help, type '.help'\n");
      this.#editor.prompt();
    }
    try {
      await this.#ended.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      notices.show = showPlainly;
      this.#editor.close();
    }
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      for (let text = this.#texts.shift(); text !== undefined; text = this.#texts.shift()) {
        const inputs = this.#take(text);
        // Not later: readline has just moved to a new line, and nothing else may be written before it goes on.
        if (inputs.length === 0) this.#goOn();
        else {
          if (!(await this.#run(inputs))) {
            this.#exiting = true;
            this.#editor.close();
            this.#ended.resolve();
            return;
          }
          this.#goOn();
        }
      }
      if (this.#closed) this.#ended.resolve();
    } catch (error) {
      this.#editor.close();
      if (error instanceof OutputClosedError) this.#ended.resolve();
      else this.#ended.reject(error);
    } finally {
      this.#working = false;
    }
  }

  /** The statements and commands that a text completes; an unfinished one stays in the splitter. */
  #take(text: string): readonly StatementInput[] {
    const whole = this.#before + text;
    this.#before = '';
    this.#splitter.reset();
    const inputs = this.#splitter.push(`${whole}\n`);
    if (inputs.length > 0) {
      const entry = this.#splitter.pending ? inputs.map(input => input.text).join('\n') : whole;
      this.#editor.remember(entry);
      this.#options.history.add(entry.trim());
    }
    return inputs;
  }

  /** Resolves to false when the shell should end. */
  async #run(inputs: readonly StatementInput[]): Promise<boolean> {
    for (const input of inputs) {
      const outcome = await this.#session.handle(input);
      if (outcome === 'exit') return false;
      // Ctrl-C ends all that was entered.
      if (outcome === 'interrupted') break;
    }
    return true;
  }

  /** Shows the prompt, or the unfinished statement, unless more has been entered meanwhile. */
  #goOn(): void {
    if (this.#closed) return;
    const rest = this.#splitter.pending ? this.#splitter.text.replace(/\n$/, '') : '';
    if (this.#texts.length > 0) this.#before = rest === '' ? '' : `${rest}\n`;
    else if (rest === '') this.#editor.prompt();
    else if (!this.#editor.continueWith(rest)) this.#before = `${rest}\n`;
  }

  #onInterrupt(): void {
    if (this.#session.busy) {
      this.#texts.length = 0;
      this.#session.interrupt();
      return;
    }
    // The whole statement so far is dropped, as in other shells.
    this.#before = '';
    this.#splitter.reset();
    this.#editor.drop();
    this.#editor.prompt();
  }
}
