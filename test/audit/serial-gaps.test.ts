import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SerialGaps } from '../../src/audit/serial-gaps.ts';

const missing = (...serials: readonly number[]): number => {
  const gaps = new SerialGaps();
  for (const serial of serials) gaps.see(serial);
  return gaps.count;
};

describe('SerialGaps', () => {
  it.each([
    ['nothing', [], 0],
    ['one event', [5], 0],
    ['the records of one event', [5, 5, 5], 0],
    ['events in order', [5, 6, 7], 0],
    ['one event lost', [5, 7], 1],
    ['several lost', [5, 10], 4],
    ['two holes', [5, 7, 9], 2],
    ['a straggler that fills its hole', [5, 7, 6], 0],
    ['a straggler from before the first', [5, 4, 3], 0],
    ['records of two events in turn', [5, 6, 5, 6, 5], 0],
    ['a straggler seen twice', [5, 8, 6, 6], 1],
    ['the wrap of the counter', [0xfffffffe, 0xffffffff, 0, 1], 0],
    ['a loss at the wrap', [0xfffffffe, 1], 2],
    ['a straggler across the wrap', [0xffffffff, 1, 0], 0],
  ])('%s', (_, serials, expected) => expect(missing(...serials)).toBe(expected));

  it('counts holes that are too large to be remembered', () => {
    expect(missing(0, 1_000_001)).toBe(1_000_000);
    const gaps = new SerialGaps();
    gaps.see(0);
    gaps.see(1_000_001);
    // The newest are remembered, the oldest are not.
    gaps.see(1_000_000);
    expect(gaps.count).toBe(999_999);
    gaps.see(1);
    expect(gaps.count).toBe(999_999);
    for (let serial = 1_000_003; serial < 1_200_000; serial += 2) gaps.see(serial);
    expect(gaps.count).toBe(999_999 + 99_999);
    gaps.see(1_199_998);
    expect(gaps.count).toBe(999_999 + 99_998);
  });

  it('counts what is missing of serials that arrive a little out of order', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffffffff),
        fc.array(fc.record({ lost: fc.boolean(), delay: fc.nat(5) }), { minLength: 1, maxLength: 60 }),
        (first, events) => {
          const arriving = events
            .map((event, i) => ({ ...event, i, at: i + event.delay }))
            .filter(({ lost }, i) => !lost || i === 0)
            .sort((a, b) => a.at - b.at || a.i - b.i)
            .map(({ i }) => i);
          // What comes before the first seen is no hole.
          const span = Math.max(...arriving) - arriving[0]!;
          const seen = arriving.filter(i => i > arriving[0]!).length;
          expect(missing(...arriving.map(i => (first + i) >>> 0))).toBe(span - seen);
        },
      ),
    );
  });
});
