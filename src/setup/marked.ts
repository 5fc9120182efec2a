import { createHash } from 'node:crypto';
import { appendLines, lineEnd, textLines } from './text-lines.ts';

/*
 * What setup writes into files of others is marked, with a digest, so that setup --undo takes out just that, also after an
 * upgrade that would write something else, and leaves what somebody changed since.
 */

const BEGIN = /^# osquery-audit-events setup ([0-9a-f]{8}): /;
const END = '# osquery-audit-events setup: end';

const digest = (lines: readonly string[]): string =>
  createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 8);

const beginLine = (lines: readonly string[]): string =>
  `# osquery-audit-events setup ${digest(lines)}: "osquery-audit-events setup --undo" takes this out`;

/** A file with a block of lines at its end. */
export const withBlock = (content: string, lines: readonly string[]): string =>
  lines.length === 0 ? content : appendLines(content, [beginLine(lines), ...lines, END]);

export interface WithoutBlocks {
  /** All but the blocks. */
  readonly content: string;
  /** Of all blocks. */
  readonly lines: readonly string[];
  /** What stays although it stands in a block: somebody changed the block since. */
  readonly changed: readonly { readonly number: number; readonly text: string }[];
}

/**
 * Takes the blocks out of a file. Of a block that was changed since, only the lines go that setup would write now.
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
    // A block whose end somebody took away is at most what is left of the file.
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

/** Whether a file is a whole one of ours that nobody changed since. */
export const isMarkedFile = (content: string): boolean => {
  const [first] = textLines(content);
  const mark = first === undefined ? null : BEGIN.exec(first.text);
  return mark !== null && lineEnd(content) === '\n' && digest([content.slice(first!.raw.length)]) === mark[1];
};
