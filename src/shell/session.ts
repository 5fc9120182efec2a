/** One user of the shell: output settings, statements and commands. */

import type { EmbeddedCore } from '../core/embedded-core.ts';
import { sqliteDouble } from '../core/format-value.ts';
import { decodeRows } from '../core/sql/result-codec.ts';
import { SqlError } from '../core/sql/sql-engine.ts';
import { messageOf } from '../runtime/message-of.ts';
import { escapeForTerminal } from '../runtime/terminal/escape.ts';
import { PLAIN, type Style } from '../runtime/terminal/style.ts';
import { OutputClosedError, type TextSink } from '../runtime/terminal/text-sink.ts';
import { decodeUtf8 } from '../runtime/utf8.ts';
import type { CommandSession, InputOutcome, SessionSettings } from './command-session.ts';
import { runDotCommand } from './dot-commands.ts';
import { datesIn } from './output/date-text.ts';
import type { PrintSettings } from './output/print-settings.ts';
import { createPrinter } from './output/printer.ts';
import { MAX_STATEMENT_LENGTH, type StatementInput } from './statement-splitter.ts';

export interface SessionOptions {
  readonly core: EmbeddedCore;
  readonly out: TextSink;
  readonly errors: TextSink;
  readonly settings: SessionSettings;
  /** Whether output goes to a terminal. */
  readonly terminal: boolean;
  /** Columns of the terminal, which change with its window. */
  readonly width?: () => number | undefined;
  readonly style?: Style;
  readonly errorStyle?: Style;
  /** Whether errors name the line on which the statement began. */
  readonly namesLines: boolean;
}

export class Session implements CommandSession {
  readonly core: EmbeddedCore;
  readonly settings: SessionSettings;
  readonly #options: SessionOptions;
  #running: AbortController | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.core = options.core;
    this.settings = options.settings;
  }

  /** True while a statement runs. */
  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** Ends the running statement, if there is one. */
  interrupt(): void {
    this.#running?.abort();
  }

  /** Writes a line. Control characters in it are shown as text. */
  async print(line: string): Promise<void> {
    await this.#options.out.write(`${escapeForTerminal(line)}\n`);
  }

  async printError(message: string): Promise<void> {
    const { errors, errorStyle = PLAIN } = this.#options;
    await errors.write(`${escapeForTerminal(message).replace(/^Error:/, errorStyle.bad)}\n`);
  }

  /** Runs a statement or command; rejects only with OutputClosedError. */
  async handle(input: StatementInput): Promise<InputOutcome> {
    if (input.kind === 'tooLong') {
      await this.printError(
        `Error: the statement on line ${input.line} is too long; expected at most ${MAX_STATEMENT_LENGTH} characters`,
      );
      return 'failed';
    }
    if (this.settings.echo) await this.print(input.text);
    if (input.kind === 'command') return runDotCommand(this, input.text);
    if (input.kind === 'stray') {
      await this.printError(`Skipped line ${input.line}, which is not SQL: ${input.text}`);
      return 'done';
    }
    return this.execute(input.text, input.line);
  }

  async write(text: string): Promise<void> {
    await this.#options.out.write(text);
  }

  enter(text: string): Promise<InputOutcome> {
    return text.startsWith('.') ? runDotCommand(this, text) : this.execute(text);
  }

  /** Runs statements and prints their results. */
  execute(sql: string, line = 1): Promise<InputOutcome> {
    return this.interruptible(signal => this.#execute(sql, signal), line);
  }

  async interruptible(work: (signal: AbortSignal) => Promise<InputOutcome>, line = 1): Promise<InputOutcome> {
    // What runs within a command is interrupted with it.
    const outer = this.#running;
    const abort = outer ?? new AbortController();
    this.#running = abort;
    try {
      return await work(abort.signal);
    } catch (error) {
      if (error instanceof OutputClosedError) throw error;
      if (abort.signal.aborted || (error instanceof SqlError && error.interrupted)) {
        await this.printError('Interrupted.');
        return 'interrupted';
      }
      const where = this.#options.namesLines ? `near line ${line}: ` : '';
      await this.printError(`Error: ${where}${explain(error)}`);
      return 'failed';
    } finally {
      this.#running = outer;
    }
  }

  async #execute(sql: string, signal: AbortSignal): Promise<InputOutcome> {
    const settings = this.printSettings();
    const printer = createPrinter(settings);
    const showsDates = this.settings.times && settings.mode !== 'json' && settings.mode !== 'csv';
    const { out } = this.#options;
    const started = performance.now();
    try {
      await this.core.run(sql, {
        primary: true,
        signal,
        sink: {
          statement: columns => out.write(printer.statement(columns)),
          rows: batch => {
            if (signal.aborted) return;
            const format = { float: sqliteDouble, text: decodeUtf8 };
            const rows = decodeRows(batch.bytes, batch.columns.length, batch.rows, format);
            return out.write(printer.rows(showsDates ? rows.map(datesIn(batch.columns)) : rows));
          },
          statementEnd: () => out.write(printer.statementEnd()),
        },
      });
      await out.write(printer.end());
      return 'done';
    } catch (error) {
      if (!(error instanceof OutputClosedError)) await out.write(printer.end());
      throw error;
    } finally {
      if (this.settings.timer) {
        await this.printError(`Run time: ${((performance.now() - started) / 1000).toFixed(3)} s`);
      }
    }
  }

  printSettings(): PrintSettings {
    const { mode, nullValue, separator, headers } = this.settings;
    const { terminal, width, style = PLAIN } = this.#options;
    return { mode, nullValue, separator, headers, terminal, width: width?.(), style };
  }
}

/** The message in one line, with what to do where that is not obvious. */
const explain = (error: unknown): string => {
  const message = messageOf(error);
  if (/^no such table: /.test(message)) return `${message}; .tables shows those there are`;
  if (/^no such column: /.test(message)) return `${message}; .schema TABLE shows the columns`;
  if (message === 'not authorized') return `${message}: core does not allow this statement`;
  return message;
};
