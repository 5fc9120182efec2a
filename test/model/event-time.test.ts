import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventMs, IsoTimes } from '../../src/model/event-time.ts';

describe('IsoTimes', () => {
  const times = new IsoTimes();

  it('writes what Date writes, in any order of times', () => {
    const time = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) });
    const near = fc.integer({ min: -3000, max: 3000 });
    fc.assert(
      fc.property(time, fc.array(near), (start, steps) => {
        for (const step of [0, ...steps]) {
          const ms = Math.max(0, start + step);
          if (ms <= Date.UTC(9999, 11, 31, 23, 59, 59, 999))
            expect(times.of(ms)).toBe(new Date(ms).toISOString());
        }
      }),
    );
  });

  it('cuts off parts of milliseconds', () => {
    expect(times.of(1999.9999)).toBe('1970-01-01T00:00:01.999Z');
  });

  it.each([undefined, -1, Number.NaN, Number.POSITIVE_INFINITY, Date.UTC(10_000, 0)])(
    'has no text for %s',
    ms => {
      expect(times.of(ms)).toBeUndefined();
    },
  );
});

describe('eventMs', () => {
  it('puts seconds and milliseconds together', () => {
    expect(eventMs({ seconds: 1_364_481_363, milliseconds: 243 })).toBe(1_364_481_363_243);
  });
});
