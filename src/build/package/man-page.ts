import type { TableSpec } from 'osquery-extension-ts';

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

/** The columns of a table, one a line. */
export const columnList = ({ columns }: TableSpec): string => {
  const width = Math.max(...columns.map(({ name }) => name.length)) + 2;
  return columns
    .map(({ name, type, options }) =>
      `${name.padEnd(width)}${type.padEnd(8)}${options?.hidden === true ? 'hidden' : ''}`.trimEnd(),
    )
    .join('\n');
};
