/** A table whose rows are printed as they come: one line each, below one another. */
import { escapeForTerminal } from '../../runtime/terminal/escape.ts';
import { dateText, isTimeColumn } from './date-text.ts';
import type { PrintSettings } from './print-settings.ts';
import { cutToWidth, padEnd, textWidth } from './text-width.ts';

/** Widest column but the last one, on a terminal. */
const MAX_COLUMN = 40;
/** Stands for what did not fit. */
const CUT = '…';

export class LineTable {
  readonly #names: readonly string[];
  readonly #settings: Pick<PrintSettings, 'width' | 'style'>;
  readonly #widths: number[];
  #hasHead = false;

  constructor(names: readonly string[], settings: Pick<PrintSettings, 'width' | 'style'>) {
    this.#names = names;
    this.#settings = settings;
    this.#widths = names.map(textWidth);
  }

  /** Lines with the names first. Columns become wider with their values, and never narrower. */
  rows(rows: readonly (readonly (string | null)[])[]): string {
    const printed = rows.map(row =>
      row.map((cell, index) =>
        escapeForTerminal(isTimeColumn(this.#names[index]!) ? dateText(cell ?? '') : (cell ?? '')),
      ),
    );
    for (const cells of printed)
      for (const [index, cell] of cells.entries())
        this.#widths[index] = Math.max(this.#widths[index]!, textWidth(cell));
    const head = this.#hasHead ? '' : `${this.#settings.style.name(this.#line(this.#names))}\n`;
    this.#hasHead = true;
    return head + printed.map(cells => `${this.#line(cells)}\n`).join('');
  }

  #line(cells: readonly string[]): string {
    const { width } = this.#settings;
    const last = cells.length - 1;
    const line = cells
      .map((cell, index) => {
        if (index === last) return cell;
        const most = this.#widths[index]!;
        return width === undefined
          ? padEnd(cell, most)
          : padEnd(cut(cell, MAX_COLUMN), Math.min(most, MAX_COLUMN));
      })
      .join('  ');
    return width === undefined ? line : cut(line, width);
  }
}

/** The text, or as much of it as fits, with a mark. */
export const cut = (text: string, width: number): string =>
  textWidth(text) <= width ? text : `${cutToWidth(text, Math.max(0, width - textWidth(CUT)))}${CUT}`;
