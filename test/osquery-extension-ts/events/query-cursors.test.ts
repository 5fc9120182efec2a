import { QueryCursors } from 'osquery-extension-ts/events';
import { describe, expect, it } from 'vitest';

const range = (from: number, to: number) => ({ from, to });
const run = (query: string, id: string) => ({ query, id });

describe('QueryCursors', () => {
  it('shows a query everything at first, then what is new in each execution', () => {
    const cursors = new QueryCursors();
    expect(cursors.rangeFor(run('q', '1'), range(1, 5))).toEqual(range(1, 5));
    expect(cursors.rangeFor(run('q', '2'), range(1, 8))).toEqual(range(5, 8));
    expect(cursors.rangeFor(run('q', '3'), range(1, 8))).toEqual(range(8, 8));
    expect(cursors.rangeFor(run('q', '4'), range(1, 9))).toEqual(range(8, 9));
  });

  it('shows the same rows to every read of one execution, also when more have come', () => {
    const cursors = new QueryCursors();
    cursors.rangeFor(run('q', '1'), range(1, 5));
    for (const to of [8, 9, 20]) expect(cursors.rangeFor(run('q', '2'), range(3, to))).toEqual(range(5, 8));
    expect(cursors.rangeFor(run('q', '1'), range(1, 20))).toEqual(range(8, 20));
    const first = new QueryCursors();
    for (const to of [5, 6]) expect(first.rangeFor(run('q', '1'), range(1, to))).toEqual(range(1, 5));
  });

  it('keeps queries apart', () => {
    const cursors = new QueryCursors();
    cursors.rangeFor(run('a', '1'), range(1, 5));
    expect(cursors.rangeFor(run('b', '1'), range(1, 7))).toEqual(range(1, 7));
    expect(cursors.rangeFor(run('a', '2'), range(1, 7))).toEqual(range(5, 7));
  });

  it('takes an execution that came back under another id for another', () => {
    const cursors = new QueryCursors();
    cursors.rangeFor(run('q', '/1700000000'), range(1, 3));
    expect(cursors.rangeFor(run('q', '/1700000010'), range(1, 3))).toEqual(range(3, 3));
    expect(cursors.rangeFor(run('q', '1/1700000010'), range(1, 4))).toEqual(range(3, 4));
  });

  it('keeps the place of a query that a look at the schedule confirms', () => {
    const cursors = new QueryCursors();
    expect(cursors.rangeFor({ ...run('q', '1'), seenAtLook: 3 }, range(1, 5))).toEqual(range(1, 5));
    cursors.settle(new Set(['q']), 4);
    expect(cursors.rangeFor({ ...run('q', '2'), seenAtLook: 4 }, range(1, 8))).toEqual(range(5, 8));
    cursors.settle(new Set(), 5);
    expect(cursors.rangeFor(run('q', '3'), range(1, 9))).toEqual(range(8, 9));
  });

  it('forgets the place of a query that does not read the table, but not for a look begun before it ran', () => {
    const cursors = new QueryCursors();
    cursors.rangeFor({ ...run('q', '1'), seenAtLook: 3 }, range(1, 5));
    cursors.settle(new Set(), 3);
    expect(cursors.rangeFor({ ...run('q', '2'), seenAtLook: 3 }, range(1, 8))).toEqual(range(5, 8));
    cursors.settle(new Set(), 4);
    expect(cursors.rangeFor({ ...run('q', '3'), seenAtLook: 4 }, range(1, 9))).toEqual(range(1, 9));
    expect(cursors.takeChanges()).toEqual([['q', expect.objectContaining(range(1, 9))]]);
  });

  it('forgets queries that are no longer scheduled', () => {
    const cursors = new QueryCursors();
    cursors.rangeFor(run('a', '1'), range(1, 5));
    cursors.rangeFor(run('b', '1'), range(1, 5));
    cursors.retain(new Set(['b', 'c']), range(5, 6));
    expect(cursors.rangeFor(run('a', '2'), range(5, 6))).toEqual(range(5, 6));
    expect(cursors.takeChanges()).toEqual([
      ['a', expect.objectContaining(range(5, 6))],
      ['b', expect.objectContaining(range(1, 5))],
    ]);
    cursors.retain(new Set(['b']), range(6, 6));
    expect(cursors.takeChanges()).toEqual([['a', undefined]]);
    expect(cursors.rangeFor(run('b', '2'), range(1, 6))).toEqual(range(5, 6));
  });

  it('keeps the place of a query that is not scheduled for a while', () => {
    const cursors = new QueryCursors();
    cursors.rangeFor(run('a', '1'), range(1, 5));
    cursors.retain(new Set(), range(4, 5));
    expect(cursors.rangeFor(run('a', '2'), range(4, 6))).toEqual(range(5, 6));
  });

  describe('an execution that failed', () => {
    const execution = (id: string, counter?: string) => ({ query: 'q', id, counter });

    it('is owed its rows by the next one, and they by the one after if that fails too', () => {
      const cursors = new QueryCursors();
      cursors.rangeFor(execution('1'), range(1, 5));
      cursors.fail(execution('1'));
      expect(cursors.rangeFor(execution('2'), range(1, 7))).toEqual(range(1, 7));
      cursors.fail(execution('2'));
      expect(cursors.rangeFor(execution('3'), range(3, 9))).toEqual(range(1, 9));
      expect(cursors.rangeFor(execution('4'), range(3, 9))).toEqual(range(9, 9));
    });

    it('is over, and no concern of the one that runs', () => {
      const cursors = new QueryCursors();
      cursors.rangeFor(execution('1'), range(1, 5));
      cursors.rangeFor(execution('2'), range(1, 7));
      cursors.fail(execution('1'));
      expect(cursors.rangeFor(execution('3'), range(1, 8))).toEqual(range(7, 8));
    });

    it('has not failed if core has logged its results', () => {
      const cursors = new QueryCursors();
      cursors.rangeFor(execution('1', '4'), range(1, 5));
      cursors.fail(execution('1', '4'));
      expect(cursors.rangeFor(execution('2', '5'), range(1, 7))).toEqual(range(5, 7));
    });
  });

  describe('seenByAll', () => {
    it('is what every query has had in executions that are over', () => {
      const cursors = new QueryCursors();
      cursors.rangeFor(run('a', '1'), range(1, 5));
      // It may read again within the same execution.
      expect(cursors.seenByAll(['a'])).toBe(1);
      cursors.rangeFor(run('a', '2'), range(1, 9));
      expect(cursors.seenByAll(['a'])).toBe(5);
      cursors.rangeFor(run('b', '1'), range(3, 9));
      expect(cursors.seenByAll(['a', 'b'])).toBe(3);
      cursors.rangeFor(run('b', '2'), range(3, 9));
      expect(cursors.seenByAll(['a', 'b'])).toBe(5);
    });

    it('is unknown while one of them has not read', () => {
      const cursors = new QueryCursors();
      cursors.rangeFor(run('a', '1'), range(1, 5));
      expect(cursors.seenByAll(['a', 'b'])).toBeUndefined();
      expect(cursors.seenByAll([])).toBeUndefined();
    });
  });
});
