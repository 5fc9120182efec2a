import { expect, it } from 'vitest';
import { packRows } from '../../src/events/packing.ts';
import { framesOf, unpackFrame } from '../../src/events/unpacked-frames.ts';

const rows = (name: string, bytes = 2_000_000): Buffer =>
  Buffer.from(
    Array.from({ length: Math.ceil(bytes / 20) }, (_, i) => `${name} ${i}`.padEnd(20)).join(''),
  ).subarray(0, bytes);

it('a frame is unpacked as it was, whichever were before', () => {
  const all = ['a', 'b'].map(name => {
    const bytes = rows(name);
    const packed = packRows(bytes);
    return { bytes, packed, frames: framesOf(packed, bytes.length)! };
  });
  // More than stay unpacked, some of them again and again.
  for (let i = 0; i < 200; i++) {
    const { bytes, packed, frames } = all[i % 2]!;
    const frame = frames[(i * 7) % (i % 3 === 0 ? 3 : frames.length)]!;
    expect(unpackFrame(packed, frame).equals(bytes.subarray(frame.contentFrom, frame.contentTo))).toBe(true);
  }
});

it('one frame is not worth it', () => {
  const bytes = rows('a', 50_000);
  expect(framesOf(packRows(bytes), bytes.length)).toBeUndefined();
});

it('damage is an error', () => {
  const bytes = rows('a');
  const packed = packRows(bytes);
  const frames = framesOf(packed, bytes.length)!;
  packed.fill(0xff, frames[1]!.from + 12, frames[1]!.to);
  expect(() => unpackFrame(packed, frames[1]!)).toThrow();
  expect(unpackFrame(packed, frames[0]!).length).toBe(frames[0]!.contentTo);
});
