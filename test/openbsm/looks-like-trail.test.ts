import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { looksLikeTrail, whyNoTrail } from '../../src/openbsm/looks-like-trail.ts';
import { encodeRecord, encodeToken } from '../../src/openbsm/record.ts';
import { arbitraryHeader, arbitraryTokens } from './arbitrary.ts';
import { record, SAMPLE_TOKENS, text } from './sample-tokens.ts';

const one = record(45000, [text('auditd::Audit startup')]);

describe('looksLikeTrail', () => {
  it('knows what begins with a record, whatever is in it', () => {
    fc.assert(
      fc.property(arbitraryHeader, arbitraryTokens, (header, tokens) => {
        expect(looksLikeTrail(encodeRecord(header, tokens))).toBe(true);
      }),
    );
  });

  it('knows a trail by a file token, by the beginning of a long record, and behind damage', () => {
    expect(looksLikeTrail(encodeToken(SAMPLE_TOKENS.file))).toBe(true);
    const long = record(23, [{ kind: 'exec_args', args: ['x'.repeat(100_000)] }]);
    expect(looksLikeTrail(long.subarray(0, 65_536))).toBe(true);
    expect(looksLikeTrail(long.subarray(0, 6))).toBe(true);
    expect(looksLikeTrail(Uint8Array.from([1, 2, 3, ...one]))).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['an audit log', 'type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=59\n'],
    ['raw records', '1300 audit(1364481363.243:24287): arch=c000003e\n'],
    ['text that begins with a header id', 'yes, this is text\n'],
    ['a length too short for a record', '\x14\0\0\0\x05\x0b\0\0\0'],
    ['a length of 4 GiB', '\x14\xff\xff\xff\xff\x0b\0\0\0'],
    ['a version that never was', '\x14\0\0\x10\0\x63\0\0\0'],
    ['a header that stops in its length', '\x14\0\0'],
    ['a compressed file', '\x1f\x8b\x08\0\0\0\0\0\0\0'],
  ])('knows that it is not: %s', (_, bytes) => {
    expect(looksLikeTrail(Buffer.from(bytes, 'latin1'))).toBe(false);
  });

  it('says what is wrong, and where', () => {
    expect(whyNoTrail(Buffer.from('\x14\xff\xff\xff\xff\x0b\0\0\0', 'latin1'))).toMatch(
      /^offset 0: record length 4294967295, but the limit is \d+ bytes/,
    );
    expect(whyNoTrail(Buffer.from('hello'))).toMatch(/^offset 0: byte 0x68 begins neither/);
    expect(whyNoTrail(Buffer.alloc(0))).toBe('offset 0: no bytes');
  });

  it('takes no text for a trail', () => {
    const line = fc.string({ unit: 'grapheme' }).map(value => Buffer.from(value));
    fc.assert(fc.property(line, bytes => !looksLikeTrail(bytes)));
  });
});
