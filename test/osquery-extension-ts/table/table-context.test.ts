import fc from 'fast-check';
import type { ColumnSpec } from 'osquery-extension-ts';
import { parseQueryContext, TableContext } from 'osquery-extension-ts/protocol';
import { describe, expect, it } from 'vitest';

const columns = [
  { name: 'i', type: 'INTEGER' },
  { name: 'b', type: 'BIGINT' },
  { name: 't', type: 'TEXT' },
  { name: 'n', type: 'TEXT', collation: 'NOCASE' },
  { name: 'd', type: 'DOUBLE' },
  { name: 'x', type: 'BLOB' },
] as const satisfies readonly ColumnSpec[];

const EQ = 2;
const GT = 4;
const LE = 8;
const LT = 16;
const GE = 32;
const LIKE = 65;
const NE = 68;

const contextOf = (
  constraints: Record<string, (readonly [op: number, expr: string])[]>,
  colsUsed?: string[],
) =>
  new TableContext(
    { name: 't', columns, columnAliases: { bee: 'b' } },
    parseQueryContext(
      JSON.stringify({
        constraints: Object.entries(constraints).map(([name, list]) => ({
          name,
          list: list.map(([op, expr]) => ({ op, expr })),
          affinity: 'TEXT',
        })),
        ...(colsUsed === undefined ? {} : { colsUsed }),
      }),
    ),
  );

describe('equals', () => {
  it.each<[string, (number | bigint)[] | undefined]>([
    ['1', [1]],
    ['01', [1]],
    ['1.0', [1]],
    [' 1 ', [1]],
    ['1e2', [100]],
    ['-0', [0]],
    ['9007199254740993', [9007199254740993n]],
    ['9223372036854775807', [9223372036854775807n]],
    // No whole number of 64 bits is any of these.
    ['9223372036854775808', undefined],
    ['1.5', []],
    ['abc', []],
    ['0x10', []],
    ['1_000', []],
    ['', []],
    // SQLite's text of 1234567890123456.0: which of several numbers was meant it does not say.
    ['1.23456789012346e+15', undefined],
  ])('takes %j for what a column of whole numbers makes of it', (expr, values) => {
    expect(contextOf({ b: [[EQ, expr]] }).equals('b')).toEqual(values);
  });

  it('is undefined where nothing is said, and has each value of an IN once', () => {
    expect(contextOf({}).equals('b')).toBeUndefined();
    expect(contextOf({ b: [[GT, '5']] }).equals('b')).toBeUndefined();
    expect(
      contextOf({
        b: [
          [EQ, '1'],
          [EQ, '01'],
          [EQ, '2'],
        ],
      }).equals('b'),
    ).toEqual([1, 2]);
    expect(
      contextOf({
        t: [
          [EQ, '01'],
          [EQ, 'a'],
        ],
      }).equals('t'),
    ).toEqual(['01', 'a']);
  });

  it('says nothing of reals and bytes, which core does not pass whole', () => {
    const context = contextOf({ d: [[EQ, '0.3']], x: [[EQ, 'a']] });
    // @ts-expect-error a real is not looked up
    expect(context.equals('d')).toBeUndefined();
    // @ts-expect-error nor are bytes
    expect(context.equals('x')).toBeUndefined();
  });
});

describe('range', () => {
  it.each<[(readonly [number, string])[], object]>([
    [[], {}],
    [[[GT, '5']], { min: 6 }],
    [[[GE, '5']], { min: 5 }],
    [[[LT, '5']], { max: 4 }],
    [[[LE, '5']], { max: 5 }],
    [[[GT, '5.5']], { min: 6 }],
    [[[LT, '5.5']], { max: 5 }],
    [
      [
        [GE, '1'],
        [LE, '10'],
        [GT, '3'],
      ],
      { min: 4, max: 10 },
    ],
    [[[EQ, '7']], { min: 7, max: 7 }],
    [
      [
        [EQ, '7'],
        [EQ, '3'],
        [EQ, 'x'],
      ],
      { min: 3, max: 7 },
    ],
    [
      [
        [EQ, '7'],
        [GT, '3'],
      ],
      { min: 7, max: 7 },
    ],
    [[[LT, 'text']], {}],
    [[[GE, '9007199254740993']], { min: 9007199254740993n }],
  ])('of %j is %o', (list, range) => {
    expect(contextOf({ b: list }).range('b')).toEqual(range);
  });

  it('is empty where no number can match', () => {
    const { min, max } = contextOf({ b: [[GT, 'text']] }).range('b');
    expect(min! > max!).toBe(true);
  });

  it('of a real includes every number that its 15 digits may stand for', () => {
    const { min, max } = contextOf({
      d: [
        [GE, '0.3'],
        [LE, '0.3'],
      ],
    }).range('d');
    expect(min).toBeLessThanOrEqual(0.3);
    expect(max).toBeGreaterThanOrEqual(0.1 + 0.2);
  });
});

describe('matches', () => {
  it.each<[(readonly [number, string])[], unknown, boolean]>([
    [[], 5, true],
    [[[EQ, '05']], 5, true],
    [[[EQ, '5']], 5n, true],
    [[[EQ, '1']], true, true],
    [
      [
        [EQ, '5'],
        [EQ, '6'],
      ],
      6,
      true,
    ],
    [
      [
        [EQ, '5'],
        [EQ, '6'],
      ],
      7,
      false,
    ],
    [[[EQ, '5']], null, false],
    [[[NE, '5']], 5, false],
    [[[NE, '5']], 6, true],
    [[[NE, 'x']], 6, true],
    [
      [
        [GT, '5'],
        [LT, '8'],
      ],
      8,
      false,
    ],
    [
      [
        [GT, '5'],
        [LT, '8'],
      ],
      7n,
      true,
    ],
  ])('%j of a number %s: %s', (list, value, expected) => {
    expect(contextOf({ b: list }).matches('b', value)).toBe(expected);
  });

  it('compares texts as they are, or as numbers, or leaves them to core', () => {
    expect(contextOf({ t: [[EQ, 'a']] }).matches('t', 'a')).toBe(true);
    expect(contextOf({ t: [[EQ, 'a']] }).matches('t', 'A')).toBe(false);
    // SELECT … JOIN … ON t.t = other.number
    expect(contextOf({ t: [[EQ, '1']] }).matches('t', '01')).toBe(true);
    expect(contextOf({ n: [[EQ, 'a']] }).matches('n', 'A')).toBe(true);
    expect(contextOf({ t: [[LIKE, 'a%']] }).matches('t', 'b')).toBe(true);
    expect(contextOf({ d: [[EQ, '0.3']] }).matches('d', 0.1 + 0.2)).toBe(true);
    expect(contextOf({ x: [[EQ, 'a']] }).matches('x', Buffer.from('b'))).toBe(true);
    // Core shows a text that is not there as an empty one.
    expect(contextOf({ t: [[NE, 'a']] }).matches('t', null)).toBe(true);
    expect(contextOf({ t: [[EQ, 'a']] }).matches('t', undefined)).toBe(false);
  });

  it('never leaves out a number that SQLite would keep', () => {
    const number = fc.oneof(fc.integer({ min: -20, max: 20 }), fc.maxSafeInteger());
    const comparisons: Record<number, (a: number, b: number) => boolean> = {
      [EQ]: (a, b) => a === b,
      [NE]: (a, b) => a !== b,
      [GT]: (a, b) => a > b,
      [GE]: (a, b) => a >= b,
      [LT]: (a, b) => a < b,
      [LE]: (a, b) => a <= b,
    };
    fc.assert(
      fc.property(number, number, fc.constantFrom(EQ, NE, GT, GE, LT, LE), (value, other, op) => {
        const context = contextOf({ b: [[op, String(other)]] });
        expect(context.matches('b', value)).toBe(comparisons[op]!(value, other));
        const { min, max } = context.range('b');
        const inRange = (min === undefined || value >= min) && (max === undefined || value <= max);
        if (op !== NE) expect(inRange).toBe(comparisons[op]!(value, other));
      }),
    );
  });
});

describe('uses and comparisons', () => {
  it('say what core said, under the names of columns', () => {
    const context = contextOf(
      {
        t: [
          [EQ, 'a'],
          [LIKE, 'b%'],
          [GE, 'c'],
        ],
      },
      ['t', 'bee'],
    );
    expect(context.comparisons('t')).toEqual([
      { operator: '=', value: 'a' },
      { operator: 'LIKE', value: 'b%' },
      { operator: '>=', value: 'c' },
    ]);
    expect([context.uses('t'), context.uses('b'), context.uses('d')]).toEqual([true, true, false]);
    expect(contextOf({}).uses('d')).toBe(true);
  });
});
