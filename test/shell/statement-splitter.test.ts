import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/core/sql/open-database.ts';
import { withCString } from '../../src/core/sql/wasm.ts';
import {
  MAX_STATEMENT_LENGTH,
  type StatementInput,
  StatementSplitter,
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

  test.each([
    ['create trigger t after insert on x begin select 1; select 2; end; select 3;', 2],
    ['explain create temp trigger t begin select 1;;end', 1],
    ['CREATE TEMPORARY /* */ TRIGGER t BEGIN SELECT 1; END -- \n; select 1;', 2],
    ['create table trigger (x); select 1;', 2],
    ['begin; end; select 1;', 3],
  ])('a trigger ends with its END: %j', (text, count) => {
    expect(texts(text)).toHaveLength(count);
  });

  test.each([
    ['it is no SQL\nselect 1;', ['it is no SQL', 'select 1;']],
    ["it's no SQL\nselect 1;", ["it's no SQL", 'select 1;']],
    ['no /* SQL\nselect 1;', ['no /* SQL', 'select 1;']],
    ['no\nSQL\n\n-- yet\n/* ; \n */ select\n1;', ['no\nSQL', '-- yet\n/* ; \n */ select\n1;']],
    ['no\nselection\n;', ['no\nselection\n;']],
    ['no\nselect', ['no', 'select']],
  ])('lines that cannot begin a statement are stray: %j', (text, expected) => {
    expect(texts(text)).toEqual(expected);
  });

  const PIECES = [
    ...[
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
    ],
    ...['create ', 'temp ', 'trigger ', 'explain ', 'end', 'END', 'begin ', 'temporary ', '\r\n', '1', 'é'],
  ];

  test('does the same however the text is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }), pieces => {
        const text = pieces.join('');
        expect(split(...pieces)).toEqual(split(text));
        expect(split(...text)).toEqual(split(text));
      }),
      {
        numRuns: 500,
        examples: [[['x', '\n', '/*', '*/', 'select ']], [['*/', '\n', '/*', '*/', 'select ']]],
      },
    );
  });

  test('does the same with what is too long', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }), pieces => {
        const push = (chunks: readonly string[]): StatementInput[] => {
          const splitter = new StatementSplitter(12);
          return [...chunks.flatMap(chunk => splitter.push(chunk)), ...splitter.finish()];
        };
        expect(push([...pieces.join('')])).toEqual(push([pieces.join('')]));
      }),
    );
  });

  describe('beside SQLite', () => {
    let isComplete: (text: string) => boolean;
    beforeAll(async () => {
      const database = await openDatabase({ interrupted: () => false, denied: () => {} });
      const { sqlite3_complete } = database.raw as unknown as { sqlite3_complete(text: number): number };
      isComplete = text => withCString(database, text, sqlite3_complete) === 1;
    });

    test('ends a statement where sqlite3_complete() says so, and not before', () => {
      fc.assert(
        fc.property(fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }), pieces => {
          const splitter = new StatementSplitter();
          // Dot commands and stray lines are the shell's own.
          let text = 'explain ';
          splitter.push(text);
          for (const character of pieces.join('')) {
            text += character;
            const ended = splitter.push(character).length > 0;
            expect(ended, text).toBe(character === ';' && isComplete(text));
            if (ended) return;
          }
        }),
        { numRuns: 500 },
      );
    });
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
    expect(splitter.push(`select 1;${'x'.repeat(MAX_STATEMENT_LENGTH + 1)}`)).toEqual([
      { kind: 'sql', text: 'select 1;', line: 1 },
      { kind: 'tooLong', text: '', line: 1 },
    ]);
    expect(splitter.push('select 1;').map(({ text }) => text)).toEqual(['select 1;']);
  });
});
