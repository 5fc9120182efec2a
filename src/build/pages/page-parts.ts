/** A part of a page that is made from the code, between two comments that a reader does not see. */

const begin = (name: string): string => `<!-- ${name}: made by "npm run pages" -->`;
const end = (name: string): string => `<!-- end of ${name} -->`;

/**
 * A page with one of its parts made anew.
 *
 * @throws Error if the page does not have the part's two comments, each once and in order
 */
export const withPart = (page: string, name: string, content: string): string => {
  const pieces = page.split(begin(name));
  const [before, rest] = pieces;
  const [, after, ...more] = rest?.split(end(name)) ?? [];
  if (pieces.length !== 2 || after === undefined || more.length > 0) {
    throw new Error(`expected a line ${begin(name)} and then a line ${end(name)}, each once`);
  }
  return `${before}${begin(name)}\n\n${content.trim()}\n\n${end(name)}${after}`;
};

/** A table of Markdown. */
export const markdownTable = (heading: readonly string[], rows: readonly (readonly string[])[]): string =>
  [heading, heading.map(() => '---'), ...rows].map(cells => `| ${cells.map(cell).join(' | ')} |`).join('\n');

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** Text as code, whatever is in it. */
export const code = (text: string): string => {
  if (text === '') return '';
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
};
