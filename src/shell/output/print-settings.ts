/** What printers are told, and what they are. */
import type { Style } from '../../runtime/terminal/style.ts';

export const OUTPUT_MODES = ['pretty', 'table', 'records', 'json', 'csv', 'line', 'list', 'column'] as const;
export type OutputMode = (typeof OUTPUT_MODES)[number];

export interface PrintSettings {
  readonly mode: OutputMode;
  /** Stands for NULL. */
  readonly nullValue: string;
  /** Between fields of `csv` and `list`. */
  readonly separator: string;
  readonly headers: boolean;
  /** Whether output goes to a terminal; then the CSV form, too, escapes control characters. */
  readonly terminal: boolean;
  /** Columns of the terminal; undefined if there is none, or its size is not known. */
  readonly width: number | undefined;
  readonly style: Style;
}

export type PrintedRow = readonly (string | null)[];

/** Prints one statement's result: `rows` any number of times, then `end`; each returns text to write. */
export interface StatementPrinter {
  readonly rows: (rows: readonly PrintedRow[]) => string;
  readonly end: () => string;
}

export type MakePrinter = (columns: readonly string[], settings: PrintSettings) => StatementPrinter;
