import { releaseRows, unpackRows } from './packing.ts';
import { type ZstdFrame, zstdFrames } from './zstd-frames.ts';

/** Frames kept unpacked after use: rows that a join asks for are mostly near each other. */
const MOST_UNPACKED = 8;

interface UnpackedFrame {
  readonly packed: Buffer;
  readonly frame: ZstdFrame;
  readonly bytes: Buffer;
}

/** Frames of packed rows; false if they cannot be unpacked in parts. */
const known = new WeakMap<Buffer, readonly ZstdFrame[] | false>();
/** Least recently used first. */
const unpacked: UnpackedFrame[] = [];

/**
 * The frames of packed rows.
 *
 * @param length of the rows
 * @returns undefined if they can only be unpacked as a whole
 */
export const framesOf = (packed: Buffer, length: number): readonly ZstdFrame[] | undefined => {
  let frames = known.get(packed);
  if (frames === undefined) {
    frames = zstdFrames(packed, length) ?? false;
    known.set(packed, frames);
  }
  return frames === false || frames.length < 2 ? undefined : frames;
};

/**
 * The bytes of one frame. Valid until the next call: the memory of the least recently used one is freed.
 *
 * @throws Error for data that is no zstd frame of that size
 */
export const unpackFrame = (packed: Buffer, frame: ZstdFrame): Buffer => {
  const place = unpacked.findIndex(one => one.packed === packed && one.frame === frame);
  if (place >= 0) {
    const [found] = unpacked.splice(place, 1);
    unpacked.push(found!);
    return found!.bytes;
  }
  const length = frame.contentTo - frame.contentFrom;
  const bytes = unpackRows(packed.subarray(frame.from, frame.to), length);
  if (bytes.length !== length) throw new RangeError(`expected ${length} bytes of rows, got ${bytes.length}`);
  unpacked.push({ packed, frame, bytes });
  if (unpacked.length > MOST_UNPACKED) {
    const oldest = unpacked.shift()!;
    releaseRows(oldest.bytes, oldest.bytes.length);
  }
  return bytes;
};
