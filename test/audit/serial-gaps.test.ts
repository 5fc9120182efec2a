import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SerialGaps } from '../../src/audit/serial-gaps.ts';

const gapsOf = (serials: readonly number[]): number => {
  const gaps = new SerialGaps();
  for (const serial of serials) gaps.see(serial);
  return gaps.count;
};

describe('SerialGaps', () => {
  test('several records of an event, and events in a row, leave none', () => {
    expect(gapsOf([7, 7, 7, 8, 9, 9, 10])).toBe(0);
  });

  test('a straggler fills its hole, once', () => {
    expect(gapsOf([1, 4])).toBe(2);
    expect(gapsOf([1, 4, 2, 2])).toBe(1);
    expect(gapsOf([1, 4, 2, 3, 1])).toBe(0);
  });

  test('the serial wraps', () => {
    expect(gapsOf([0xfffffffe, 0xffffffff, 0, 1])).toBe(0);
    expect(gapsOf([0xfffffffe, 1])).toBe(2);
    expect(gapsOf([0xfffffffe, 1, 0, 0xffffffff])).toBe(0);
  });

  test('what came after the last one of another process, and was not seen, is missing', () => {
    const gaps = new SerialGaps(100);
    expect(gaps.highest).toBe(100);
    gaps.see(104);
    expect([gaps.count, gaps.highest]).toEqual([3, 104]);
    gaps.see(99);
    gaps.see(102);
    expect([gaps.count, gaps.highest]).toEqual([2, 104]);
  });

  test('a huge hole is counted in bounded memory', () => {
    expect(gapsOf([0, 1_000_000])).toBe(999_999);
  });

  test('holes beyond those remembered stay counted, the newest can still be filled', () => {
    const gaps = new SerialGaps();
    gaps.see(0);
    gaps.see(1_000_001);
    gaps.see(1_000_000);
    expect(gaps.count).toBe(999_999);
    gaps.see(1);
    expect(gaps.count).toBe(999_999);
    for (let serial = 1_000_003; serial < 1_200_000; serial += 2) gaps.see(serial);
    expect(gaps.count).toBe(999_999 + 99_999);
    gaps.see(1_199_998);
    expect(gaps.count).toBe(999_999 + 99_998);
  });

  test('what comes before the first seen fills and opens nothing', () => {
    expect(gapsOf([5, 4, 3])).toBe(0);
    expect(gapsOf([0, 0xffffffff])).toBe(0);
  });

  test('whatever order the events that arrive come in, those that do not are counted', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 300 }), { minLength: 1 }),
        fc.integer({ min: 0, max: 0xffffffff }),
        (offsets, base) => {
          // The first to arrive is where counting begins, so it has to be the lowest.
          const first = Math.min(...offsets);
          const serials = [first, ...offsets].map(offset => (base + offset) >>> 0);
          expect(gapsOf(serials)).toBe(Math.max(...offsets) - first + 1 - offsets.length);
        },
      ),
    );
  });
});
