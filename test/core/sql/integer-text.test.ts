import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDouble, parseInteger } from '../../../src/core/sql/integer-text.ts';

const parse = (text: string): bigint | undefined => {
  const bytes = Buffer.from(`##${text}##`);
  const value = parseInteger(bytes, 2, bytes.length - 2);
  return value === undefined ? undefined : BigInt(value);
};

describe('parseInteger', () => {
  test('takes every int64 in decimal exactly', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), value => {
        expect(parse(value.toString())).toBe(value);
      }),
    );
  });

  test('takes every int64 in hexadecimal and octal', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 63n) - 1n }), value => {
        expect(parse(`0x${value.toString(16)}`)).toBe(value);
        expect(parse(`0${value.toString(8)}`)).toBe(value);
      }),
    );
  });

  test('is NULL beyond an int64', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n << 63n, max: 1n << 90n }), value => {
        expect(parse(value.toString())).toBeUndefined();
        expect(parse((-value - 1n).toString())).toBeUndefined();
      }),
    );
  });

  test.each([
    ['', undefined],
    ['x', undefined],
    ['-', undefined],
    ['0', 0n],
    ['010', 8n],
    ['08', 0n],
    ['0x', 0n],
    ['0xg', 0n],
    ['0X1f', 31n],
    ['-0x10', -16n],
    ['+7', 7n],
    [' \t42', 42n],
    ['12abc', 12n],
    ['1.9', 1n],
    ['9223372036854775807', 9223372036854775807n],
    ['-9223372036854775808', -9223372036854775808n],
    ['9223372036854775808', undefined],
    ['18446744073709551615', undefined],
  ])('%j is %s, as std::stoll with base 0 has it', (text, value) => {
    expect(parse(text)).toBe(value);
  });
});

describe('parseDouble', () => {
  test('takes back what JavaScript writes', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), value => {
        // There is no text of its own for -0.
        expect(parseDouble(String(value))).toBe(Number(String(value)));
      }),
    );
  });

  test.each(['', ' ', 'x', '1.5x', '1e', '.', '1 2', '--1'])('%j is no double', text => {
    expect(parseDouble(text)).toBeUndefined();
  });
});
