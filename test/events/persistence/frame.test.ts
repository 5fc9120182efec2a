import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, MAX_PAYLOAD_BYTES, scanFrames } from '../../../src/events/persistence/frame.ts';

const frames = fc.array(
  fc.record({
    kind: fc.nat(),
    chunks: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 3 }),
  }),
  { maxLength: 5 },
);
const encode = (list: readonly { kind: number; chunks: Uint8Array[] }[]): Buffer =>
  Buffer.concat(list.flatMap(({ kind, chunks }) => encodeFrame(kind, chunks)));

describe('frames', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(frames, list => {
        const bytes = encode(list);
        const scan = scanFrames(bytes);
        expect(scan.length).toBe(bytes.length);
        expect(scan.frames).toEqual(
          list.map(({ kind, chunks }) => ({ kind, payload: Buffer.concat(chunks) })),
        );
      }),
    );
  });

  it('are read up to the one that is cut off, wherever it is', () => {
    fc.assert(
      fc.property(frames, list => {
        const bytes = encode(list);
        for (let length = 0; length < bytes.length; length++) {
          const scan = scanFrames(bytes.subarray(0, length));
          expect(scan.length).toBeLessThanOrEqual(length);
          expect(encode(scan.frames.map(({ kind, payload }) => ({ kind, chunks: [payload] })))).toEqual(
            bytes.subarray(0, scan.length),
          );
        }
      }),
      { numRuns: 30 },
    );
  });

  it('are read up to the one that is damaged', () => {
    fc.assert(
      fc.property(frames, fc.nat(), fc.integer({ min: 1, max: 255 }), (list, place, difference) => {
        const bytes = encode(list);
        fc.pre(bytes.length > 0);
        const at = place % bytes.length;
        bytes[at]! ^= difference;
        expect(scanFrames(bytes).length).toBeLessThanOrEqual(at);
      }),
    );
  });

  it('never are longer than what we write', () => {
    const header = Buffer.alloc(12);
    header.writeUInt32LE(MAX_PAYLOAD_BYTES + 1, 0);
    expect(scanFrames(header)).toEqual({ frames: [], length: 0 });
    header.writeUInt32LE(0xffff_ffff, 0);
    expect(scanFrames(header)).toEqual({ frames: [], length: 0 });
  });
});
