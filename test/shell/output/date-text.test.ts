import fc from 'fast-check';
import { expect, test } from 'vitest';
import { datesIn, dateText } from '../../../src/shell/output/date-text.ts';

test('times are dates, durations and everything else are not', () => {
  const row = datesIn(['time', 'uptime', 'MTIME', 'path'])(['1796095145', '1796095145', '0', '1796095145']);
  expect(row).toEqual(['2026-12-01T03:19:05Z', '1796095145', '0', '1796095145']);
  expect(datesIn(['time'])([null])).toEqual([null]);
});

test('a text that is no time is left as it is', () => {
  for (const text of ['', '-1', '12', '1796095145.5', '999999999999999', ' 1796095145', '0x10', 'x'])
    expect(dateText(text)).toBe(text);
});

test('a date tells the same second', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100_000_000, max: 99_999_999_999 }), seconds => {
      expect(Date.parse(dateText(String(seconds)))).toBe(seconds * 1000);
    }),
  );
});
