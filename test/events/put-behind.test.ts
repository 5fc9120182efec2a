import fc from 'fast-check';
import { QueryCursors } from 'osquery-extension-ts/events';
import { describe, expect, it } from 'vitest';
import type { EventBuffer } from '../../src/events/event-buffer.ts';
import { putBehind } from '../../src/events/put-behind.ts';
import { columns, filledBuffer, newBuffer, rowsOf, type TestRow } from './event-rows.ts';

const columnNames = columns.map(({ name }) => name);
const tableOf = (buffer: EventBuffer, cursors = new QueryCursors()) => ({ columnNames, buffer, cursors });
const rows = (from: number, count: number): TestRow[] =>
  Array.from({ length: count }, (_, i) => ({
    path: `/bin/${from + i}`,
    pid: from + i,
    ...(i % 3 === 0 ? { note: `n${from + i}` } : {}),
    time: 1_700_000_000 + from + i,
  }));
const run = (query: string, id: string) => ({ query, id });

describe('putBehind', () => {
  it('keeps the numbers of rows where there are no others', () => {
    const former = filledBuffer(rows(1, 5)).buffer;
    const here = newBuffer();
    const before = rowsOf(former);
    const moved = putBehind(tableOf(former), tableOf(here));
    expect(rowsOf(here)).toEqual(before);
    expect(moved(3)).toBe(3);
    expect(here.range).toEqual({ from: 1, to: 6 });
  });

  it('gives rows the numbers behind those of others, and leaves out what is gone', () => {
    fc.assert(
      fc.property(
        fc.nat(40),
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.nat(40), { maxLength: 6 }),
        fc.nat(20),
        (kept, count, gone, start) => {
          const here = newBuffer();
          const first = filledBuffer(rows(1000, kept));
          putBehind(tableOf(first.buffer), tableOf(here));
          const former = filledBuffer(rows(1, count + start));
          former.buffer.discardBelow(start + 1);
          const isGone = (pid: number): boolean => gone.includes(pid - start);
          const consumed = (row: { readonly eid: number }): boolean => isGone(row.eid);
          former.buffer.select(former.buffer.range, { low: 0, high: 0 }, { filter: consumed, consume: true });
          const left = rows(1, count + start).filter(
            ({ pid }) => Number(pid) > start && !isGone(Number(pid)),
          );
          const moved = putBehind(tableOf(former.buffer), tableOf(here));
          const all = rowsOf(here);
          expect(all.map(({ pid }) => Number(pid))).toEqual([
            ...Array.from({ length: kept }, (_, i) => 1000 + i),
            ...left.map(({ pid }) => Number(pid)),
          ]);
          expect(all.map(({ note }) => note)).toEqual(
            [...rows(1000, kept), ...left].map(({ note }) => note as string | undefined),
          );
          for (const { pid } of left) {
            const row = all.find(one => one.pid === String(pid))!;
            expect(Number(row.eid)).toBe(moved(Number(pid)));
          }
          const eids = all.map(({ eid }) => eid!);
          expect(eids).toEqual(eids.toSorted());
          expect(new Set(eids).size).toBe(eids.length);
        },
      ),
    );
  });

  it('takes the places of queries along', () => {
    const here = filledBuffer(rows(1, 10)).buffer;
    const cursors = new QueryCursors();
    // Has had all here, and something of the others.
    cursors.restore('both', { executionId: 'x', isCounted: false, from: 1, to: 11 });
    // Has not had all here.
    cursors.restore('behind', { executionId: 'x', isCounted: false, from: 1, to: 4 });
    const former = filledBuffer(rows(100, 6));
    const others = new QueryCursors();
    for (const query of ['both', 'behind', 'new']) others.rangeFor(run(query, '1'), { from: 1, to: 4 });
    putBehind(tableOf(former.buffer, others), tableOf(here, cursors));
    const next = (query: string) => cursors.rangeFor(run(query, '2'), here.range);
    expect(next('both')).toEqual({ from: 14, to: 17 });
    expect(next('behind')).toEqual({ from: 4, to: 17 });
    expect(next('new')).toEqual({ from: 14, to: 17 });
    expect(next('unknown')).toEqual({ from: 1, to: 17 });
  });
});
