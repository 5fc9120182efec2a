import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  MAX_STATEMENT_LENGTH,
  type StatementInput,
  StatementSplitter,
  StatementTooLongError,
} from '../../src/shell/statement-splitter.ts';

const split = (...chunks: string[]): StatementInput[] => {
  const splitter = new StatementSplitter();
  return [...chunks.flatMap(chunk => splitter.push(chunk)), ...splitter.finish()];
};

const texts = (...chunks: string[]): string[] => split(...chunks).map(({ text }) => text);

describe('StatementSplitter', () => {
  test.each([
    ['select 1;', ['select 1;']],
    ['select 1; select 2;', ['select 1;', 'select 2;']],
    ['select 1', ['select 1']],
    ["select 'a;b';", ["select 'a;b';"]],
    ["select 'it''s;';select 2;", ["select 'it''s;';", 'select 2;']],
    ['select "a;b", `c;d`, [e;f];', ['select "a;b", `c;d`, [e;f];']],
    ['select 1 -- not; yet\n;', ['select 1 -- not; yet\n;']],
    ['select /* ; */ 1;', ['select /* ; */ 1;']],
    ['-- only a comment', []],
    ['/* open', []],
    [' \n ;; ; \n', []],
    ['.tables\nselect 1;', ['.tables', 'select 1;']],
    ['.tables', ['.tables']],
    ['select 1;\n.mode csv\n', ['select 1;', '.mode csv']],
    ['select\n.5;', ['select\n.5;']],
    ['-- comment\n.help\n', ['.help']],
    ['select 1 - 2 / 3;', ['select 1 - 2 / 3;']],
    ["select 'open", ["select 'open"]],
    ['/**/select 1;', ['/**/select 1;']],
    ['select 1 /***/;', ['select 1 /***/;']],
  ])('%j', (text, expected) => {
    expect(texts(text)).toEqual(expected);
  });

  test('tells a statement as soon as its semicolon has come', () => {
    const splitter = new StatementSplitter();
    expect(splitter.push('select')).toEqual([]);
    expect(splitter.pending).toBe(true);
    expect(splitter.push(' 1')).toEqual([]);
    expect(splitter.push(';')).toEqual([{ kind: 'sql', text: 'select 1;', line: 1 }]);
    expect(splitter.pending).toBe(false);
  });

  test('names the line on which a statement begins', () => {
    expect(split('\n-- x\nselect\n1;\n\n  select 2; .help\n.quit\n').map(({ line }) => line)).toEqual([
      3, 6, 6, 7,
    ]);
  });

  test('does the same however the text is cut', () => {
    const piece = fc.constantFrom(
      'select ',
      "'",
      '"',
      ';',
      '\n',
      '--',
      '-',
      '/*',
      '*/',
      '*',
      '/',
      '.help',
      ' ',
      'x',
      '[',
      ']',
      '`',
      '.',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), pieces => {
        const text = pieces.join('');
        expect(split(...pieces)).toEqual(split(text));
        expect(split(...text)).toEqual(split(text));
      }),
      { numRuns: 500 },
    );
  });

  test('loses nothing but blanks and comments', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("'a;b'", 'select', ' ', ';', 'x'), { maxLength: 30 }), pieces => {
        const bare = (text: string): string => text.replaceAll(/\s|;/g, '');
        expect(bare(texts(pieces.join('')).join(''))).toBe(bare(pieces.join('')));
      }),
    );
  });

  test('gives up a statement without end, and takes the next', () => {
    const splitter = new StatementSplitter();
    expect(() => splitter.push('x'.repeat(MAX_STATEMENT_LENGTH + 1))).toThrow(StatementTooLongError);
    expect(splitter.push('select 1;').map(({ text }) => text)).toEqual(['select 1;']);
  });
});
