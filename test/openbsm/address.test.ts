import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../../src/openbsm/address.ts';

describe('addresses', () => {
  it.each([
    ['0.0.0.0', '00000000'],
    ['255.0.1.2', 'ff000102'],
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(31)}1`],
    ['2001:db8::', `20010db8${'0'.repeat(24)}`],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['::ffff:192.0.2.1', `${'0'.repeat(20)}ffffc0000201`],
    ['2001:db8:0:1::', '20010db80000000100000000000000' + '00'],
  ])('%s', (text, hex) => {
    expect(Buffer.from(parseAddress(text)).toString('hex')).toBe(hex);
    expect(formatAddress(Buffer.from(hex, 'hex'))).toBe(text);
  });

  it('are the same bytes again', () => {
    const byte = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 }));
    const bytes = fc
      .constantFrom(4, 16)
      .chain(length => fc.array(byte, { minLength: length, maxLength: length }));
    fc.assert(
      fc.property(bytes, value => {
        expect([...parseAddress(formatAddress(Uint8Array.from(value)))]).toEqual(value);
      }),
    );
  });

  it.each(['', 'localhost', '1.2.3', '1.2.3.256', ':::', '1::2::3', 'fe80::1%en0', '12345::'])(
    '%s is none',
    text => {
      expect(() => parseAddress(text)).toThrow(RangeError);
    },
  );
});
