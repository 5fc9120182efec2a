import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coreDouble, sqliteDouble } from '../../src/core/format-value.ts';
import { decodeUtf8 } from '../../src/runtime/utf8.ts';
import { anyText } from './any-text.ts';

describe('doubles', () => {
  test.each([
    [0, '0.0', '0.0'],
    [1, '1.0', '1.0'],
    [1.5, '1.5', '1.5'],
    [0.1, '0.1', '0.1'],
    [100, '100.0', '100.0'],
    [1e14, '100000000000000.0', '100000000000000.0'],
    [1e20, '1e+20.0', '1.0e+20'],
    [1.25e-7, '1.25e-07', '1.25e-07'],
    [0.00001, '1e-05.0', '1.0e-05'],
    [0.0001, '0.0001', '0.0001'],
    [-2.5, '-2.5', '-2.5'],
    [1 / 3, '0.333333333333333', '0.333333333333333'],
  ])('%d is %s in a log and %s in the shell', (value, core, shell) => {
    expect(coreDouble(value)).toBe(core);
    expect(sqliteDouble(value)).toBe(shell);
  });

  test('keep 15 digits', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), value => {
        expect(Number.parseFloat(sqliteDouble(value))).toBe(Number(value.toPrecision(15)));
      }),
    );
  });
});

describe('decodeUtf8', () => {
  test('leaves valid text alone, replacement characters included', () => {
    fc.assert(
      fc.property(anyText(), text => {
        expect(decodeUtf8(Buffer.from(text))).toBe(text.toWellFormed());
      }),
    );
    expect(decodeUtf8(Buffer.from('\ufffd'))).toBe('\ufffd');
  });

  test.each([
    [[0xff], '\\xFF'],
    [[0x61, 0x80, 0x62], 'a\\x80b'],
    [[0xc3], '\\xC3'],
    [[0xc0, 0xaf], '\\xC0\\xAF'],
    [[0xed, 0xa0, 0x80], '\\xED\\xA0\\x80'],
    [[0xf4, 0x90, 0x80, 0x80], '\\xF4\\x90\\x80\\x80'],
    [[0xe2, 0x82, 0xac, 0xfe], '€\\xFE'],
  ])('shows the bytes of %j that are no text', (bytes, expected) => {
    expect(decodeUtf8(Buffer.from(bytes))).toBe(expected);
  });

  test('always gives text that is valid', () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        expect(decodeUtf8(Buffer.from(bytes)).isWellFormed()).toBe(true);
      }),
    );
  });
});
