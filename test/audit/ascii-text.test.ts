import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asciiText } from '../../src/audit/ascii-text.ts';

const ascii = fc.uint8Array({ max: 0x7f, min: 1, maxLength: 100 });

describe('asciiText', () => {
  it('is the text of ASCII bytes, however often it was asked for', () => {
    fc.assert(
      fc.property(fc.array(ascii, { minLength: 1 }), fc.infiniteStream(fc.nat()), (texts, picks) => {
        for (let i = 0; i < 50; i++) {
          const bytes = texts[picks.next().value! % texts.length]!;
          expect(asciiText(bytes, 0, bytes.length)).toBe(Buffer.from(bytes).toString('latin1'));
        }
      }),
    );
  });

  it('looks at nothing outside of its bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 8 }),
        ascii,
        fc.uint8Array({ maxLength: 8 }),
        (before, text, after) => {
          const bytes = Buffer.concat([before, text, after]);
          const end = before.length + text.length;
          expect(asciiText(bytes, before.length, end)).toBe(Buffer.from(text).toString('latin1'));
        },
      ),
    );
  });

  it('tells texts apart that have the same hash', () => {
    // 31 * 'A' + 'a' = 31 * 'B' + 'B'
    const same = ['Aa', 'BB', 'AaAa', 'BBBB', 'AaBB', 'BBAa'].map(text => Buffer.from(text));
    for (const bytes of [...same, ...same]) expect(asciiText(bytes, 0, bytes.length)).toBe(bytes.toString());
  });

  it('keeps what it gave when the bytes are overwritten', () => {
    const bytes = Buffer.from('/usr/bin/first');
    const text = asciiText(bytes, 0, bytes.length);
    bytes.fill('x');
    expect(text).toBe('/usr/bin/first');
    expect(asciiText(bytes, 0, bytes.length)).toBe('x'.repeat(14));
  });

  it.each([0, 0x80, 0xff])('has nothing for byte %i: that is no ASCII text', byte => {
    for (const at of [0, 3, 7]) {
      const bytes = Buffer.from('/bin/cat');
      bytes[at] = byte;
      expect(asciiText(bytes, 0, bytes.length)).toBeUndefined();
    }
  });
});
