import fc from 'fast-check';
import { OsqueryError, type QueryContext } from 'osquery-extension-ts';
import {
  CONSTRAINT_EQ,
  CONSTRAINT_GE,
  CONSTRAINT_GT,
  CONSTRAINT_LE,
  CONSTRAINT_LIKE,
  CONSTRAINT_NE,
  EMPTY_CONTEXT,
  parseQueryContext,
} from 'osquery-extension-ts/protocol';
import { describe, expect, it } from 'vitest';
import { ContextParser } from '../../../src/osquery-extension-ts/src/table/context-parser.ts';
import recorded from '../fixtures/osqueryd-5.23-contexts.json' with { type: 'json' };

const constraintsOn = (context: QueryContext, column: string) => context.constraints.get(column)?.list ?? [];
const equalTo = (context: QueryContext, column: string): string[] =>
  constraintsOn(context, column)
    .filter(({ op }) => op === CONSTRAINT_EQ)
    .map(({ expr }) => expr);

const contextsOf = (sql: string) =>
  recorded.filter(sample => sample.sql === sql).map(sample => parseQueryContext(sample.context));

describe('parseQueryContext, on what osqueryd 5.23 sends', () => {
  it('reads every recorded context', () => {
    for (const sample of recorded) {
      const context = parseQueryContext(sample.context);
      const raw = JSON.parse(sample.context) as {
        constraints: { name: string; affinity: string; list: { op: number; expr: string }[] }[];
        colsUsed: string[];
        colsUsedBitset: number;
      };
      expect([...context.constraints.keys()]).toEqual(raw.constraints.map(({ name }) => name));
      for (const { name, affinity, list } of raw.constraints) {
        expect(context.constraints.get(name)?.affinity).toBe(affinity);
        expect(constraintsOn(context, name)).toEqual(list.filter(({ op }) => op < 73));
      }
      expect(context.colsUsed).toEqual(new Set(raw.colsUsed));
      expect(context.colsUsedBitset).toBe(BigInt(raw.colsUsedBitset));
    }
  });

  it('keeps LIMIT and OFFSET apart from the column they arrive on', () => {
    const [context] = contextsOf(
      "select txt from ext_def where txt='a' and i>1 and b<>2 and txt like 'a%' and txt>'A' limit 5 offset 1",
    );
    expect(context?.limit).toBe(5n);
    expect(context?.offset).toBe(1n);
    expect(constraintsOn(context!, 'txt')).toEqual([
      { op: CONSTRAINT_EQ, expr: 'a' },
      { op: CONSTRAINT_LIKE, expr: 'a%' },
    ]);
    expect(constraintsOn(context!, 'i')).toEqual([{ op: CONSTRAINT_GT, expr: '1' }]);
    expect(constraintsOn(context!, 'b')).toEqual([{ op: CONSTRAINT_NE, expr: '2' }]);
    expect(equalTo(context!, 'txt')).toEqual(['a']);
    expect(context!.colsUsed).toEqual(new Set(['b', 'i', 'txt']));
  });

  it('sees BETWEEN as two comparisons, and the branches of OR as two calls', () => {
    const contexts = contextsOf('select count(*) from ext_def where b between 1 and 10 and d>=1.0 or ub=3');
    expect(contexts).toHaveLength(2);
    expect(constraintsOn(contexts[0]!, 'b')).toEqual([
      { op: CONSTRAINT_GE, expr: '1' },
      { op: CONSTRAINT_LE, expr: '10' },
    ]);
    expect(equalTo(contexts[1]!, 'ub')).toEqual(['3']);
  });

  it('sees all values of IN on an optimized index column', () => {
    const [context] = recorded
      .filter(sample => sample.sql.includes("path in ('/a','/b')"))
      .map(sample => parseQueryContext(sample.context));
    expect(equalTo(context!, 'path')).toEqual(['/a', '/b']);
  });
});

describe('parseQueryContext, on what other versions may send', () => {
  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['an empty object', '{}'],
  ])('takes %s as no condition', (_, json) => {
    expect(parseQueryContext(json)).toEqual(EMPTY_CONTEXT);
  });

  it('reads operators that are text', () => {
    const context = parseQueryContext(
      '{"constraints":[{"name":"a","list":[{"op":"2","expr":"x"}],"affinity":"TEXT"}]}',
    );
    expect(equalTo(context, 'a')).toEqual(['x']);
    expect(context.colsUsed).toBeUndefined();
    expect(context.colsUsedBitset).toBeUndefined();
  });

  it('reads expressions that are numbers, and an empty list that is text', () => {
    const context = parseQueryContext(
      '{"constraints":[{"name":"a","list":[{"op":2,"expr":7}]},{"name":"b","list":"","affinity":"BIGINT"}]}',
    );
    expect(equalTo(context, 'a')).toEqual(['7']);
    expect(context.constraints.get('b')).toEqual({ affinity: 'BIGINT', list: [] });
  });

  it('leaves out operators it does not know', () => {
    const context = parseQueryContext(
      '{"constraints":[{"name":"a","list":[{"op":150,"expr":"x"},{"op":0,"expr":"x"},{"op":"=","expr":"x"},{"op":2,"expr":"y"}]}]}',
    );
    expect(constraintsOn(context, 'a')).toEqual([{ op: CONSTRAINT_EQ, expr: 'y' }]);
  });

  it('reads a bit set beyond 2^53 exactly', () => {
    const context = parseQueryContext(
      String.raw`{"constraints":[{"name":"a","list":[{"op":2,"expr":"\"colsUsedBitset\":1"}]}],"colsUsedBitset":18446744073709551615}`,
    );
    expect(context.colsUsedBitset).toBe(2n ** 64n - 1n);
    expect(equalTo(context, 'a')).toEqual(['"colsUsedBitset":1']);
  });

  it.each(['[]', 'null', '3', '"x"', '{', 'context'])('refuses %s', json => {
    expect(() => parseQueryContext(json)).toThrowError(expect.objectContaining({ code: 'OSQUERY_INVALID' }));
  });
});

describe('parseQueryContext, on anything', () => {
  it('gives a context or a typed error', () => {
    const members = fc.constantFrom(
      'constraints',
      'name',
      'list',
      'op',
      'expr',
      'affinity',
      'colsUsed',
      'colsUsedBitset',
    );
    const json = fc.letrec(tie => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.oneof(
          fc.string(),
          fc.double(),
          fc.integer(),
          fc.constant(null),
          fc.boolean(),
          fc.constantFrom(2, 73, '2'),
        ),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(members, tie('value'), { maxKeys: 5 }),
      ),
    })).value;
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          json.map(value => JSON.stringify(value) ?? ''),
        ),
        input => {
          try {
            const context = parseQueryContext(input);
            for (const { list } of context.constraints.values()) {
              for (const { op, expr } of list) {
                expect(op).toBeLessThan(73);
                expect(typeof expr).toBe('string');
              }
            }
          } catch (error) {
            expect(error).toBeInstanceOf(OsqueryError);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('reads back every context that a core writes', () => {
    const constraint = fc.record({
      op: fc.constantFrom(2, 4, 8, 16, 32, 64, 65, 66, 67, 68),
      expr: fc.string({ unit: 'grapheme' }),
    });
    const columns = fc.uniqueArray(
      fc.record({
        name: fc.string({ minLength: 1 }),
        list: fc.array(constraint, { maxLength: 4 }),
        affinity: fc.constantFrom('TEXT', 'BIGINT', 'UNKNOWN'),
      }),
      { selector: column => column.name, maxLength: 6 },
    );
    fc.assert(
      fc.property(columns, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (constraints, bits) => {
        const colsUsed = constraints.map(({ name }) => name);
        const json = JSON.stringify({ constraints, colsUsed }).replace(/}$/, `,"colsUsedBitset":${bits}}`);
        const context = parseQueryContext(json);
        expect([...context.constraints]).toEqual(
          constraints.map(({ name, list, affinity }) => [name, { affinity, list }]),
        );
        expect(context.colsUsed).toEqual(new Set(colsUsed));
        expect(context.colsUsedBitset).toBe(bits);
      }),
    );
  });

  it('reads contexts alike but for their values as it reads each of them', () => {
    const value = fc.oneof(
      fc.string({ unit: fc.constantFrom('a', '7', ' ', '"', '\\', '\n', 'ä', '{', '}', ',', '"expr":"') }),
      fc.constantFrom('1', '22', '', '"', '\\"', '"expr":"x', '","op":2'),
    );
    const comparison = fc.record({
      column: fc.constantFrom('a', 'b', 'expr'),
      op: fc.constantFrom(2, 4, 65),
    });
    fc.assert(
      fc.property(
        fc.array(comparison, { maxLength: 4 }),
        fc.constantFrom('', ',{"op":73,"expr":"5"}', ',{"op":2,"expr":5}'),
        fc.array(fc.array(value, { minLength: 4, maxLength: 4 }), { minLength: 2, maxLength: 6 }),
        (comparisons, more, series) => {
          const parser = new ContextParser();
          for (const values of series) {
            const constraints = ['a', 'b', 'expr', 'c'].map(name => ({
              name,
              list: comparisons.flatMap(({ column, op }, i) =>
                column === name ? [{ op, expr: values[i]! }] : [],
              ),
              affinity: 'TEXT',
            }));
            const json = JSON.stringify({ constraints, colsUsed: ['a'], colsUsedBitset: 1 });
            const context = parser.parse(json.replace(/}](?=,"affinity")/, `}${more}]`));
            const own = [...context.constraints].map(([name, { list }]) => ({ name, list }));
            const added = more.includes('"op":2') ? { op: 2, expr: '5' } : undefined;
            let isFirst = true;
            expect(own).toEqual(
              constraints.map(({ name, list }) => {
                const isChanged = isFirst && added !== undefined && list.length > 0;
                if (list.length > 0) isFirst = false;
                return { name, list: isChanged ? [...list, added] : list };
              }),
            );
            for (const { name, list } of own) {
              expect(context.constraints.get(name)?.list).toEqual(list);
              expect(context.constraints.has(name)).toBe(true);
            }
            expect([...context.constraints.keys()]).toEqual(own.map(({ name }) => name));
            expect([...context.constraints.values()].map(({ list }) => list)).toEqual(
              own.map(({ list }) => list),
            );
            expect(context.constraints.size).toBe(4);
            expect(context.limit).toBe(more.includes('73') && comparisons.length > 0 ? 5n : undefined);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
