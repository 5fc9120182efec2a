import { createHash } from 'node:crypto';
import { appendLines, lineEnd, textLines } from './text-lines.ts';

/**
 * Setup marks what it writes into files of others, with a digest. So `setup --undo` removes exactly that, even after
 * an upgrade that would write something else, and leaves what was changed since.
 */

const BEGIN = /^# osquery-audit-events setup ([0-9a-f]{8}): /;
const END = '# osquery-audit-events setup: end';

const digest = (lines: readonly string[]): string =>
  createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 8);

const beginLine = (lines: readonly string[]): string =>
  `# osquery-audit-events setup ${digest(lines)}: "osquery-audit-events setup --undo" removes this`;

/** A file with a block of lines at its end. */
export const withBlock = (content: string, lines: readonly string[]): string =>
  lines.length === 0 ? content : appendLines(content, [beginLine(lines), ...lines, END]);

export interface WithoutBlocks {
  /** The text without the blocks. */
  readonly content: string;
  /** The lines of all blocks. */
  readonly lines: readonly string[];
  /** Lines of a block that stay, because the block was changed since. */
  readonly changed: readonly { readonly number: number; readonly text: string }[];
}

/**
 * Removes the blocks from a file. From a block that was changed since, it removes only lines that setup would write
 * today.
 *
 * @param isOurs whether setup would write a line
 */
export const withoutBlocks = (content: string, isOurs: (line: string) => boolean): WithoutBlocks => {
  const all = textLines(content);
  const kept: string[] = [];
  const lines: string[] = [];
  const changed: { number: number; text: string }[] = [];
  for (let index = 0; index < all.length; index++) {
    const line = all[index]!;
    const mark = BEGIN.exec(line.text);
    if (mark === null) {
      if (line.text !== END) kept.push(line.raw);
      continue;
    }
    // If the end of a block is missing, the block reaches to the end of the file at most.
    const rest = all.slice(index + 1);
    const length = rest.findIndex(({ text }) => text === END || BEGIN.test(text));
    const block = rest.slice(0, length < 0 ? rest.length : length);
    const isWhole = digest(block.map(({ text }) => text)) === mark[1];
    for (const { number, text, raw } of block) {
      if (isWhole || isOurs(text)) {
        lines.push(text);
        continue;
      }
      kept.push(raw);
      if (text !== '') changed.push({ number, text });
    }
    index += block.length;
  }
  return { content: kept.join(''), lines, changed };
};

/** A whole file of ours. */
export const markedFile = (content: string): string => `${beginLine([content])}\n${content}`;

/** Whether a file is a whole one of ours that was not changed since. */
export const isMarkedFile = (content: string): boolean => {
  const [first] = textLines(content);
  const mark = first === undefined ? null : BEGIN.exec(first.text);
  return mark !== null && lineEnd(content) === '\n' && digest([content.slice(first!.raw.length)]) === mark[1];
};
