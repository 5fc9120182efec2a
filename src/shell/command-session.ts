/** What commands are, and what they may do with the session in which they were entered. */
import type { EmbeddedCore } from '../core/embedded-core.ts';
import type { ArgumentKind } from './completion.ts';
import type { OutputMode, PrintSettings } from './output/print-settings.ts';

export interface SessionSettings {
  mode: OutputMode;
  nullValue: string;
  separator: string;
  headers: boolean;
  /** End after the first error. */
  bail: boolean;
  /** Show each statement before it runs. */
  echo: boolean;
  /** Show how long each statement took. */
  timer: boolean;
  /** Show points in time as dates, in the forms for people. */
  times: boolean;
}

/** What an input led to. */
export type InputOutcome = 'done' | 'failed' | 'interrupted' | 'exit';

/** What a command may do with the session that it was entered in. */
export interface CommandSession {
  readonly core: EmbeddedCore;
  readonly settings: SessionSettings;
  print(line: string): Promise<void>;
  printError(message: string): Promise<void>;
  /** Writes text that is fit for the output as it is. */
  write(text: string): Promise<void>;
  /** How results are printed now. */
  printSettings(): PrintSettings;
  /** Runs statements and prints their results. */
  execute(sql: string): Promise<InputOutcome>;
  /** Runs a command or statements, as if they had been entered. */
  enter(text: string): Promise<InputOutcome>;
  /**
   * Does work that Ctrl-C ends, through the signal, and reports its error. What it runs by `execute` ends with it.
   */
  interruptible(work: (signal: AbortSignal) => Promise<InputOutcome>): Promise<InputOutcome>;
}

/** A command: a line that begins with a dot. */
export interface DotCommand {
  readonly name: string;
  /** What the Tab key offers behind the name. */
  readonly argument: ArgumentKind;
  /** Shown after the name in the help text. */
  readonly usage: string;
  readonly help: string;
  readonly run: (session: CommandSession, argument: string) => Promise<InputOutcome>;
}

/** Tells what is wrong with a command. */
export const wrong = async (session: CommandSession, message: string): Promise<InputOutcome> => {
  await session.printError(`Error: ${message}`);
  return 'failed';
};
