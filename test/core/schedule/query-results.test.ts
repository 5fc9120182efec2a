import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CoreDatabase } from '../../../src/core/database.ts';
import { difference, type ResultRow, recordResults } from '../../../src/core/schedule/query-results.ts';

const rows = (...values: string[]): ResultRow[] => values.map(v => ({ v }));

const recorder = (append: boolean, database = new CoreDatabase()) => ({
  database,
  record: (values: ResultRow[], more: { epoch?: number; query?: string } = {}) =>
    recordResults({ database, name: 'q', query: 'SELECT v', rows: values, append, epoch: 0, ...more }),
});

describe('a query over tables', () => {
  test('logs everything first, then the difference, and counts', () => {
    const { record, database } = recorder(false);
    expect(record(rows('a', 'b'))).toEqual({
      added: rows('a', 'b'),
      removed: [],
      counter: 0,
      isEmpty: false,
    });
    expect(record(rows('a', 'b')).isEmpty).toBe(true);
    expect(record(rows('b', 'c', 'b'))).toEqual({
      added: rows('c', 'b'),
      removed: rows('a'),
      counter: 1,
      isEmpty: false,
    });
    expect(record(rows())).toEqual({ added: [], removed: rows('b', 'b', 'c'), counter: 2, isEmpty: false });
    expect(database.get('queries', 'qcounter')).toBe('2');
  });

  test('starts anew with another epoch', () => {
    const { record } = recorder(false);
    record(rows('a'));
    record(rows('b'));
    expect(record(rows('b'), { epoch: 1 })).toEqual({
      added: rows('b'),
      removed: [],
      counter: 0,
      isEmpty: false,
    });
    expect(record(rows('c'), { epoch: 1 })).toMatchObject({ counter: 1 });
  });

  test('takes names in any order for the same row', () => {
    expect(difference([{ a: '1', b: '2' }], [{ b: '2', a: '1' }])).toEqual({ added: [], removed: [] });
  });

  test('the difference turns one result into the other', () => {
    const some = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });
    fc.assert(
      fc.property(some, some, (before, after) => {
        const { added, removed } = difference(rows(...before), rows(...after));
        const left: string[] = [...before];
        for (const { v } of removed) left.splice(left.indexOf(v!), 1);
        expect([...left, ...added.map(({ v }) => v)].sort()).toEqual([...after].sort());
        expect(added.length + removed.length).toBeLessThanOrEqual(before.length + after.length);
      }),
    );
  });
});

describe('a query over events', () => {
  test('logs every row, never a removal, and counts only runs that found some', () => {
    const { record, database } = recorder(true);
    expect(record(rows('a'))).toEqual({ added: rows('a'), removed: [], counter: 1, isEmpty: false });
    expect(record(rows()).isEmpty).toBe(true);
    expect(record(rows('a', 'a'))).toEqual({
      added: rows('a', 'a'),
      removed: [],
      counter: 2,
      isEmpty: false,
    });
    expect(database.get('queries', 'q')).toBe('[]');
  });

  test('that finds nothing at first begins to count at 0, as core does', () => {
    const { record } = recorder(true);
    expect(record(rows()).isEmpty).toBe(true);
    expect(record(rows('a')).counter).toBe(0);
    expect(record(rows('a')).counter).toBe(1);
  });
});
