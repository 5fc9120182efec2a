import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packRows, unpackRows } from '../../src/events/packing.ts';

describe('packed rows', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5_000 }), fc.nat(300), (part, times) => {
        const bytes = Buffer.concat(Array.from({ length: times }, () => part));
        expect(unpackRows(packRows(bytes), bytes.length).equals(bytes)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('lie in memory of their own size', () => {
    const { length, buffer } = packRows(Buffer.alloc(100_000, 'row'));
    expect(length).toBeLessThan(200);
    expect(buffer.byteLength).toBe(length);
  });

  it('are not unpacked to more than they are said to be, nor where that takes more memory than packing does', () => {
    const packed = packRows(Buffer.alloc(1_000_000));
    expect(() => unpackRows(packed, 1_000)).toThrow(
      expect.objectContaining({ code: 'ERR_BUFFER_TOO_LARGE' }),
    );
    // RFC 8878: no content size, a window of 2^22 bytes, one last block of 8 bytes as they are.
    const wide = Buffer.from('28b52ffd0060410000726f77726f77726f', 'hex');
    expect(() => unpackRows(wide, 8)).toThrow(/memory/);
    const narrow = Buffer.from('28b52ffd0040410000726f77726f77726f', 'hex');
    expect(unpackRows(narrow, 8).toString()).toBe('rowrowro');
    expect(() => unpackRows(Buffer.from('no frame'), 8)).toThrow();
  });
});
