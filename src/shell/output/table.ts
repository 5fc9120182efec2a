/** The table of osquery's shell, and records for rows that are wider than the terminal. */
import { escapeForTerminal } from '../../runtime/terminal/escape.ts';
import type { Style } from '../../runtime/terminal/style.ts';
import type { MakePrinter, PrintedRow, PrintSettings } from './print-settings.ts';
import { padEnd, textWidth } from './text-width.ts';

/** Characters of a table that is printed at once, with columns as wide as its widest values. */
const TABLE_CHARACTERS = 8 * 1024 * 1024;

/**
 * A table that is printed in pieces, each as wide as necessary, where it is long. If the width changes, the names are
 * printed again. From the first piece that is wider than the terminal, rows are printed as records.
 */
const tableWithin =
  (widthOf: (settings: PrintSettings) => number | undefined): MakePrinter =>
  (columns, settings) => {
    const { style } = settings;
    const maxWidth = widthOf(settings) ?? Number.POSITIVE_INFINITY;
    const names = columns.map(escapeForTerminal);
    const records = recordPrinter(columns, settings);
    let areRecords = false;
    let piece = new TablePiece(names, style);
    let lastRule: string | undefined;
    let printed = 0;
    const printPiece = (): string => {
      if (piece.isEmpty) return '';
      const { rule, rows } = piece;
      if (piece.width > maxWidth) {
        areRecords = true;
        const text = (lastRule ?? '') + records.skip(printed).rows(rows);
        lastRule = undefined;
        return text;
      }
      const head = rule === lastRule ? '' : `${lastRule ?? ''}${rule}${piece.head}${rule}`;
      const text = head + piece.lines();
      lastRule = rule;
      printed += rows.length;
      piece = new TablePiece(names, style);
      return text;
    };
    return {
      rows: rows => {
        if (areRecords) return records.rows(rows);
        let text = '';
        for (const [index, row] of rows.entries()) {
          const cells = row.map(cell => escapeForTerminal(cell ?? settings.nullValue));
          if (!piece.hasRoomFor(cells)) text += printPiece();
          if (areRecords) return text + records.rows(rows.slice(index));
          piece.add(row, cells);
        }
        return text;
      },
      end: () => (areRecords ? '' : printPiece() + (lastRule ?? '')),
    };
  };

/** Consecutive rows that are printed under the same line of names. */
class TablePiece {
  readonly rows: PrintedRow[] = [];
  readonly #names: readonly string[];
  readonly #style: Style;
  readonly #widths: number[];
  readonly #cells: (readonly string[])[] = [];

  constructor(names: readonly string[], style: Style) {
    this.#names = names;
    this.#style = style;
    this.#widths = names.map(textWidth);
  }

  get isEmpty(): boolean {
    return this.rows.length === 0;
  }

  /** In columns of the terminal. */
  get width(): number {
    return this.#widths.reduce((sum, width) => sum + width + 3, 1);
  }

  hasRoomFor(cells: readonly string[]): boolean {
    let length = 0;
    for (const [index, cell] of cells.entries())
      length += Math.max(this.#widths[index]!, textWidth(cell)) + 3;
    return this.isEmpty || length * (this.rows.length + 1) <= TABLE_CHARACTERS;
  }

  /** @param cells the row's values as they are printed */
  add(row: PrintedRow, cells: readonly string[]): void {
    for (const [index, cell] of cells.entries())
      this.#widths[index] = Math.max(this.#widths[index]!, textWidth(cell));
    this.rows.push(row);
    this.#cells.push(cells);
  }

  get rule(): string {
    return `${this.#style.faint(`+${this.#widths.map(width => '-'.repeat(width + 2)).join('+')}+`)}\n`;
  }

  get head(): string {
    return this.#line(this.#names.map((name, index) => this.#style.name(this.#padded(name, index))));
  }

  lines(): string {
    return this.#cells
      .map((cells, row) =>
        this.#line(
          cells.map((cell, index) => {
            const padded = this.#padded(cell, index);
            return this.rows[row]![index] === null ? this.#style.faint(padded) : padded;
          }),
        ),
      )
      .join('');
  }

  #padded(cell: string, index: number): string {
    return padEnd(cell, this.#widths[index]!);
  }

  #line(cells: readonly string[]): string {
    const bar = this.#style.faint('|');
    return `${bar}${cells.map(cell => ` ${cell} `).join(bar)}${bar}\n`;
  }
}

/** One line for each value, under a line with the row's number. The form is that of psql's expanded display. */
const recordPrinter = (columns: readonly string[], { nullValue, style, width }: PrintSettings) => {
  const names = columns.map(escapeForTerminal);
  const nameWidth = Math.max(0, ...names.map(textWidth));
  let count = 0;
  const record = (row: PrintedRow): string => {
    count += 1;
    const cells = row.map(cell => escapeForTerminal(cell ?? nullValue));
    const valueWidth = Math.max(0, ...cells.map(textWidth));
    const title = `-[ RECORD ${count} ]`;
    const length = Math.min(nameWidth + 3 + valueWidth, width ?? Number.POSITIVE_INFINITY);
    const rule = `${title}${'-'.repeat(Math.max(0, length - title.length))}`;
    const lines = cells.map((cell, index) => {
      const value = row[index] === null ? style.faint(cell) : cell;
      return `${style.name(padEnd(names[index]!, nameWidth))} ${style.faint('|')} ${value}\n`;
    });
    return `${style.faint(rule)}\n${lines.join('')}`;
  };
  const printer = {
    rows: (rows: readonly PrintedRow[]) => rows.map(record).join(''),
    end: () => '',
    /** Rows that were already printed in another form. */
    skip: (rows: number) => {
      count += rows;
      return printer;
    },
  };
  return printer;
};

export const records: MakePrinter = (columns, settings) => recordPrinter(columns, settings);

/** Always a table. */
export const table: MakePrinter = tableWithin(() => undefined);

/** A table if it fits the terminal, else records. */
export const pretty: MakePrinter = tableWithin(({ width }) => width);
