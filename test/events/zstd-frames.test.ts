import { constants, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packRows, unpackRows } from '../../src/events/packing.ts';
import { zstdFrames } from '../../src/events/zstd-frames.ts';

/** Bytes that are packed into blocks of every kind: repeated, compressed, as they are. */
const content = fc
  .array(
    fc.oneof(
      fc.record({ fill: fc.uint8Array({ minLength: 1, maxLength: 3 }), length: fc.nat(300_000) }),
      fc.record({ fill: fc.uint8Array({ minLength: 5_000, maxLength: 9_000 }), length: fc.nat(9_000) }),
    ),
    { maxLength: 4 },
  )
  .map(parts => Buffer.concat(parts.map(({ fill, length }) => Buffer.alloc(length, fill))));

describe('the frames of packed rows', () => {
  it('lie one behind the other, and each is its part of the rows', () => {
    fc.assert(
      fc.property(content, bytes => {
        const packed = packRows(bytes);
        const frames = zstdFrames(packed, bytes.length)!;
        expect(frames[0]).toMatchObject({ from: 0, contentFrom: 0 });
        expect(frames.at(-1)).toMatchObject({ to: packed.length, contentTo: bytes.length });
        frames.forEach(({ from, to, contentFrom, contentTo }, i) => {
          if (i > 0) expect(frames[i - 1]).toMatchObject({ to: from, contentTo: contentFrom });
          const part = unpackRows(packed.subarray(from, to), contentTo - contentFrom);
          expect(part.equals(bytes.subarray(contentFrom, contentTo))).toBe(true);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('are those of any frames that say their size', () => {
    const bytes = Buffer.from('some rows, and some rows, and some rows again');
    for (const params of [{}, { [constants.ZSTD_c_checksumFlag]: 1 }]) {
      for (const size of [1, 40, 255, 256, 257, 65_791, 65_792, 70_000]) {
        const part = Buffer.alloc(size, bytes);
        const frame = zstdCompressSync(part, { params, pledgedSrcSize: size });
        const two = Buffer.concat([frame, frame]);
        expect(zstdFrames(two, 2 * size)).toEqual([
          { from: 0, to: frame.length, contentFrom: 0, contentTo: size },
          { from: frame.length, to: two.length, contentFrom: size, contentTo: 2 * size },
        ]);
      }
    }
  });

  it('are not known of what is cut off, has another size, or is something else', () => {
    const bytes = Buffer.alloc(300_000, 'a row that is much like others');
    const packed = packRows(bytes);
    for (let length = 1; length < packed.length; length++) {
      expect(zstdFrames(packed.subarray(0, length), bytes.length)).toBeUndefined();
    }
    expect(zstdFrames(packed, bytes.length - 1)).toBeUndefined();
    expect(zstdFrames(Buffer.from('not packed at all'), 17)).toBeUndefined();
    // RFC 8878: no content size.
    expect(zstdFrames(Buffer.from('28b52ffd0040410000726f77726f77726f', 'hex'), 8)).toBeUndefined();
  });

  it('of any bytes end within them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(400), (tail, length) => {
        const stream = Buffer.concat([Buffer.from('28b52ffd', 'hex'), tail]);
        for (const { to } of zstdFrames(stream, length) ?? []) expect(to).toBeLessThanOrEqual(stream.length);
      }),
      { numRuns: 2_000 },
    );
  });
});
