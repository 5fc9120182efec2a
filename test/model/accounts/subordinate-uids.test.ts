import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSubordinateUids, rangeOf } from '../../../src/model/accounts/subordinate-uids.ts';

describe('parseSubordinateUids', () => {
  it('reads the ranges, in their order, and leaves out all else', () => {
    const text = 'bob:165536:65536\nalice:100000:65536\n#c:1:2\n\n1000:5:0\nx:1\ny:a:2\nz:4294967290:100\n';
    expect(parseSubordinateUids(Buffer.from(text))).toEqual([
      { first: 100_000, last: 165_535 },
      { first: 165_536, last: 231_071 },
      { first: 4_294_967_290, last: 4_294_967_294 },
    ]);
  });

  it('takes any bytes without throwing, and finds only uids that can be', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        for (const { first, last } of parseSubordinateUids(bytes)) {
          expect(first).toBeLessThanOrEqual(last);
          expect(last).toBeLessThanOrEqual(4_294_967_294);
        }
      }),
    );
  });

  it('knows which range a uid is in', () => {
    const ranges = parseSubordinateUids(Buffer.from('a:10:5\nb:20:5\n'));
    expect(rangeOf(14, ranges)).toBe(ranges[0]);
    expect(rangeOf(15, ranges)).toBeUndefined();
    expect(rangeOf(20, ranges)).toBe(ranges[1]);
  });
});
