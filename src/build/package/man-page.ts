import type { TableSpec } from 'osquery-extension-ts';
import type { ColumnFacts } from '../../../tables/facts/column-facts.ts';

/** What a man page is made of. */
export interface ManPage {
  readonly name: string;
  readonly section: number;
  /** One line, without a full stop. */
  readonly summary: string;
  readonly version: string;
  /** `YYYY-MM-DD`. */
  readonly date: string;
  readonly body: readonly ManPart[];
}

export type ManPart =
  | { readonly heading: string }
  | { readonly paragraph: string }
  /** Printed as it is, line by line. */
  | { readonly verbatim: string };

/**
 * Escapes text for roff, so that nothing in it is a command or an escape. Hyphens stay the ASCII hyphens of command
 * lines.
 */
const plain = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1')
    .replaceAll('…', '...')
    .replaceAll('“', '"')
    .replaceAll('”', '"');

/** The first paragraph below a heading needs no macro. */
const part = (piece: ManPart, index: number, all: readonly ManPart[]): readonly string[] => {
  if ('heading' in piece) return [`.SH "${plain(piece.heading).toUpperCase()}"`];
  const before = all[index - 1];
  const start = before !== undefined && 'heading' in before ? [] : ['.PP'];
  if ('paragraph' in piece) return [...start, plain(piece.paragraph)];
  return [...start, '.nf', plain(piece.verbatim).replace(/\n+$/, ''), '.fi'];
};

/** The page in roff's `man` macros. */
export const manPage = ({ name, section, summary, version, date, body }: ManPage): string =>
  `${[
    `.TH ${name.toUpperCase()} ${section} ${date} "${name} ${version}"`,
    '.SH NAME',
    `${plain(name)} \\- ${plain(summary)}`,
    ...body.flatMap(part),
  ].join('\n')}\n`;

/** The columns of a table: a line for each, and below it what it is, where it comes from and when it is NULL. */
export const columnList = (
  columns: TableSpec['columns'],
  facts: Readonly<Record<string, ColumnFacts>>,
): string => {
  const width = Math.max(...columns.map(({ name }) => name.length)) + 2;
  return columns
    .map(({ name, type, options }) => {
      const head =
        `${name.padEnd(width)}${type.padEnd(8)}${options?.hidden === true ? 'hidden' : ''}`.trimEnd();
      const { is, from, nullIf } = facts[name]!;
      const nothing = nullIf === undefined ? 'Never NULL.' : `NULL if ${nullIf}.`;
      return [head, ...wrapped(`${is} From ${from}. ${nothing}`.replaceAll('`', ''))].join('\n');
    })
    .join('\n');
};

const WIDTH = 72;
const INDENT = '      ';

const wrapped = (text: string): readonly string[] => {
  const rows: string[] = [];
  for (const word of text.split(' ')) {
    const row = rows.at(-1);
    if (row === undefined || row.length + 1 + word.length > WIDTH) rows.push(`${INDENT}${word}`);
    else rows[rows.length - 1] = `${row} ${word}`;
  }
  return rows;
};
