import fc from 'fast-check';
import { RowRanges } from 'osquery-extension-ts/events';
import { describe, expect, it } from 'vitest';
import { KeptEvents } from '../../../src/osquery-extension-ts/src/events/kept-events.ts';

const NO_LIMITS = { rows: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };
const all = () => true;

/** Rows that are their numbers. */
const kept = (limits = NO_LIMITS) => {
  const clock = { now: 0 };
  const events = new KeptEvents<number>(limits, () => clock.now);
  const append = (time = 0, bytes = 1): void => {
    events.append({ row: events.range.to, time, bytes });
  };
  const rows = (): number[] => events.select(events.range, all);
  return { events, append, rows, clock };
};

describe('KeptEvents', () => {
  it('keeps the newest rows, and counts those that nobody had seen', () => {
    const { events, append, rows } = kept({ rows: 3, bytes: 1e9 });
    for (let i = 0; i < 3; i++) append();
    events.markRead(2);
    for (let i = 0; i < 2; i++) append();
    expect(rows()).toEqual([3, 4, 5]);
    expect(events.counters).toMatchObject({ appended: 5, evicted: 2, evictedUnread: 1 });
  });

  it('keeps as many bytes', () => {
    const { append, rows } = kept({ rows: 1e9, bytes: 10 });
    for (const bytes of [4, 4, 4, 11]) append(0, bytes);
    expect(rows()).toEqual([]);
    append(0, 10);
    expect(rows()).toEqual([5]);
  });

  it('holds rows that were seen for a moment, and twice as many at most', () => {
    const { events, append, rows, clock } = kept({ rows: 2, bytes: 1e9 });
    append();
    append();
    events.hold();
    append();
    append();
    expect(rows()).toEqual([1, 2, 3, 4]);
    append();
    expect(rows()).toEqual([2, 3, 4, 5]);
    clock.now = 1_000;
    events.makeRoom();
    expect(rows()).toEqual([4, 5]);
  });

  it('drops what is too old, wherever it is', () => {
    const { events, append, rows } = kept();
    for (const time of [50, 10, 60, 20]) append(time);
    events.markRead(3);
    events.expireBefore(50);
    expect(rows()).toEqual([1, 3]);
    expect(events.counters).toMatchObject({ expired: 2, expiredUnread: 1 });
  });

  it('tells which rows it returned, to be dropped later', () => {
    const { events, append, rows } = kept();
    for (let i = 0; i < 4; i++) append();
    const returned = new RowRanges();
    expect(events.select(events.range, row => row % 2 === 0, returned)).toEqual([2, 4]);
    events.discard(returned.take());
    expect(rows()).toEqual([1, 3]);
    expect(events.range).toEqual({ from: 1, to: 5 });
    events.discardBelow(99);
    expect(rows()).toEqual([]);
    expect(events.range).toEqual({ from: 5, to: 5 });
  });

  it('is as a list of numbered rows would be, whatever is done to it', () => {
    const step = fc.oneof(
      fc.record({ append: fc.integer({ min: 1, max: 3_000 }), time: fc.nat(9) }),
      fc.record({ from: fc.nat(20_000), length: fc.nat(9_000) }),
      fc.record({ before: fc.nat(9) }),
      fc.record({ limit: fc.nat(4_000) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), steps => {
        const { events, append, rows } = kept();
        let model: { eid: number; time: number }[] = [];
        let next = 1;
        let limit = Number.POSITIVE_INFINITY;
        for (const one of steps) {
          if ('append' in one) {
            for (let i = 0; i < one.append; i++) {
              append(one.time);
              model.push({ eid: next++, time: one.time });
            }
          } else if ('before' in one) {
            events.expireBefore(one.before);
            model = model.filter(({ time }) => time >= one.before);
          } else if ('limit' in one) {
            limit = one.limit;
            events.setLimits({ rows: limit, bytes: Number.POSITIVE_INFINITY });
          } else {
            const to = one.from + one.length;
            events.discard([{ from: one.from, to }]);
            model = model.filter(({ eid }) => eid < one.from || eid >= to);
          }
          if (model.length > limit) model = model.slice(model.length - limit);
          expect(rows()).toEqual(model.map(({ eid }) => eid));
          expect(events.range).toEqual({ from: model[0]?.eid ?? next, to: next });
          expect(events.rowCount).toBe(model.length);
          expect(events.byteCount).toBe(model.length);
        }
      }),
      { numRuns: 40 },
    );
  });
});
