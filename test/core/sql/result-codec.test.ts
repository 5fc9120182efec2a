import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sqliteDouble } from '../../../src/core/format-value.ts';
import { decodeRows, ResultEncoder } from '../../../src/core/sql/result-codec.ts';
import { decodeUtf8 } from '../../../src/runtime/utf8.ts';

const cell = fc.oneof(
  fc.constant(null),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
  fc.bigInt({ min: -10n, max: 10n }),
  fc.double({ noNaN: true }),
  fc.string({ unit: 'grapheme' }),
);

test('every value comes back as text', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 30 }), input => {
      const encoder = new ResultEncoder();
      for (const row of input) {
        for (const value of row) {
          if (value === null) encoder.null();
          else if (typeof value === 'bigint') encoder.integer(value);
          else if (typeof value === 'number') encoder.float(value);
          else {
            const bytes = Buffer.from(`..${value}`);
            encoder.text(bytes, 2, bytes.length - 2);
          }
        }
        encoder.rows += 1;
      }
      const { bytes, rows } = encoder.take();
      const expected = input.map(row =>
        row.map(value =>
          value === null ? null : typeof value === 'number' ? sqliteDouble(value) : String(value),
        ),
      );
      expect(decodeRows(bytes, 3, rows, { float: sqliteDouble, text: decodeUtf8 })).toEqual(expected);
      expect(encoder.take().rows).toBe(0);
    }),
  );
});

test('a value longer than the buffer makes it grow', () => {
  const encoder = new ResultEncoder();
  const long = Buffer.alloc(300_000, 'x');
  encoder.text(long, 0, long.length);
  encoder.rows += 1;
  const { bytes, rows } = encoder.take();
  expect(decodeRows(bytes, 1, rows, { float: sqliteDouble, text: decodeUtf8 })).toEqual([[long.toString()]]);
});
