import type { PluginRow } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import {
  QueryCursors,
  type QueryExecution,
  ReturnedRows,
  type TableReader,
} from 'osquery-extension-ts/events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { selectEvents } from '../../src/events/select-events.ts';
import { contextOf, eidsOf, filledBuffer, NO_LIMITS, spec, type TestRow } from './event-rows.ts';

const EQ = 2;
const GE = 32;
const NOW = 100_000;
const rows = (...times: readonly number[]): TestRow[] =>
  times.map((time, i) => ({ path: `/bin/${i % 2 === 0 ? 'even' : 'odd'}`, pid: i, time }));
const ANYTHING = contextOf({});
const SINCE_EVER = contextOf({ time: [{ op: GE, expr: '0' }] });

/** One table and what it is told of the world; both may change between reads. */
const table = (initial: readonly TestRow[]) => {
  const clock = { now: 0 };
  const { buffer, append } = filledBuffer(initial, NO_LIMITS, () => clock.now);
  const cursors = new QueryCursors();
  const returned = new ReturnedRows(buffer, () => clock.now);
  const world = {
    readers: [] as readonly TableReader[],
    eventsOptimize: true,
    eventsExpiry: 86_000,
    now: NOW as number | undefined,
    upToDate: (): Promise<void> | undefined => undefined,
    completed: (): Promise<void> | undefined => undefined,
  };
  const read = async (
    execution?: QueryExecution,
    context = ANYTHING,
    signal = new AbortController().signal,
  ): Promise<PluginRow[]> =>
    decodeRows(
      await selectEvents({
        spec,
        buffer,
        cursors,
        environment: {
          execution: async () => execution,
          readers: () => world.readers,
          returned,
          eventsOptimize: world.eventsOptimize,
          eventsExpiry: world.eventsExpiry,
          now: () => world.now,
          upToDate: () => world.upToDate(),
          completed: () => world.completed(),
        },
        context,
        signal,
      }),
    );
  const eids = async (...args: Parameters<typeof read>): Promise<number[]> => eidsOf(await read(...args));
  /** What goes on for longer than the reads of one statement. */
  const later = (): void => {
    clock.now += 1_000;
  };
  return { buffer, append, cursors, returned, world, read, eids, later };
};
const run = (query: string, id: number | string): QueryExecution => ({ query, id: String(id) });

describe('selectEvents', () => {
  it('waits for what is on its way, and shows it', async () => {
    const { append, world, eids } = table(rows(NOW));
    const arrival = Promise.withResolvers<void>();
    world.upToDate = () => arrival.promise;
    const selected = eids();
    await new Promise(resolve => setImmediate(resolve));
    append(rows(NOW));
    arrival.resolve();
    expect(await selected).toEqual([1, 2]);
  });

  describe('with events_optimize', () => {
    it('waits until the rows are complete; those that come meanwhile are for the next execution', async () => {
      const { append, world, eids } = table(rows(NOW));
      const completion = Promise.withResolvers<void>();
      let asked = 0;
      world.completed = () => {
        asked++;
        return completion.promise;
      };
      const selected = eids(run('q', 1));
      await new Promise(resolve => setImmediate(resolve));
      append(rows(NOW, NOW));
      completion.resolve();
      expect(await selected).toEqual([1]);
      // What it sees is fixed, and nobody else waits.
      expect(await eids(run('q', 1))).toEqual([1]);
      expect(await eids()).toEqual([1, 2, 3]);
      expect(asked).toBe(1);
      expect(await eids(run('q', 2))).toEqual([2, 3]);
    });

    it('shows a scheduled query each row once', async () => {
      const { eids, append } = table(rows(NOW, NOW));
      expect(await eids(run('q', 1))).toEqual([1, 2]);
      append(rows(NOW));
      expect(await eids(run('q', 2))).toEqual([3]);
      expect(await eids(run('q', 3))).toEqual([]);
    });

    it('shows every read of one execution the same rows: a self-join, IN, OR', async () => {
      const { eids, append } = table(rows(NOW, NOW));
      expect(await eids(run('q', 1))).toEqual([1, 2]);
      append(rows(NOW));
      expect(await eids(run('q', 1))).toEqual([1, 2]);
      const even = contextOf({ path: [{ op: EQ, expr: '/bin/even' }] });
      const odd = contextOf({ path: [{ op: EQ, expr: '/bin/odd' }] });
      append(rows(NOW, NOW));
      expect(await eids(run('q', 2), even)).toEqual([3, 4]);
      expect(await eids(run('q', 2), odd)).toEqual([5]);
      expect(await eids(run('q', 2), even)).toEqual([3, 4]);
    });

    it('passes over rows that an execution did not want', async () => {
      const { eids, append } = table(rows(NOW, NOW));
      expect(await eids(run('q', 1), contextOf({ pid: [{ op: EQ, expr: '99' }] }))).toEqual([]);
      append(rows(NOW));
      expect(await eids(run('q', 2))).toEqual([3]);
    });

    it('keeps cursors of queries apart, and of tables that one query joins', async () => {
      const first = table(rows(NOW, NOW));
      const second = table(rows(NOW));
      expect(await first.eids(run('q', 1))).toEqual([1, 2]);
      expect(await second.eids(run('q', 1))).toEqual([1]);
      expect(await first.eids(run('other', 1))).toEqual([1, 2]);
      second.append(rows(NOW));
      expect(await first.eids(run('q', 2))).toEqual([]);
      expect(await second.eids(run('q', 2))).toEqual([2]);
    });

    it('shows an execution again what core did not get in the one before', async () => {
      const { eids, append } = table(rows(NOW, NOW));
      const lost = new AbortController();
      expect(await eids(run('q', 1))).toEqual([1, 2]);
      append(rows(NOW));
      expect(await eids(run('q', 2), ANYTHING, lost.signal)).toEqual([3]);
      lost.abort();
      append(rows(NOW));
      expect(await eids(run('q', 3))).toEqual([3, 4]);
      expect(await eids(run('q', 3))).toEqual([3, 4]);
      expect(await eids(run('q', 4))).toEqual([]);
    });

    it('moves nothing for a caller that has gone', async () => {
      const { eids } = table(rows(NOW, NOW));
      await expect(eids(run('q', 1), ANYTHING, AbortSignal.abort())).rejects.toThrow();
      expect(await eids(run('q', 2))).toEqual([1, 2]);
    });

    it('shows every read of one execution the same rows, although there is no more room or they get too old', async () => {
      const { eids, append, buffer, world, later } = table(rows(NOW, NOW));
      world.eventsExpiry = 100;
      world.now = NOW;
      buffer.setLimits({ rows: 3, bytes: 1e9 });
      expect(await eids(run('q', 1))).toEqual([1, 2]);
      world.now = NOW + 200;
      append(rows(NOW + 200, NOW + 200));
      expect(await eids(run('q', 1))).toEqual([1, 2]);
      append(rows(NOW + 200, NOW + 200));
      expect(await eids(run('q', 1))).toEqual([1, 2]);
      // More than twice as many as there is room for nobody holds.
      append(rows(NOW + 200));
      expect(await eids(run('q', 1))).toEqual([2]);
      later();
      expect(await eids(run('q', 2))).toEqual([5, 6, 7]);
      expect(buffer.rowCount).toBe(3);
      expect(buffer.counters).toMatchObject({ evicted: 4, evictedUnread: 2 });
    });

    it('asks for what is on its way once for each execution', async () => {
      const { eids, world } = table(rows(NOW));
      let asked = 0;
      world.upToDate = () => {
        asked++;
        return undefined;
      };
      for (const id of [1, 1, 1, 2, 2]) await eids(run('q', id));
      expect(asked).toBe(2);
      await eids();
      await eids();
      expect(asked).toBe(4);
    });

    it('goes on with what is left when rows were dropped meanwhile', async () => {
      const { eids, append, buffer, later } = table(rows(NOW, NOW));
      expect(await eids(run('q', 1))).toEqual([1, 2]);
      append(rows(NOW, NOW, NOW));
      later();
      buffer.setLimits({ rows: 2, bytes: 1e9 });
      expect(await eids(run('q', 2))).toEqual([4, 5]);
    });

    it('a query with a time constraint sees everything and moves nothing', async () => {
      const { eids, append } = table(rows(NOW, NOW));
      expect(await eids(run('q', 1))).toEqual([1, 2]);
      append(rows(NOW));
      expect(await eids(run('q', 2), SINCE_EVER)).toEqual([1, 2, 3]);
      expect(await eids(run('q', 3), SINCE_EVER)).toEqual([1, 2, 3]);
      expect(await eids(run('q', 4))).toEqual([3]);
    });

    it('a query with a time constraint is answered before core has said who asks', async () => {
      const { buffer, cursors, returned, world } = table(rows(NOW, NOW));
      const named = Promise.withResolvers<QueryExecution>();
      const environment = {
        ...world,
        returned,
        execution: () => named.promise,
        readers: () => [],
        now: () => NOW,
      };
      const { signal } = new AbortController();
      const found = await selectEvents({ spec, buffer, cursors, environment, context: SINCE_EVER, signal });
      expect(eidsOf(decodeRows(found))).toEqual([1, 2]);
      expect(buffer.save().readUpTo).toBe(1);
      named.resolve(run('q', 1));
      await named.promise;
      expect(buffer.save().readUpTo).toBe(3);
    });

    it('a query without a name sees everything and moves nothing', async () => {
      const { eids, append } = table(rows(NOW, NOW));
      expect(await eids()).toEqual([1, 2]);
      expect(await eids(run('q', 1))).toEqual([1, 2]);
      append(rows(NOW));
      expect(await eids()).toEqual([1, 2, 3]);
      expect(await eids(run('q', 2))).toEqual([3]);
    });

    it('an eid leaves only what is new to a query that has had it', async () => {
      const { eids } = table(rows(NOW, NOW, NOW));
      const second = contextOf({ eid: [{ op: EQ, expr: '0000000002' }] });
      expect(await eids(undefined, second)).toEqual([2]);
      expect(await eids(run('q', 1), second)).toEqual([2]);
      expect(await eids(run('q', 2), second)).toEqual([]);
    });
  });

  it('without events_optimize shows every query everything', async () => {
    const { eids, world } = table(rows(NOW, NOW));
    world.eventsOptimize = false;
    expect(await eids(run('q', 1))).toEqual([1, 2]);
    expect(await eids(run('q', 2))).toEqual([1, 2]);
  });

  it('takes the rows that have come while it asked who is reading', async () => {
    const { buffer, append, cursors, returned, world } = table(rows(NOW));
    const encoded = await selectEvents({
      spec,
      buffer,
      cursors,
      environment: {
        execution: async () => {
          append(rows(NOW));
          return run('q', 1);
        },
        readers: () => world.readers,
        returned,
        eventsOptimize: true,
        eventsExpiry: 86_000,
        now: () => NOW,
      },
      context: ANYTHING,
      signal: new AbortController().signal,
    });
    expect(encoded.count).toBe(2);
    expect(cursors.rangeFor(run('q', 2), buffer.range)).toEqual({ from: 3, to: 3 });
  });

  describe('events_expiry', () => {
    it('drops what is older', async () => {
      const { eids, world, buffer } = table(rows(NOW - 101, NOW - 100, NOW - 1));
      world.eventsExpiry = 100;
      expect(await eids()).toEqual([2, 3]);
      expect(buffer.counters).toMatchObject({ expired: 1, expiredUnread: 1 });
      world.now = NOW + 50;
      expect(await eids()).toEqual([3]);
      expect(buffer.counters).toMatchObject({ expired: 2, expiredUnread: 1 });
    });

    it('is at least three times the longest interval of the queries that read the table', async () => {
      const { eids, world } = table(rows(NOW - 301, NOW - 300, NOW - 1));
      world.eventsExpiry = 10;
      world.readers = [
        { query: 'a', interval: 60 },
        { query: 'b', interval: 100 },
        { query: 'c', interval: 1 },
      ];
      expect(await eids()).toEqual([2, 3]);
      world.readers = [{ query: 'a', interval: 60 }];
      expect(await eids()).toEqual([3]);
    });

    it('is longer than three intervals where it is longer', async () => {
      const { eids, world } = table(rows(NOW - 1_001, NOW - 999));
      world.eventsExpiry = 1_000;
      world.readers = [{ query: 'a', interval: 10 }];
      expect(await eids()).toEqual([2]);
    });

    it('0 is no age of its own', async () => {
      const { eids, world } = table(rows(1, NOW - 31, NOW));
      world.eventsExpiry = 0;
      expect(await eids()).toEqual([1, 2, 3]);
      world.readers = [{ query: 'a', interval: 10 }];
      expect(await eids()).toEqual([3]);
    });

    it('does not concern events of a recorded log', async () => {
      const { eids, world } = table(rows(1, 2));
      world.eventsExpiry = 100;
      world.now = undefined;
      world.readers = [{ query: 'a', interval: 10 }];
      expect(await eids()).toEqual([1, 2]);
    });

    it('1 clears them all the same', async () => {
      const { eids, world, later } = table(rows(1, 2));
      world.eventsExpiry = 1;
      world.now = undefined;
      expect(await eids()).toEqual([1, 2]);
      later();
      expect(await eids()).toEqual([]);
    });

    it('takes the time at which a query asks', async () => {
      const { eids, world } = table(rows(NOW));
      world.eventsExpiry = 100;
      world.now = NOW + 100;
      expect(await eids()).toEqual([1]);
      world.now = NOW + 100.5;
      expect(await eids()).toEqual([]);
    });
  });

  describe('events_expiry=1', () => {
    it('clears what a SELECT has returned, at any age, if nothing is scheduled to read the table', async () => {
      const { eids, append, world, buffer, later } = table(rows(1, NOW, NOW));
      world.eventsExpiry = 1;
      const even = contextOf({ path: [{ op: EQ, expr: '/bin/even' }] });
      expect(await eids(undefined, even)).toEqual([1, 3]);
      later();
      expect(await eids()).toEqual([2]);
      later();
      expect(await eids()).toEqual([]);
      append(rows(NOW));
      expect(await eids(undefined, SINCE_EVER)).toEqual([4]);
      later();
      expect(await eids()).toEqual([]);
      expect(buffer.counters).toMatchObject({ evicted: 0, expired: 0 });
    });

    it('shows the same to all reads of one statement, as of a self-join, and clears when it is over', async () => {
      const { eids, append, world, buffer, later } = table(rows(NOW, NOW, NOW));
      world.eventsExpiry = 1;
      const pid = (expr: string) => contextOf({ pid: [{ op: EQ, expr }] });
      for (let i = 0; i < 3; i++) {
        expect(await eids()).toEqual([1, 2, 3]);
        expect(await eids(undefined, pid('1'))).toEqual([2]);
        expect(await eids(undefined, pid('2'))).toEqual([3]);
      }
      append(rows(NOW));
      later();
      expect(await eids(undefined, pid('1'))).toEqual([]);
      expect(await eids()).toEqual([4]);
      expect(buffer.counters).toMatchObject({ evicted: 0, expired: 0 });
    });

    it('clears without another read, too', async () => {
      vi.useFakeTimers();
      onTestFinished(() => {
        vi.useRealTimers();
      });
      const { eids, world, buffer, later } = table(rows(NOW, NOW));
      world.eventsExpiry = 1;
      expect(await eids()).toEqual([1, 2]);
      vi.advanceTimersByTime(999);
      expect(buffer.rowCount).toBe(2);
      later();
      vi.advanceTimersByTime(1_000);
      expect(buffer.rowCount).toBe(0);
      expect(vi.getTimerCount()).toBe(0);
    });

    it('clears what every scheduled query has had, when its execution is over', async () => {
      const { eids, append, world, buffer } = table(rows(NOW, NOW));
      world.eventsExpiry = 1;
      world.readers = [
        { query: 'a', interval: 10 },
        { query: 'b', interval: 20 },
      ];
      expect(await eids(run('a', 1))).toEqual([1, 2]);
      append(rows(NOW));
      expect(await eids(run('a', 2))).toEqual([3]);
      // b has had nothing yet.
      expect(buffer.rowCount).toBe(3);
      expect(await eids(run('b', 1))).toEqual([1, 2, 3]);
      // … and may read again.
      expect(await eids(run('b', 1))).toEqual([1, 2, 3]);
      expect(await eids(run('b', 2))).toEqual([]);
      expect(await eids(run('a', 3))).toEqual([]);
      expect(buffer.rowCount).toBe(0);
    });

    it('never clears what a scheduled query has not had because of somebody who looks', async () => {
      const { eids, world } = table(rows(NOW, NOW));
      world.eventsExpiry = 1;
      world.readers = [{ query: 'a', interval: 10 }];
      expect(await eids()).toEqual([1, 2]);
      expect(await eids()).toEqual([1, 2]);
      expect(await eids(run('a', 1))).toEqual([1, 2]);
    });

    it('still drops by three intervals what a scheduled query does not fetch', async () => {
      const { eids, world } = table(rows(NOW - 31, NOW - 30));
      world.eventsExpiry = 1;
      world.readers = [{ query: 'a', interval: 10 }];
      expect(await eids()).toEqual([2]);
    });
  });

  it('notes what was returned, so that its loss is none', async () => {
    const { eids, append, buffer } = table(rows(NOW, NOW));
    await eids();
    append(rows(NOW));
    buffer.setLimits({ rows: 0, bytes: 1e9 });
    expect(buffer.counters).toMatchObject({ evicted: 3, evictedUnread: 1 });
  });

  it('takes rows for read that a scheduled query left out, but not those beside one that somebody looked for', async () => {
    const odd = contextOf({ path: [{ op: 2, expr: '/bin/odd' }] });
    const loss = async (execution?: Parameters<typeof run>) => {
      const { read, buffer } = table(rows(NOW, NOW));
      await read(execution && run(...execution), odd);
      buffer.setLimits({ rows: 0, bytes: 1e9 });
      return buffer.counters.evictedUnread;
    };
    expect(await loss()).toBe(2);
    expect(await loss(['a', 1])).toBe(0);
  });

  describe('returns the columns that are used', () => {
    it('and no others', async () => {
      const { read } = table(rows(NOW));
      expect(await read(undefined, contextOf({}, ['pid', 'eid']))).toEqual([{ pid: '0', eid: '0000000001' }]);
      expect(await read(undefined, contextOf({}, []))).toEqual([{}]);
      expect(await read(undefined, contextOf({}, ['unknown']))).toEqual([{}]);
      expect(await read()).toEqual([{ path: '/bin/even', pid: '0', time: String(NOW), eid: '0000000001' }]);
    });

    it('also by their aliases', async () => {
      const { read } = table(rows(NOW));
      expect(await read(undefined, contextOf({}, ['file']))).toEqual([{ path: '/bin/even' }]);
    });

    it('also where a constraint is on a column that is not', async () => {
      const { read } = table(rows(NOW, NOW));
      expect(await read(undefined, contextOf({ path: [{ op: EQ, expr: '/bin/odd' }] }, ['pid']))).toEqual([
        { pid: '1' },
      ]);
    });
  });
});
