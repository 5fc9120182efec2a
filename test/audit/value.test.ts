import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FieldCursor } from '../../src/audit/record.ts';
import {
  DAMAGED,
  decimal,
  decodeHex,
  decodeText,
  hexWord,
  plainText,
  readText,
  untrustedBytes,
  untrustedText,
} from '../../src/audit/value.ts';
import { untrusted } from './kernel-records.ts';

const text = (...bytes: number[]): string => decodeText(Uint8Array.from(bytes));

/** The cursor on the one field of a record. */
const field = (value: string): FieldCursor => {
  const bytes = Buffer.from(`x=${value}`, 'latin1');
  const cursor = new FieldCursor().reset(bytes, 0, bytes.length);
  cursor.next();
  return cursor;
};

describe('decodeText', () => {
  it.each([
    ['', ''],
    ['/bin/echo', '/bin/echo'],
    ['Grüße ☃ 𝄞', 'Grüße ☃ 𝄞'],
    ['\ufeffmark', '\ufeffmark'],
    ['a\tb\n\x1b[0m', 'a\tb\n\x1b[0m'],
  ])('keeps UTF-8: %j', (input, expected) => expect(decodeText(Buffer.from(input))).toBe(expected));

  // Table 3-7 of the Unicode standard, and what lies just outside of each row.
  it.each([
    [[0xff, 0xfe], '\\xFF\\xFE'],
    [[0x63, 0x61, 0x66, 0xe9], 'caf\\xE9'],
    [[0x80], '\\x80'],
    [[0xc0, 0x80], '\\xC0\\x80'],
    [[0xc1, 0xbf], '\\xC1\\xBF'],
    [[0xc2, 0x80], '\u0080'],
    [[0xc3], '\\xC3'],
    [[0xe0, 0x9f, 0xbf], '\\xE0\\x9F\\xBF'],
    [[0xe0, 0xa0, 0x80], '\u0800'],
    [[0xed, 0x9f, 0xbf], '\ud7ff'],
    [[0xed, 0xa0, 0x80], '\\xED\\xA0\\x80'],
    [[0xe2, 0x98], '\\xE2\\x98'],
    [[0xe2, 0x98, 0x41], '\\xE2\\x98A'],
    [[0xf0, 0x8f, 0xbf, 0xbf], '\\xF0\\x8F\\xBF\\xBF'],
    [[0xf0, 0x90, 0x80, 0x80], '\u{10000}'],
    [[0xf4, 0x8f, 0xbf, 0xbf], '\u{10ffff}'],
    [[0xf4, 0x90, 0x80, 0x80], '\\xF4\\x90\\x80\\x80'],
    [[0xf5, 0x80, 0x80, 0x80], '\\xF5\\x80\\x80\\x80'],
    [[0xc3, 0xa4, 0xff, 0xe2, 0x98, 0x83], 'ä\\xFF☃'],
  ])('escapes what is not UTF-8 byte by byte: %j', (bytes, expected) =>
    expect(text(...bytes)).toBe(expected),
  );

  it.each([
    [[0], '\\x00'],
    [[0x61, 0, 0x62], 'a\\x00b'],
    [[0xc3, 0xa4, 0], 'ä\\x00'],
    [[0xff, 0, 0xff], '\\xFF\\x00\\xFF'],
  ])('escapes NUL: %j', (bytes, expected) => expect(text(...bytes)).toBe(expected));

  it('reads a part of a buffer, also of one that starts within its memory', () => {
    const whole = Buffer.from('..caf\xe9 ä..', 'latin1').subarray(1);
    expect(decodeText(whole, 1, 5)).toBe('caf\\xE9');
    expect(decodeText(new Uint8Array(whole.buffer, whole.byteOffset + 1, 3))).toBe('caf');
    expect(decodeText(whole, 3, 3)).toBe('');
  });

  it('is the text for any text without NUL', () => {
    const character = fc
      .oneof(fc.integer({ min: 1, max: 0x7ff }), fc.integer({ min: 0x800, max: 0x10ffff }))
      .map(code => String.fromCodePoint(code))
      .filter(text => text.isWellFormed());
    fc.assert(
      fc.property(fc.array(character, { maxLength: 20 }), characters => {
        const string = characters.join('');
        expect(decodeText(Buffer.from(string))).toBe(string);
      }),
    );
  });

  it('loses no byte of anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
        fc.pre(!bytes.includes(0x5c));
        const decoded = decodeText(bytes);
        expect(decoded.isWellFormed()).toBe(true);
        expect(decoded).not.toContain('\0');
        const back = decoded
          .split(/\\x([0-9A-F]{2})/)
          .map((part, i) => (i % 2 === 0 ? Buffer.from(part) : Buffer.from(part, 'hex')));
        expect(Buffer.concat(back)).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 300 },
    );
  });
});

describe('decodeHex', () => {
  const decode = (hex: string): Buffer | undefined => decodeHex(Buffer.from(hex, 'latin1'), 0, hex.length);

  it('reads upper and lower case', () => {
    expect(decode('2F62696E')).toEqual(Buffer.from('/bin'));
    expect(decode('2f62696e')).toEqual(Buffer.from('/bin'));
    expect(decode('')).toEqual(Buffer.alloc(0));
  });

  it.each(['0', '2F6', '2G', 'zz', '/:', '@`', '2F 6'])('refuses %j', hex =>
    expect(decode(hex)).toBeUndefined(),
  );

  it('undoes the encoding of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
        expect(decode(Buffer.from(bytes).toString('hex').toUpperCase())).toEqual(Buffer.from(bytes));
      }),
    );
  });
});

describe('untrusted strings', () => {
  it.each([
    ['"/bin/echo"', '/bin/echo'],
    ['""', ''],
    ['"?"', '?'],
    ['"(null)"', '(null)'],
    ['"(none)"', '(none)'],
    ['"1000"', '1000'],
    ['"DEADBEEF"', 'DEADBEEF'],
    ['74776F20776F726473', 'two words'],
    ['222F62696E2F6576696C22', '"/bin/evil"'],
    ['61FF', 'a\\xFF'],
  ])('%s is %j', (value, expected) => expect(untrustedText(field(value))).toBe(expected));

  it.each(['(null)', '(none)', '?', ''])('unquoted %j is no value', value => {
    expect(untrustedText(field(value))).toBeUndefined();
    expect(untrustedBytes(field(value))).toBeUndefined();
  });

  it.each(['/usr/sbin/cron', 'abc', '6563686F2', '"echo', "'x"])('unquoted %j is damaged', value => {
    expect(untrustedText(field(value))).toBeUndefined();
    expect(readText(field(value))).toBe(DAMAGED);
  });

  it('is damaged where hex says what the kernel would have quoted: the rest is lost', () => {
    expect(readText(field('6563686F'))).toBe(DAMAGED);
    expect(readText(field('6563686F20'))).toBe('echo ');
    expect(readText(field(''))).toBe(DAMAGED);
    expect(readText(field('(null)'))).toBeUndefined();
  });

  it('cut at any byte is the whole or none, but for hex that has what needs it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), bytes => {
        const written = untrusted(bytes);
        for (let end = 1; end < written.length; end++) {
          const read = readText(field(written.slice(0, end)));
          if (written.startsWith('"') || end % 2 === 1) expect(read).toBe(DAMAGED);
        }
        expect(readText(field(written))).toBe(decodeText(bytes));
      }),
    );
  });

  it('gives back any bytes the kernel was given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), bytes => {
        expect(Buffer.from(untrustedBytes(field(untrusted(bytes)))!)).toEqual(Buffer.from(bytes));
        expect(untrustedText(field(untrusted(bytes)))).toBe(decodeText(bytes));
      }),
    );
  });
});

describe('plainText', () => {
  it.each([
    ['pts0', 'pts0'],
    ['1000', '1000'],
    ['DEADBEEF', 'DEADBEEF'],
    ['"quoted words"', 'quoted words'],
    ['"?"', '?'],
    ['PAM:authentication', 'PAM:authentication'],
  ])('%s is %j, never hex', (value, expected) => expect(plainText(field(value))).toBe(expected));

  it.each(['(null)', '(none)', '?', ''])('%j is no value', value =>
    expect(plainText(field(value))).toBeUndefined(),
  );
});

describe('decimal', () => {
  it.each([
    ['0', 0],
    ['4294967295', 4294967295],
    ['-115', -115],
    ['0100755', 100755],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%s', (value, expected) => expect(decimal(field(value))).toBe(expected));

  it.each(['', '-', '+1', '1.5', '0x10', '1a', 'unset', '(null)'])('%j is none', value =>
    expect(decimal(field(value))).toBeUndefined(),
  );
});

describe('hexWord', () => {
  it.each([
    ['c000003e', 0xc000003e],
    ['3', 3],
    ['ffffffff', 0xffffffff],
    // a0 of a call is a 64-bit register, of which an int argument is the low half.
    ['ffffffffffffff9c', 0xffffff9c],
    ['7f0100000003', 0x00000003],
    ['1200011', 0x1200011],
  ])('%s', (value, expected) => expect(hexWord(field(value))).toBe(expected));

  it.each(['', 'g', '-1', '0x3'])('%j is none', value => expect(hexWord(field(value))).toBeUndefined());
});
