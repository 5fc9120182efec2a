import { bytesOf, decodeRows } from 'osquery-extension-ts/encoded';
import { QueryCursors, ReturnedRows } from 'osquery-extension-ts/events';
import { describe, expect, it } from 'vitest';
import { maskOf } from '../../src/events/encoded-row.ts';
import { RowExtras } from '../../src/events/row-extras.ts';
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
const newExtras = (): RowExtras => new RowExtras(names, ['username', 'sha256']);

describe('RowExtras', () => {
  it('has nothing for rows whose values are not known yet', () => {
    const extras = newExtras();
    extras.set(1, [undefined, undefined]);
    expect([extras.find(1), extras.find(2)]).toEqual([[], []]);
  });

  it('forgets the values of rows that are gone', () => {
    const extras = newExtras();
    for (const eid of [1, 2, 4, 3, 5]) extras.set(eid, [`user ${eid}`]);
    extras.dropBelow(4);
    expect([1, 2].map(eid => extras.find(eid))).toEqual([[], []]);
    expect([4, 5].map(eid => extras.find(eid).length)).toEqual([1, 1]);
    extras.dropBelow(100);
    expect([3, 4, 5].map(eid => extras.find(eid))).toEqual([[], [], []]);
  });
});

describe('RowExtras of a buffer whose rows go one by one', () => {
  it('forget what is beside rows that are gone, and keep the rest', () => {
    const extras = newExtras();
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
      extras.set(eid, [`user ${eid}`, undefined]);
      // One of a thousand stays, and for a while the newest.
      if (eid > 500 && (eid - 500) % 1_000 !== 7) there.delete(eid - 500);
      extras.dropGone(rows);
    }
    for (const eid of there) expect(extras.valuesOf(eid), String(eid)).toEqual([`user ${eid}`, undefined]);
    expect(extras.all().length).toBeLessThan(there.size + 4_096 + 500 + 64);
    const kept = [7, 1_007, 2_007, 39_007];
    expect(extras.all().map(([eid]) => eid)).toEqual(expect.arrayContaining(kept));
  });
});

describe('RowExtras that are kept', () => {
  it('tell what has come since they were asked', () => {
    const extras = newExtras();
    extras.set(1, ['before anybody asked', undefined]);
    expect(extras.takeChanges()).toEqual([]);
    for (const eid of [2, 3, 4]) extras.set(eid, [`user ${eid}`, undefined]);
    extras.set(3, ['again', 'ff']);
    extras.dropBelow(3);
    expect(extras.takeChanges()).toEqual([
      [3, ['again', 'ff']],
      [4, ['user 4', null]],
    ]);
    expect(extras.takeChanges()).toEqual([]);
  });

  it('come back under the names that they had', () => {
    const extras = newExtras();
    extras.restore(['sha256', 'no longer there', 'username'], [[7, ['ff', 'x', null]]]);
    expect(extras.find(7).map(({ column }) => names[column])).toEqual(['sha256']);
    extras.restore(['another'], [[8, ['x']]]);
    expect(extras.find(8)).toEqual([]);
  });
});

describe('rows with late values', () => {
  const filled = () => {
    const { buffer, append } = filledBuffer([
      { path: '/a', note: 'n', time: 1 },
      { path: '/b', time: 2 },
      { path: '/c', time: 3 },
    ]);
    const extras = newExtras();
    extras.set(1, ['Jürgen', undefined]);
    extras.set(3, ['root', 'ab'.repeat(32)]);
    return { buffer, append, extras };
  };

  it('have them behind their own, where they are wanted', () => {
    const { buffer, extras } = filled();
    const select = (wanted = EVERYTHING) =>
      decodeRows(buffer.select(buffer.range, wanted, undefined, false, extras));
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
    const { buffer, extras } = filled();
    const selected = buffer.select(buffer.range, maskOf([0, USERNAME]), undefined, false, extras);
    const atMost = selected.chunks.reduce((sum, { length }) => sum + length, 0);
    extras.set(1, ['changed', undefined]);
    extras.set(2, ['late', undefined]);
    extras.dropBelow(4);
    expect(decodeRows(selected)).toEqual([
      { path: '/a', username: 'Jürgen' },
      { path: '/b' },
      { path: '/c', username: 'root' },
    ]);
    expect(Buffer.concat([...bytesOf(selected.chunks)]).length).toBeLessThanOrEqual(atMost);
  });

  it('hold values longer than a copy’s own memory', () => {
    const { buffer, extras } = filled();
    extras.set(2, ['x'.repeat(200_000)]);
    const rows = decodeRows(buffer.select(buffer.range, maskOf([USERNAME]), undefined, false, extras));
    expect(rows.map(({ username }) => username?.length)).toEqual([6, 200_000, 4]);
  });

  it('stand in place of those the row has, where they are wanted', () => {
    const { buffer } = filledBuffer([
      { path: '/a', pid: 0, note: 'n', time: 1 },
      { path: '/b', pid: 0, time: 2 },
      { path: '/c', pid: 0, note: 'n', time: 3 },
    ]);
    const extras = new RowExtras(names, ['pid', 'note']);
    extras.set(1, ['443', 'late']);
    extras.set(2, [undefined, 'late']);
    const select = (wanted = EVERYTHING) =>
      decodeRows(buffer.select(buffer.range, wanted, undefined, false, extras));
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
    const extras = new RowExtras(names, ['pid']);
    extras.set(2, ['443']);
    const rows = await selectEvents(
      wideSpec,
      buffer,
      new QueryCursors(),
      {
        execution: async () => undefined,
        readers: () => [],
        returned: new ReturnedRows(buffer),
        eventsOptimize: true,
        eventsExpiry: 0,
        now: () => 10,
      },
      contextOf({ pid: [{ op: 2, expr: '443' }] }, ['path', 'pid']),
      new AbortController().signal,
      extras,
    );
    // SQLite checks again.
    expect(decodeRows(rows)).toEqual([
      { path: '/a', pid: '0' },
      { path: '/b', pid: '443' },
    ]);
  });

  it('are not dropped by a comparison that only SQLite can decide', async () => {
    const { buffer, extras } = filled();
    const rows = await selectEvents(
      wideSpec,
      buffer,
      new QueryCursors(),
      {
        execution: async () => undefined,
        readers: () => [],
        returned: new ReturnedRows(buffer),
        eventsOptimize: true,
        eventsExpiry: 0,
        now: () => 10,
      },
      contextOf({ username: [{ op: 2, expr: 'root' }], path: [{ op: 2, expr: '/c' }] }, ['username', 'path']),
      new AbortController().signal,
      extras,
    );
    expect(decodeRows(rows)).toEqual([{ path: '/c', username: 'root' }]);
  });
});
