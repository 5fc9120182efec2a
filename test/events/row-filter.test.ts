import sqlite3InitModule from '@sqlite.org/sqlite-wasm';
import fc from 'fast-check';
import type { Constraint } from 'osquery-extension-ts/types';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selectionOf } from '../../src/events/row-filter.ts';
import { columns, contextOf, eidsOf, filledBuffer, rowsOf, type TestRow } from './event-rows.ts';

const OPS = { '=': 2, '>': 4, '<=': 8, '<': 16, '>=': 32, LIKE: 65, GLOB: 66, '<>': 68 } as const;
type Operator = keyof typeof OPS;
const compare = (operator: Operator, expr: string): Constraint => ({ op: OPS[operator], expr });

const ROWS: readonly TestRow[] = [
  { path: '/bin/ls', pid: 1, note: '0755', time: 100 },
  { path: '/BIN/LS', pid: 5, note: '755', time: 101 },
  { path: '/bin/ls  ', pid: 10, note: 'x', time: 101 },
  { path: '', pid: 0, note: '-1', time: 102 },
  { path: 'Ä', pid: -1, time: 103 },
  { path: 'ä', pid: 4294967295, note: '5', time: 104 },
  { pid: 5, note: '05', time: 105 },
  { path: '5', note: '5.0', time: 106 },
];

/** eids of the rows that are left to SQLite. */
const kept = (constraints: Readonly<Record<string, readonly Constraint[]>>, rows = ROWS): number[] => {
  const { buffer } = filledBuffer(rows);
  const { range, times, filter, lookups } = selectionOf(contextOf(constraints), columns, buffer.overheads);
  const span = { ...(range ?? buffer.range), times };
  const read = eidsOf(rowsOf(buffer, span, undefined, filter));
  // The first time rows are read, then there is an index.
  for (let i = 0; i < 2; i++) {
    expect(eidsOf(rowsOf(buffer, { ...span, lookups }, undefined, filter))).toEqual(read);
  }
  return read;
};

describe('selectionOf', () => {
  it('leaves every row where nothing is asked', () => {
    const { buffer } = filledBuffer(ROWS);
    expect(selectionOf(contextOf({}), columns, buffer.overheads)).toEqual({
      range: undefined,
      times: undefined,
      filter: undefined,
      lookups: [],
    });
    expect(selectionOf(contextOf({ path: [], time: [] }), columns, buffer.overheads)).toEqual({
      range: undefined,
      times: undefined,
      filter: undefined,
      lookups: [],
    });
  });

  it.each<[string, Record<string, Constraint[]>, number[]]>([
    ['time = 101', { time: [compare('=', '101')] }, [2, 3]],
    ['time > 101', { time: [compare('>', '101')] }, [4, 5, 6, 7, 8]],
    ['time >= 101', { time: [compare('>=', '101')] }, [2, 3, 4, 5, 6, 7, 8]],
    ['time < 101', { time: [compare('<', '101')] }, [1]],
    ['time <= 101', { time: [compare('<=', '101')] }, [1, 2, 3]],
    ['time between 101 and 102', { time: [compare('>=', '101'), compare('<=', '102')] }, [2, 3, 4]],
    ['time > 103 and < 102', { time: [compare('>', '103'), compare('<', '102')] }, []],
    ["eid = '0000000003'", { eid: [compare('=', '0000000003')] }, [3]],
    [
      "eid in ('0000000003', '0000000007')",
      { eid: [compare('=', '0000000003'), compare('=', '0000000007')] },
      [3, 7],
    ],
    ["eid = 'x'", { eid: [compare('=', 'x')] }, []],
    ["eid = '0000000099'", { eid: [compare('=', '0000000099')] }, []],
    ['pid = 5', { pid: [compare('=', '5')] }, [2, 7]],
    ['pid = -1', { pid: [compare('=', '-1')] }, [5]],
    ['pid = 4294967295', { pid: [compare('=', '4294967295')] }, [6]],
    ['pid in (5, 10)', { pid: [compare('=', '5'), compare('=', '10')] }, [2, 3, 7]],
    ["path = 'Ä'", { path: [compare('=', 'Ä')] }, [5]],
    ["path = '/bin/l'", { path: [compare('=', '/bin/l')] }, []],
    ["path LIKE '/bin/%'", { path: [compare('LIKE', '/bin/%')] }, [1, 2, 3]],
    ["path LIKE '%s' and pid = 5", { path: [compare('LIKE', '%s')], pid: [compare('=', '5')] }, [2]],
    [
      'what is not decided here',
      { pid: [compare('>', '5'), compare('<>', '1')], path: [compare('GLOB', '*x')] },
      [1, 2, 3, 4, 5, 6, 7, 8],
    ],
    // 73 is LIMIT and 74 OFFSET: no comparison of the column at all.
    [
      'LIMIT',
      {
        path: [
          { op: 73, expr: '1' },
          { op: 74, expr: '2' },
        ],
      },
      [1, 2, 3, 4, 5, 6, 7, 8],
    ],
    [
      'an operator from the future',
      { path: [{ op: 99, expr: 'x' }], eid: [{ op: 99, expr: 'x' }] },
      [1, 2, 3, 4, 5, 6, 7, 8],
    ],
  ])('%s', (_, constraints, expected) => expect(kept(constraints)).toEqual(expected));

  describe('drops no row that SQLite would keep', () => {
    it.each<[string, Record<string, Constraint[]>, number[]]>([
      ["path = '/bin/ls' COLLATE NOCASE", { path: [compare('=', '/bin/ls')] }, [1, 2]],
      ["path = '/bin/ls' COLLATE RTRIM", { path: [compare('=', '/bin/ls')] }, [1, 3]],
      ["pid = '-0'", { pid: [compare('=', '-0')] }, [4]],
      ["pid = '05'", { pid: [compare('=', '05')] }, [2, 7]],
      ['pid = 5.0', { pid: [compare('=', '5.0')] }, [2, 7]],
      ['note joined to a column of integers that has 755', { note: [compare('=', '755')] }, [1, 2]],
      ['note joined to one that has 5', { note: [compare('=', '5')] }, [6, 7, 8]],
      ['eid joined to one that has 3', { eid: [compare('=', '3')] }, [3]],
      ["eid = '0000000003 ' COLLATE RTRIM", { eid: [compare('=', '0000000003 ')] }, [3]],
      ["time = '101.0'", { time: [compare('=', '101.0')] }, [2, 3]],
      ["time in (101, '102.0')", { time: [compare('=', '101'), compare('=', '102.0')] }, [2, 3, 4]],
      ["pid in (5, '10.0')", { pid: [compare('=', '5'), compare('=', '10.0')] }, [2, 3, 7]],
    ])('%s', (_, constraints, wanted) => expect(kept(constraints)).toEqual(expect.arrayContaining(wanted)));

    type Sqlite = Awaited<ReturnType<typeof sqlite3InitModule>>;
    let database: InstanceType<Sqlite['oo1']['DB']>;
    beforeAll(async () => {
      const sqlite = await sqlite3InitModule();
      database = new sqlite.oo1.DB(':memory:');
      database.exec('CREATE TABLE e (path TEXT, pid BIGINT, note TEXT, time BIGINT, eid TEXT)');
      ROWS.forEach(({ path, pid, note, time }, i) => {
        database.exec({
          sql: 'INSERT INTO e VALUES (?, ?, ?, ?, ?)',
          bind: [path, pid, note, time, String(i + 1).padStart(10, '0')].map(
            value => (value ?? null) as string,
          ),
        });
      });
    });
    afterAll(() => database.close());

    const literals = {
      path: ["'/bin/ls'", "'/BIN/ls'", "'/bin/ls '", "'Ä'", "'ä'", '5', '5.0', "'/b'"],
      note: ["'0755'", '755', 'CAST(755 AS INTEGER)', 'CAST(5 AS REAL)', "'x'", "'X'", '-1', "' 5'", "'5 '"],
      pid: [
        '5',
        "'5'",
        "'05'",
        '5.0',
        "'5.0'",
        "'-0'",
        '0',
        '-1',
        "'+5'",
        "' 5'",
        "'5 '",
        "'5x'",
        '4294967295',
        '1e1',
        "'abc'",
      ],
      time: [
        '101',
        '102',
        "'102'",
        "'0102'",
        '102.0',
        '101.5',
        "'102 '",
        '-1',
        '99999999999999999999',
        "'abc'",
        "'-0'",
      ],
      eid: [
        "'0000000003'",
        '3',
        'CAST(3 AS INTEGER)',
        'CAST(3 AS REAL)',
        "'3'",
        "'00000000003'",
        "'0000000003 '",
        "'x'",
        "'1e0'",
      ],
    } as const;
    const patterns = ["'/bin/%'", "'%S'", "'_'", "'%'", "'0%'", "'ä'", '5'];
    const column = fc.constantFrom('path', 'pid', 'note', 'time', 'eid');
    const term = column.chain(name =>
      fc.oneof(
        {
          weight: 4,
          arbitrary: fc.record({
            name: fc.constant(name),
            operator: fc.constantFrom<Operator>('=', '=', '<', '<=', '>', '>=', '<>'),
            values: fc.constantFrom(...literals[name]).map(value => [value]),
            collation: fc.constantFrom('', '', ' COLLATE NOCASE', ' COLLATE RTRIM'),
          }),
        },
        {
          weight: 1,
          arbitrary: fc.record({
            name: fc.constant(name),
            operator: fc.constantFrom<Operator>('LIKE', 'GLOB'),
            values: fc.constantFrom(...patterns).map(value => [value]),
            collation: fc.constant(''),
          }),
        },
        {
          weight: 2,
          arbitrary: fc.record({
            name: fc.constant(name),
            operator: fc.constant<Operator>('='),
            // The values of an IN, which core sends together.
            values: fc.uniqueArray(fc.constantFrom<string>(...literals[name]), {
              minLength: 2,
              maxLength: 4,
            }),
            collation: fc.constant(''),
          }),
        },
      ),
    );

    it('for any comparisons of any columns', () => {
      fc.assert(
        fc.property(
          fc.uniqueArray(term, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
          terms => {
            const where = terms
              .map(({ name, operator, values, collation }) =>
                values.length > 1
                  ? `${name} IN (${values.join(', ')})`
                  : `${name} ${operator} ${values[0]}${collation}`,
              )
              .join(' AND ');
            const wanted = database.selectValues(
              `SELECT CAST(eid AS INTEGER) FROM e WHERE ${where} ORDER BY eid`,
            );
            const constraints: Record<string, Constraint[]> = {};
            for (const { name, operator, values } of terms) {
              constraints[name] = values.map(value =>
                // As sqlite3_value_text says it.
                compare(operator, String(database.selectValue(`SELECT CAST(${value} AS TEXT)`))),
              );
            }
            expect(kept(constraints), where).toEqual(expect.arrayContaining(wanted));
          },
        ),
        { numRuns: 200 },
      );
    });
  });
});
