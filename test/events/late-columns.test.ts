import { bytesOf, decodeRows } from 'osquery-extension-ts/encoded';
import { QueryCursors, ReturnedRows } from 'osquery-extension-ts/events';
import { describe, expect, it } from 'vitest';
import { maskOf } from '../../src/events/encoded-row.ts';
import { LateColumns } from '../../src/events/late-columns.ts';
import { selectEvents } from '../../src/events/select-events.ts';
import { columns, contextOf, EVERY_COLUMN, filledBuffer, spec } from './event-rows.ts';

/** The test table with two columns of late values behind its own. */
const EXTRA_COLUMNS = [
  { name: 'username', type: 'TEXT' },
  { name: 'sha256', type: 'TEXT' },
] as const;
const names = [...columns, ...EXTRA_COLUMNS].map(({ name }) => name);
const wideSpec = { ...spec, columns: [...columns, ...EXTRA_COLUMNS] };
const EVERYTHING = maskOf(names.map((_, i) => i));
const USERNAME = columns.length;
const newLateColumns = (): LateColumns => new LateColumns(names, ['username', 'sha256']);

describe('LateColumns', () => {
  it('has nothing for rows whose values are not known yet', () => {
    const lateColumns = newLateColumns();
    lateColumns.set(1, [undefined, undefined]);
    expect([lateColumns.find(1), lateColumns.find(2)]).toEqual([[], []]);
  });

  it('takes the values of a row from two sides, in any order', () => {
    const lateColumns = newLateColumns();
    lateColumns.set(1, ['user']);
    lateColumns.set(1, ['hash'], 1);
    lateColumns.set(2, ['hash'], 1);
    lateColumns.set(2, ['user', undefined]);
    lateColumns.set(3, ['hash'], 1);
    lateColumns.set(3, ['user']);
    expect([1, 2, 3].map(eid => lateColumns.valuesOf(eid))).toEqual([
      ['user', 'hash'],
      ['user', undefined],
      ['user', 'hash'],
    ]);
  });

  it('forgets the values of rows that are gone', () => {
    const lateColumns = newLateColumns();
    for (const eid of [1, 2, 4, 3, 5]) lateColumns.set(eid, [`user ${eid}`]);
    lateColumns.dropBelow(4);
    expect([1, 2].map(eid => lateColumns.find(eid))).toEqual([[], []]);
    expect([4, 5].map(eid => lateColumns.find(eid).length)).toEqual([1, 1]);
    lateColumns.dropBelow(100);
    expect([3, 4, 5].map(eid => lateColumns.find(eid))).toEqual([[], [], []]);
  });
});

describe('LateColumns of a buffer whose rows go one by one', () => {
  it('forget what is beside rows that are gone, and keep the rest', () => {
    const lateColumns = newLateColumns();
    const there = new Set<number>();
    const rows = {
      range: { from: 1, to: 1 },
      get rowCount() {
        return there.size;
      },
      has: (eid: number) => there.has(eid),
    };
    for (let eid = 1; eid <= 40_000; eid++) {
      rows.range.to = eid + 1;
      there.add(eid);
      lateColumns.set(eid, [`user ${eid}`, undefined]);
      // One of a thousand stays, and for a while the newest.
      if (eid > 500 && (eid - 500) % 1_000 !== 7) there.delete(eid - 500);
      lateColumns.dropGone(rows);
    }
    for (const eid of there)
      expect(lateColumns.valuesOf(eid), String(eid)).toEqual([`user ${eid}`, undefined]);
    expect(lateColumns.all().length).toBeLessThan(there.size + 4_096 + 500 + 64);
    const kept = [7, 1_007, 2_007, 39_007];
    expect(lateColumns.all().map(([eid]) => eid)).toEqual(expect.arrayContaining(kept));
  });
});

describe('LateColumns that are kept', () => {
  it('tell what has come since they were asked', () => {
    const lateColumns = newLateColumns();
    lateColumns.set(1, ['before anybody asked', undefined]);
    expect(lateColumns.takeChanges()).toEqual([]);
    for (const eid of [2, 3, 4]) lateColumns.set(eid, [`user ${eid}`, undefined]);
    lateColumns.set(3, ['again', 'ff']);
    lateColumns.dropBelow(3);
    expect(lateColumns.takeChanges()).toEqual([
      [3, ['again', 'ff']],
      [4, ['user 4', null]],
    ]);
    expect(lateColumns.takeChanges()).toEqual([]);
  });

  it('come back under the names that they had', () => {
    const lateColumns = newLateColumns();
    lateColumns.restore(['sha256', 'no longer there', 'username'], [[7, ['ff', 'x', null]]]);
    expect(lateColumns.find(7).map(({ column }) => names[column])).toEqual(['sha256']);
    lateColumns.restore(['another'], [[8, ['x']]]);
    expect(lateColumns.find(8)).toEqual([]);
  });
});

describe('rows with late values', () => {
  const filled = () => {
    const { buffer, append } = filledBuffer([
      { path: '/a', note: 'n', time: 1 },
      { path: '/b', time: 2 },
      { path: '/c', time: 3 },
    ]);
    const lateColumns = newLateColumns();
    lateColumns.set(1, ['Jürgen', undefined]);
    lateColumns.set(3, ['root', 'ab'.repeat(32)]);
    return { buffer, append, lateColumns };
  };

  it('have them behind their own, where they are wanted', () => {
    const { buffer, lateColumns } = filled();
    const select = (wanted = EVERYTHING) => decodeRows(buffer.select(buffer.range, wanted, { lateColumns }));
    expect(select()).toEqual([
      { path: '/a', note: 'n', time: '1', eid: '0000000001', username: 'Jürgen' },
      { path: '/b', time: '2', eid: '0000000002' },
      { path: '/c', time: '3', eid: '0000000003', username: 'root', sha256: 'ab'.repeat(32) },
    ]);
    expect(select(maskOf([USERNAME]))).toEqual([{ username: 'Jürgen' }, {}, { username: 'root' }]);
    expect(select(maskOf([0, USERNAME + 1]))).toEqual([
      { path: '/a' },
      { path: '/b' },
      { path: '/c', sha256: 'ab'.repeat(32) },
    ]);
    expect(select(EVERY_COLUMN).some(row => 'username' in row || 'sha256' in row)).toBe(false);
  });

  it('are those of the time of the SELECT, whenever its bytes are read', () => {
    const { buffer, lateColumns } = filled();
    const selected = buffer.select(buffer.range, maskOf([0, USERNAME]), { lateColumns });
    const atMost = selected.chunks.reduce((sum, { length }) => sum + length, 0);
    lateColumns.set(1, ['changed', undefined]);
    lateColumns.set(2, ['late', undefined]);
    lateColumns.dropBelow(4);
    expect(decodeRows(selected)).toEqual([
      { path: '/a', username: 'Jürgen' },
      { path: '/b' },
      { path: '/c', username: 'root' },
    ]);
    expect(Buffer.concat([...bytesOf(selected.chunks)]).length).toBeLessThanOrEqual(atMost);
  });

  it('hold values longer than a copy’s own memory', () => {
    const { buffer, lateColumns } = filled();
    lateColumns.set(2, ['x'.repeat(200_000)]);
    const rows = decodeRows(buffer.select(buffer.range, maskOf([USERNAME]), { lateColumns }));
    expect(rows.map(({ username }) => username?.length)).toEqual([6, 200_000, 4]);
  });

  it('stand in place of those the row has, where they are wanted', () => {
    const { buffer } = filledBuffer([
      { path: '/a', pid: 0, note: 'n', time: 1 },
      { path: '/b', pid: 0, time: 2 },
      { path: '/c', pid: 0, note: 'n', time: 3 },
    ]);
    const lateColumns = new LateColumns(names, ['pid', 'note']);
    lateColumns.set(1, ['443', 'late']);
    lateColumns.set(2, [undefined, 'late']);
    const select = (wanted = EVERYTHING) => decodeRows(buffer.select(buffer.range, wanted, { lateColumns }));
    expect(select()).toEqual([
      { path: '/a', pid: '443', note: 'late', time: '1', eid: '0000000001' },
      { path: '/b', pid: '0', note: 'late', time: '2', eid: '0000000002' },
      { path: '/c', pid: '0', note: 'n', time: '3', eid: '0000000003' },
    ]);
    expect(select(maskOf([1]))).toEqual([{ pid: '443' }, { pid: '0' }, { pid: '0' }]);
    expect(select(maskOf([0]))).toEqual([{ path: '/a' }, { path: '/b' }, { path: '/c' }]);
  });

  it('are found by a comparison that the row itself does not pass', async () => {
    const { buffer } = filledBuffer([
      { path: '/a', pid: 0, time: 1 },
      { path: '/b', pid: 0, time: 2 },
    ]);
    const lateColumns = new LateColumns(names, ['pid']);
    lateColumns.set(2, ['443']);
    const rows = await selectEvents({
      spec: wideSpec,
      buffer,
      cursors: new QueryCursors(),
      environment: {
        execution: async () => undefined,
        readers: () => [],
        returned: new ReturnedRows(buffer),
        eventsOptimize: true,
        eventsExpiry: 0,
        now: () => 10,
      },
      context: contextOf({ pid: [{ op: 2, expr: '443' }] }, ['path', 'pid']),
      signal: new AbortController().signal,
      lateColumns,
    });
    // SQLite checks again.
    expect(decodeRows(rows)).toEqual([
      { path: '/a', pid: '0' },
      { path: '/b', pid: '443' },
    ]);
  });

  it('are not dropped by a comparison that only SQLite can decide', async () => {
    const { buffer, lateColumns } = filled();
    const rows = await selectEvents({
      spec: wideSpec,
      buffer,
      cursors: new QueryCursors(),
      environment: {
        execution: async () => undefined,
        readers: () => [],
        returned: new ReturnedRows(buffer),
        eventsOptimize: true,
        eventsExpiry: 0,
        now: () => 10,
      },
      context: contextOf({ username: [{ op: 2, expr: 'root' }], path: [{ op: 2, expr: '/c' }] }, [
        'username',
        'path',
      ]),
      signal: new AbortController().signal,
      lateColumns,
    });
    expect(decodeRows(rows)).toEqual([{ path: '/c', username: 'root' }]);
  });
});
