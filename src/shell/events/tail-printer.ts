/** How the rows of `tail` are printed. */
import { jsonString } from '../../runtime/terminal/escape.ts';
import { datesIn } from '../output/date-text.ts';
import { LineTable } from '../output/line-table.ts';
import type { PrintedRow, PrintSettings } from '../output/print-settings.ts';
import { createPrinter } from '../output/printer.ts';
import type { SqlSource } from '../sql-source.ts';
import { summaryColumns, type TailRequest } from './tail-request.ts';

/** Whether rows are one line each for people, and not all of their columns. */
const isSummary = ({ mode }: PrintSettings): boolean => mode === 'pretty' || mode === 'table';

/** The columns to show: those asked for, or those that suit the form. */
export const tailColumns = async (
  source: SqlSource,
  { table, columns }: TailRequest,
  settings: PrintSettings,
): Promise<readonly string[]> => {
  if (columns.length > 0) return columns;
  const summary = isSummary(settings) ? summaryColumns(table) : undefined;
  if (summary !== undefined) return summary;
  return (await source.columns(`SELECT * FROM ${table}`)).map(({ name }) => name);
};

/** Makes the text of rows, batch by batch: JSON Lines, a line each below the names, or the form of the settings. */
export const tailPrinter = (
  columns: readonly string[],
  settings: PrintSettings,
  showsDates: boolean,
): ((rows: readonly PrintedRow[]) => string) => {
  if (settings.mode === 'json') return rows => rows.map(row => `${jsonLine(columns, row)}\n`).join('');
  if (isSummary(settings)) {
    const lines = new LineTable(columns, settings);
    return rows => lines.rows(rows);
  }
  const printer = createPrinter(settings);
  printer.statement(columns);
  const dates = showsDates && settings.mode !== 'csv' ? datesIn(columns) : (row: PrintedRow) => row;
  return rows => printer.rows(rows.map(dates));
};

const jsonLine = (columns: readonly string[], row: PrintedRow): string =>
  `{${columns.map((name, index) => `${jsonString(name)}:${jsonString(row[index] ?? '')}`).join(',')}}`;
