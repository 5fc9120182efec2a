import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COLOURED, PLAIN } from '../../../src/runtime/terminal/style.ts';
import {
  OUTPUT_MODES,
  type OutputMode,
  type PrintedRow,
  type PrintSettings,
} from '../../../src/shell/output/print-settings.ts';
import { createPrinter } from '../../../src/shell/output/printer.ts';
import { textWidth } from '../../../src/shell/output/text-width.ts';
import { anyText } from '../../core/any-text.ts';

interface Result {
  readonly columns: readonly string[];
  readonly rows: readonly PrintedRow[];
}

const printAll = (
  mode: OutputMode,
  results: readonly Result[],
  settings: Partial<PrintSettings> = {},
): string => {
  const printer = createPrinter({
    mode,
    nullValue: '',
    separator: '|',
    headers: true,
    terminal: false,
    width: undefined,
    style: PLAIN,
    ...settings,
  });
  let text = '';
  for (const { columns, rows } of results) {
    text += printer.statement(columns);
    for (const row of rows) text += printer.rows([row]);
    text += printer.statementEnd();
  }
  return text + printer.end();
};

const SAMPLE: Result = {
  columns: ['pid', 'name', 'x'],
  rows: [
    ['1', 'init', null],
    ['42', 'two words', 'a"b'],
  ],
};

describe('the forms of osquery', () => {
  test('pretty', () => {
    expect(printAll('pretty', [SAMPLE])).toBe(
      [
        '+-----+-----------+-----+',
        '| pid | name      | x   |',
        '+-----+-----------+-----+',
        '| 1   | init      |     |',
        '| 42  | two words | a"b |',
        '+-----+-----------+-----+',
        '',
      ].join('\n'),
    );
    expect(printAll('pretty', [{ columns: ['a'], rows: [] }])).toBe('');
  });

  test('pretty of more than is kept comes in pieces, each as wide as it has to be', () => {
    const narrow = Array.from({ length: 4_000 }, (_, i) => [String(i)]);
    const rows = [...narrow, ['w'.repeat(5_000)], ...narrow];
    const text = printAll('pretty', [{ columns: ['v'], rows }]);
    expect(text.length).toBeLessThan(16 * 1024 * 1024);
    const lines = text.split('\n').slice(0, -1);
    const values = lines.filter(line => line.startsWith('|')).map(line => line.slice(1, -1).trim());
    expect(values.filter(value => value !== 'v')).toEqual(rows.map(([value]) => value));
    expect(lines.slice(0, 4)).toEqual(['+------+', '| v    |', '+------+', '| 0    |']);
    expect(lines.slice(4_002, 4_006).map(({ length }) => length)).toEqual([8, 8, 5_004, 5_004]);
    expect(lines.at(-1)).toBe('+------+');
  });

  test('pretty with wide, combining and dangerous characters', () => {
    const rows = [['漢字'], ['e\u0301a'], ['\u001b[2J'], ['🎉!']];
    const lines = printAll('pretty', [{ columns: ['v'], rows }])
      .trimEnd()
      .split('\n');
    expect(new Set(lines.map(textWidth)).size).toBe(1);
    expect(lines[5]).toBe('| \\x1b[2J |');
  });

  test('json', () => {
    expect(printAll('json', [SAMPLE])).toBe(
      '[\n  {"name":"init","pid":"1","x":""},\n  {"name":"two words","pid":"42","x":"a\\"b"}\n]\n',
    );
    expect(printAll('json', [{ columns: ['a'], rows: [] }])).toBe('[\n\n]\n');
    expect(printAll('json', [{ columns: [], rows: [] }])).toBe('');
  });

  test('json of several statements is one array', () => {
    const text = printAll('json', [
      { columns: ['a'], rows: [['1']] },
      { columns: [], rows: [] },
      { columns: ['b', 'b'], rows: [['2', '3']] },
    ]);
    expect(JSON.parse(text)).toEqual([{ a: '1' }, { b: '3' }]);
  });

  test('csv', () => {
    expect(printAll('csv', [SAMPLE])).toBe('pid|name|x\n1|init|\n42|"two words"|"a""b"\n');
    expect(printAll('csv', [{ columns: ['a'], rows: [['a\nb'], ['ü'], ['']] }], { separator: ',' })).toBe(
      'a\n"a\nb"\n"ü"\n""\n',
    );
    expect(printAll('csv', [{ columns: ['a'], rows: [['\u001b[2J']] }], { terminal: true })).toBe(
      'a\n\\x1b[2J\n',
    );
    expect(printAll('csv', [SAMPLE], { headers: false, separator: ';' })).toBe(
      '1;init;\n42;"two words";"a""b"\n',
    );
  });

  test('line', () => {
    expect(printAll('line', [SAMPLE], { nullValue: 'NULL' })).toBe(
      '  pid = 1\n name = init\n    x = NULL\n\n  pid = 42\n name = two words\n    x = a"b\n',
    );
  });

  test('list', () => {
    expect(printAll('list', [SAMPLE])).toBe('pid|name|x\n1|init|\n42|two words|a"b\n');
  });

  test('column', () => {
    expect(
      printAll('column', [
        {
          columns: ['a', 'b'],
          rows: [
            ['1', 'x'],
            ['123456789012', 'y'],
          ],
        },
      ]),
    ).toBe(
      'a           b         \n----------  ----------\n1           x         \n1234567890  y         \n',
    );
  });
});

const results = fc.array(
  fc.integer({ min: 1, max: 4 }).chain(width =>
    fc.record({
      columns: fc.array(anyText(), { minLength: width, maxLength: width }),
      rows: fc.array(fc.array(fc.option(anyText()), { minLength: width, maxLength: width }), {
        maxLength: 5,
      }),
    }),
  ),
  { maxLength: 3 },
);

test('json is valid whatever the values', () => {
  fc.assert(
    fc.property(results, input => {
      const text = printAll('json', input);
      const expected = input
        .filter(({ columns }) => columns.length > 0)
        .flatMap(({ columns, rows }) =>
          rows.map(row => Object.fromEntries(columns.map((name, index) => [name, row[index] ?? '']))),
        );
      if (text !== '') expect(JSON.parse(text)).toEqual(expected);
      else expect(expected).toEqual([]);
    }),
  );
});

test('no form for people lets a control character through', () => {
  fc.assert(
    fc.property(results, fc.constantFrom(...OUTPUT_MODES), (input, mode) => {
      const separators = printAll(mode, input, { terminal: true }).replaceAll('\n', '');
      expect(separators).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }),
  );
});

describe('on a terminal', () => {
  const wide: Result = {
    columns: ['pid', 'cmdline'],
    rows: [
      ['1', 'x'.repeat(30)],
      ['42', null],
    ],
  };
  const asRecords = [
    `-[ RECORD 1 ]${'-'.repeat(7)}`,
    `pid     | 1`,
    `cmdline | ${'x'.repeat(30)}`,
    `-[ RECORD 2 ]`,
    `pid     | 42`,
    `cmdline | `,
    '',
  ].join('\n');

  test('pretty is a table where that fits, else records', () => {
    const table = printAll('pretty', [wide]);
    expect(Math.max(...table.split('\n').map(textWidth))).toBe(40);
    expect(printAll('pretty', [wide], { width: 40 })).toBe(table);
    expect(printAll('pretty', [wide], { width: 39 })).toContain(`-[ RECORD 1 ]${'-'.repeat(26)}\n`);
    expect(printAll('pretty', [wide], { width: 20 })).toBe(asRecords);
    expect(printAll('table', [wide], { width: 20 })).toBe(table);
    expect(printAll('records', [wide], { width: 20 })).toBe(asRecords);
  });

  test('rows of a table that was begun go on as records with their numbers', () => {
    const long = 'y'.repeat(4 * 1024 * 1024);
    const rows = [['a'], ['b'], [long], [long], ['c']];
    const text = printAll('pretty', [{ columns: ['n'], rows }], { width: 20 });
    expect(text.replaceAll(long, 'Y').split('\n')).toEqual([
      '+---+',
      '| n |',
      '+---+',
      '| a |',
      '| b |',
      '+---+',
      ...['-[ RECORD 3 ]-------', 'n | Y', '-[ RECORD 4 ]-------', 'n | Y', '-[ RECORD 5 ]', 'n | c'],
      '',
    ]);
  });

  test('colours only where they are wanted, and never those of a value', () => {
    const hostile: Result = { columns: ['a'], rows: [['\u001b[31mred'], [null]] };
    const options = { style: COLOURED, nullValue: 'NIL', terminal: true };
    for (const mode of ['pretty', 'records'] as const) {
      const text = printAll(mode, [hostile], options);
      expect(text).toContain('\u001b[1ma');
      expect(text).toMatch(/\u001b\[2mNIL/);
      expect(text).toContain('\\x1b[31mred');
      expect(text).not.toContain('\u001b[31m');
      expect(text.replaceAll(/\u001b\[\d+m/g, '')).toBe(
        printAll(mode, [hostile], { ...options, style: PLAIN }),
      );
    }
  });
});
