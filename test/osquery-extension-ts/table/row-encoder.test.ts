import fc from 'fast-check';
import type { ColumnSpec, OsqueryError } from 'osquery-extension-ts';
import { ByteWriter, createRowEncoder, decodeRows } from 'osquery-extension-ts/encoded';
import type { ColumnType } from 'osquery-extension-ts/types';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Row } from '../../../src/osquery-extension-ts/src/table/column.ts';
import { read, readRow } from '../wire/messages.ts';

/** Text with lone surrogates, long and short, ASCII or not. */
const text = fc.oneof(
  fc.string({ maxLength: 80 }),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.array(fc.nat(0xffff), { maxLength: 60 }).map(units => String.fromCharCode(...units)),
);
const integer = fc.oneof(
  fc.integer(),
  fc.nat(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }),
  fc.boolean(),
  fc.constantFrom(0, -0, 9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, 2 ** 53, 2 ** 63, 1e21, 10n ** 60n),
);
const anyValue: Record<ColumnType, fc.Arbitrary<unknown>> = {
  TEXT: text,
  INTEGER: integer,
  BIGINT: integer,
  'UNSIGNED BIGINT': integer,
  DOUBLE: fc.double(),
  BLOB: fc.oneof(fc.uint8Array({ maxLength: 80 }), text),
};
const types = Object.keys(anyValue) as ColumnType[];

/** Columns of any types, and rows that fit them. */
const table = fc.array(fc.constantFrom(...types), { minLength: 1, maxLength: 70 }).chain(list => {
  const columns: ColumnSpec[] = list.map((type, index) => ({ name: `column_${index}`, type }));
  const shape = Object.fromEntries(columns.map(column => [column.name, anyValue[column.type]]));
  return fc.record({
    columns: fc.constant(columns),
    rows: fc.array(fc.record({ ...shape }, { requiredKeys: [] }), { maxLength: 5 }),
  });
});

const sameText = fc.constantFrom(
  '',
  'a',
  'b',
  'é',
  'ab',
  'aé',
  '\ud800',
  'x'.repeat(64),
  'x'.repeat(65),
  'é'.repeat(40_000),
);
const sameNumber = fc.constantFrom<unknown>(
  0,
  -0,
  1,
  true,
  1n,
  9,
  10,
  -1,
  2 ** 32 - 1,
  2 ** 32,
  0.5,
  Number.NaN,
);
const sameBlob = fc.constantFrom(Uint8Array.of(), Uint8Array.of(0xff), Buffer.alloc(70_000, 'a'));

/** Columns, and plain rows that have much in common, some of them with values that no column of theirs can hold. */
const alikeRows = fc.array(fc.constantFrom(...types), { minLength: 1, maxLength: 6 }).chain(list => {
  const columns: ColumnSpec[] = list.map((type, index) => ({ name: `column_${index}`, type }));
  const value = fc.oneof(sameText, sameNumber, sameBlob, fc.constantFrom(null, undefined));
  const valueFor = ({ type }: ColumnSpec) =>
    fc.oneof(
      { weight: 12, arbitrary: type === 'TEXT' ? sameText : type === 'BLOB' ? sameBlob : sameNumber },
      { weight: 1, arbitrary: value },
    );
  const names = columns.map(({ name }) => name);
  const row = fc
    .tuple(
      fc.tuple(...columns.map(valueFor)),
      fc.oneof(
        { weight: 4, arbitrary: fc.constant(names) },
        { weight: 1, arbitrary: fc.shuffledSubarray(names) },
      ),
    )
    .map(([values, order]) => Object.fromEntries(order.map(name => [name, values[names.indexOf(name)]])));
  return fc.record({ columns: fc.constant(columns), rows: fc.array(row, { maxLength: 12 }) });
});

/** What a call returns, or the code of what it throws: of several wrong values any may be named. */
function outcomeOf(call: () => number): number | string {
  try {
    return call();
  } catch (error) {
    return (error as OsqueryError).code;
  }
}

function expectedText(value: unknown): string {
  if (typeof value === 'string') return value.toWellFormed();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value).toString();
  return String(value);
}

/** What SQL has of a row: no NULLs, and not-a-number is one. */
const present = (row: object): [string, unknown][] =>
  Object.entries(row).filter(([, value]) => value !== null && value !== undefined && !Number.isNaN(value));

describe('createRowEncoder', () => {
  it('writes what the thrift package reads back as the same values', () => {
    fc.assert(
      fc.property(table, ({ columns, rows }) => {
        const encoder = createRowEncoder(columns);
        const out = new ByteWriter(16);
        let length = 0;
        for (const row of rows) length += encoder.append(row as never, out);
        expect(out.length).toBe(length);
        const bytes = out.take();
        const decoded = read(bytes, input => rows.map(() => readRow(input)));
        rows.forEach((row, index) => {
          const expected = columns
            .filter(column => present(row).some(([name]) => name === column.name))
            .map(column => {
              const value = (row as Record<string, unknown>)[column.name];
              return [column.name, column.type === 'DOUBLE' ? String(value) : expectedText(value)];
            });
          expect(Object.entries(decoded[index]!)).toEqual(expected);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('writes a row the same whatever row was before', () => {
    fc.assert(
      fc.property(alikeRows, ({ columns, rows }) => {
        const encoder = createRowEncoder(columns);
        const out = new ByteWriter(16);
        for (const row of rows) {
          const first = createRowEncoder(columns);
          const expected = new ByteWriter(16);
          const outcome = outcomeOf(() => first.append(row as never, expected));
          expect(outcomeOf(() => encoder.append(row as never, out))).toEqual(outcome);
          expect(out.take().equals(expected.take())).toBe(true);
          if (typeof outcome === 'string') continue;
          expect([encoder.presentLow, encoder.presentHigh]).toEqual([first.presentLow, first.presentHigh]);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('takes what a row inherits, or computes, for its own', () => {
    const encoder = createRowEncoder([
      { name: 'a', type: 'TEXT' },
      { name: 'b', type: 'INTEGER' },
    ]);
    class Computed {
      get a(): string {
        return 'computed';
      }
    }
    const rows = [{ a: 'own', b: 1 }, new Computed(), {}, Object.create({ b: 2 }), { a: 'x' }];
    const out = new ByteWriter();
    for (const row of rows) encoder.append(row, out);
    expect(decodeRows({ count: rows.length, chunks: [out.take()] })).toEqual([
      { a: 'own', b: '1' },
      { a: 'computed' },
      {},
      { b: '2' },
      { a: 'x' },
    ]);
  });

  it('writes what a BLOB holds now, though it is the one of the row before', () => {
    const encoder = createRowEncoder([{ name: 'b', type: 'BLOB' }]);
    const blob = Uint8Array.of(1, 2);
    const out = new ByteWriter();
    encoder.append({ b: blob }, out);
    blob[0] = 3;
    encoder.append({ b: blob }, out);
    encoder.append({}, out);
    const bytes = out.take();
    expect(bytes.subarray(15, 17)).toEqual(Buffer.from([1, 2]));
    expect(bytes.subarray(32, 34)).toEqual(Buffer.from([3, 2]));
    expect(bytes.subarray(34)).toEqual(Buffer.from([11, 11, 0, 0, 0, 0]));
  });

  it('always writes valid UTF-8 for text', () => {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const encoder = createRowEncoder([{ name: 't', type: 'TEXT' }]);
    fc.assert(
      fc.property(text, value => {
        const out = new ByteWriter();
        encoder.append({ t: value }, out);
        // Row header (6), name (4 + 1), length (4).
        expect(decoder.decode(out.take().subarray(15))).toBe(value.toWellFormed());
      }),
    );
  });

  it('says which columns a row has', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(69), { maxLength: 70 }), indexes => {
        const columns = Array.from({ length: 70 }, (_, i) => ({ name: `c${i}`, type: 'INTEGER' as const }));
        const encoder = createRowEncoder(columns);
        encoder.append(Object.fromEntries(indexes.map(index => [`c${index}`, index])), new ByteWriter());
        let mask = 0n;
        for (const index of indexes) mask |= 1n << BigInt(Math.min(index, 63));
        expect((BigInt(encoder.presentHigh) << 32n) | BigInt(encoder.presentLow)).toBe(mask);
      }),
    );
  });

  it('keeps bytes of a BLOB as they are', () => {
    const encoder = createRowEncoder([{ name: 'b', type: 'BLOB' }]);
    const out = new ByteWriter();
    encoder.append({ b: Uint8Array.of(0, 255, 128, 10) }, out);
    expect(out.take().subarray(15)).toEqual(Buffer.from([0, 255, 128, 10]));
  });

  it.each([
    ['TEXT', 5, 'expected a string, got 5'],
    ['TEXT', Buffer.from('x'), 'expected a string, got an object of Buffer'],
    ['BIGINT', 1.5, 'expected a whole number, got 1.5'],
    ['BIGINT', Number.NaN, 'expected a whole number, got NaN'],
    ['INTEGER', Number.POSITIVE_INFINITY, 'expected a whole number, got Infinity'],
    ['UNSIGNED BIGINT', '12', 'expected a number, bigint or boolean, got the text "12"'],
    ['DOUBLE', 12n, 'expected a number, got 12n'],
    ['BLOB', 12, 'expected a Uint8Array or a string, got 12'],
  ] as const)('refuses %s %s and leaves the buffer as it was', (type, value, message) => {
    const encoder = createRowEncoder([
      { name: 'a', type: 'TEXT' },
      { name: 'c', type },
    ]);
    const out = new ByteWriter(8);
    encoder.append({ a: 'kept' }, out);
    const before = out.length;
    expect(() => encoder.append({ a: 'x'.repeat(1000), c: value } as never, out)).toThrowError(
      expect.objectContaining({ code: 'OSQUERY_INVALID', message: `column c (${type}): ${message}` }),
    );
    expect(out.length).toBe(before);
    encoder.append({ a: 'next' }, out);
    expect(decodeRows({ count: 2, chunks: [out.take()] })).toEqual([{ a: 'kept' }, { a: 'next' }]);
  });

  it('never writes again to bytes that were taken', () => {
    const encoder = createRowEncoder([{ name: 'a', type: 'TEXT' }]);
    const out = new ByteWriter(64);
    encoder.append({ a: 'first' }, out);
    const taken = out.take();
    const copy = Buffer.from(taken);
    for (let i = 0; i < 100; i += 1) encoder.append({ a: 'other text' }, out);
    expect(taken).toEqual(copy);
  });
});

describe('the type of a row', () => {
  const columns = [
    { name: 'text', type: 'TEXT' },
    { name: 'small', type: 'INTEGER' },
    { name: 'big', type: 'BIGINT', options: { index: true } },
    { name: 'unsigned', type: 'UNSIGNED BIGINT' },
    { name: 'real', type: 'DOUBLE' },
    { name: 'bytes', type: 'BLOB' },
  ] as const satisfies readonly ColumnSpec[];

  it('follows from the columns', () => {
    type Integer = number | bigint | boolean | null | undefined;
    expectTypeOf<Row<typeof columns>>().toEqualTypeOf<{
      readonly text?: string | null | undefined;
      readonly small?: Integer;
      readonly big?: Integer;
      readonly unsigned?: Integer;
      readonly real?: number | null | undefined;
      readonly bytes?: Uint8Array | string | null | undefined;
    }>();
  });

  it('refuses what no column holds', () => {
    const encoder = createRowEncoder(columns);
    const out = new ByteWriter();
    encoder.append(
      { text: 'a', small: 1, big: 2n, unsigned: true, real: 0.5, bytes: new Uint8Array(1) },
      out,
    );
    // @ts-expect-error there is no such column
    encoder.append({ txt: 'a' }, out);
    // @ts-expect-error text is no number
    expect(() => encoder.append({ small: '1' }, out)).toThrow();
    // @ts-expect-error a number is no text
    expect(() => encoder.append({ text: 1 }, out)).toThrow();
    // @ts-expect-error a double is no bigint
    expect(() => encoder.append({ real: 1n }, out)).toThrow();
    expect(out.length).toBeGreaterThan(0);
  });
});
