/**
 * Results in the forms of osquery's shell. Printers take rows as they arrive and return text. Only the table keeps
 * rows, because its widths depend on all of them. `pretty`, `table` and `records` are ours.
 *
 * Source of the forms: osquery 5.23 `devtools/shell.cpp` and `printer.cpp`.
 */
import { escapeForTerminal, jsonString } from '../../runtime/terminal/escape.ts';
import type {
  MakePrinter,
  OutputMode,
  PrintedRow,
  PrintSettings,
  StatementPrinter,
} from './print-settings.ts';
import { pretty, records, table } from './table.ts';
import { cutToWidth, padEnd, padStart, textWidth } from './text-width.ts';

const nothing = (): string => '';

/**
 * Objects whose keys are sorted by their bytes, as in core's map. Of columns with the same name the last one counts.
 * The array around the objects belongs to the whole text of statements.
 */
const jsonObjects = (
  columns: readonly string[],
  { nullValue }: PrintSettings,
): ((row: PrintedRow) => string) => {
  const last = new Map(columns.map((name, index) => [name, index]));
  const fields = [...last]
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, index], field) => ({ head: `${field > 0 ? ',' : '  {'}${jsonString(name)}:`, index }));
  return row => {
    let object = '';
    for (const { head, index } of fields) object += head + jsonString(row[index] ?? nullValue);
    return `${object}}`;
  };
};

/** Core quotes everything that holds a blank, a quote, a control character or a byte beyond ASCII. */
const CSV_PLAIN = /^[!#-&(-~]+$/;

const csv: MakePrinter = (columns, { nullValue, separator, headers, terminal }) => {
  const field = (value: string | null): string => {
    if (value === null) return nullValue;
    const text = terminal ? escapeForTerminal(value) : value;
    if (CSV_PLAIN.test(text) && (separator === '' || !text.includes(separator))) return text;
    return `"${text.replaceAll('"', '""')}"`;
  };
  const line = (row: PrintedRow): string => `${row.map(field).join(separator)}\n`;
  let begun = false;
  return {
    rows: rows => {
      const header = headers && !begun ? line(columns) : '';
      begun = true;
      return header + rows.map(line).join('');
    },
    end: nothing,
  };
};

const lines: MakePrinter = (columns, { nullValue }) => {
  const names = columns.map(escapeForTerminal);
  const width = Math.max(5, ...names.map(textWidth));
  let count = 0;
  return {
    rows: rows =>
      rows
        .map(row => {
          const fields = row.map(
            (cell, index) => `${padStart(names[index]!, width)} = ${escapeForTerminal(cell ?? nullValue)}\n`,
          );
          count += 1;
          return `${count > 1 ? '\n' : ''}${fields.join('')}`;
        })
        .join(''),
    end: nothing,
  };
};

const list: MakePrinter = (columns, { nullValue, separator, headers }) => {
  const line = (row: PrintedRow): string =>
    `${row.map(cell => escapeForTerminal(cell ?? nullValue)).join(separator)}\n`;
  let begun = false;
  return {
    rows: rows => {
      const header = headers && !begun ? line(columns) : '';
      begun = true;
      return header + rows.map(line).join('');
    },
    end: nothing,
  };
};

/** Widths come from the names and the first row; longer values in later rows are cut. */
const column: MakePrinter = (columns, { nullValue, headers }) => {
  const names = columns.map(escapeForTerminal);
  let widths: number[] | undefined;
  const line = (cells: readonly string[]): string =>
    `${cells.map((cell, index) => padEnd(cutToWidth(cell, widths![index]!), widths![index]!)).join('  ')}\n`;
  return {
    rows: rows => {
      const printed = rows.map(row => row.map(cell => escapeForTerminal(cell ?? nullValue)));
      let header = '';
      if (widths === undefined && printed[0] !== undefined) {
        widths = names.map((name, index) => Math.max(10, textWidth(name), textWidth(printed[0]![index]!)));
        if (headers) header = line(names) + line(widths.map(width => '-'.repeat(width)));
      }
      return header + printed.map(line).join('');
    },
    end: nothing,
  };
};

const PRINTERS: Readonly<Record<Exclude<OutputMode, 'json'>, MakePrinter>> = {
  pretty,
  table,
  records,
  csv,
  line: lines,
  list,
  column,
};

/** Prints the results of statements that belong together: those of an argument, or one statement of a stream. */
export interface Printer {
  readonly statement: (columns: readonly string[]) => string;
  readonly rows: (rows: readonly PrintedRow[]) => string;
  readonly statementEnd: () => string;
  /** Closes what was begun, after the last statement, even if it failed. */
  readonly end: () => string;
}

const statementPrinter = (make: MakePrinter, settings: PrintSettings): Printer => {
  let current: StatementPrinter | undefined;
  return {
    statement: columns => {
      current = make(columns, settings);
      return '';
    },
    rows: rows => current?.rows(rows) ?? '',
    statementEnd: () => current?.end() ?? '',
    end: nothing,
  };
};

/** One array for the rows of all statements, as in core's shell. */
const jsonPrinter = (settings: PrintSettings): Printer => {
  let toObject: ((row: PrintedRow) => string) | undefined;
  let count = 0;
  return {
    statement: columns => {
      if (columns.length === 0) return '';
      const first = toObject === undefined;
      toObject = jsonObjects(columns, settings);
      return first ? '[\n' : '';
    },
    rows: rows => {
      let text = '';
      for (const row of rows) {
        count += 1;
        text += (count > 1 ? ',\n' : '') + toObject!(row);
      }
      return text;
    },
    statementEnd: nothing,
    end: () => (toObject === undefined ? '' : '\n]\n'),
  };
};

export const createPrinter = (settings: PrintSettings): Printer =>
  settings.mode === 'json' ? jsonPrinter(settings) : statementPrinter(PRINTERS[settings.mode], settings);
