import fc from 'fast-check';
import type { ColumnSpec } from 'osquery-extension-ts';
import { ByteWriter, createRowEncoder, decodeRows, encodeRows } from 'osquery-extension-ts/encoded';
import { describe, expect, it } from 'vitest';
import { emptyRows, entryOverheads, findValue, isPresent, maskOf } from '../../src/events/encoded-row.ts';

describe('maskOf', () => {
  it('has a bit for each column, up to the 64th', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(63)), columns => {
        const { low, high } = maskOf(columns);
        const present = Array.from({ length: 64 }, (_, i) => i).filter(i => isPresent(low, high, i));
        expect(present).toEqual(columns.toSorted((a, b) => a - b));
        expect(low >= 0 && high >= 0).toBe(true);
      }),
    );
  });
});

describe('emptyRows', () => {
  it('is what encoding rows without columns gives', () => {
    expect(emptyRows(0)).toHaveLength(0);
    expect(decodeRows({ count: 3, chunks: emptyRows(3) })).toEqual([{}, {}, {}]);
    for (const count of [2, 10_922, 10_923, 30_000]) {
      const rows = Array.from({ length: count }, () => ({}));
      expect(Buffer.concat(emptyRows(count))).toEqual(Buffer.concat(encodeRows(rows).chunks as Buffer[]));
    }
  });
});

describe('findValue', () => {
  it('finds each value of a row with any of its columns absent', () => {
    const value = fc.option(fc.string({ maxLength: 50, unit: 'grapheme' }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 40 }), fc.nat(20), (values, before) => {
        const columns = values.map(
          (_, i): ColumnSpec => ({ name: `c${'x'.repeat(i % 5)}${i}`, type: 'TEXT' }),
        );
        const names = columns.map(({ name }) => name);
        const encoder = createRowEncoder(columns);
        const out = new ByteWriter();
        out.raw(Buffer.alloc(before, 0xff));
        encoder.append(Object.fromEntries(names.map((name, i) => [name, values[i]])), out);
        const overheads = entryOverheads(names);
        for (const [i, expected] of values.entries()) {
          const { presentLow, presentHigh } = encoder;
          const row = { bytes: out.bytes, start: before, low: presentLow, high: presentHigh };
          const span = findValue(row, i, overheads);
          const found = span && out.bytes.toString('utf8', span.start, span.end);
          expect(found).toBe(expected?.toWellFormed());
        }
      }),
    );
  });
});
