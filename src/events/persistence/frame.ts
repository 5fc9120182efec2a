import { crc32 } from 'node:zlib';

/**
 * A state file is a sequence of frames, which are only ever appended:
 *
 *   u32 payload length | u32 CRC-32 of all that follows | u32 kind | payload
 *
 * all little-endian. A killed process, or a full disk, leaves a last frame that is cut off: its length or its
 * checksum does not fit, and reading ends before it.
 */
export const FRAME_HEADER_BYTES = 12;

/** Longest payload that is read. A longer one was not written by us. */
export const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024;

export interface Frame {
  readonly kind: number;
  /** A view of the bytes that were read. */
  readonly payload: Buffer;
}

export interface FrameScan {
  readonly frames: readonly Frame[];
  /** Bytes up to the end of the last whole frame; the rest is damaged or cut off. */
  readonly length: number;
}

/** The chunks of one frame, to be written one after the other; the payload is not copied. */
export const encodeFrame = (kind: number, payload: readonly Uint8Array[]): Uint8Array[] => {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header.writeUInt32LE(
    payload.reduce((sum, { length }) => sum + length, 0),
    0,
  );
  header.writeUInt32LE(kind, 8);
  let checksum = crc32(header.subarray(8));
  for (const chunk of payload) checksum = crc32(chunk, checksum);
  header.writeUInt32LE(checksum, 4);
  return [header, ...payload];
};

/** Reads frames until the end or the first one that is not whole. Never throws. */
export const scanFrames = (bytes: Buffer): FrameScan => {
  const frames: Frame[] = [];
  let at = 0;
  while (bytes.length - at >= FRAME_HEADER_BYTES) {
    const length = bytes.readUInt32LE(at);
    const end = at + FRAME_HEADER_BYTES + length;
    if (length > MAX_PAYLOAD_BYTES || end > bytes.length) break;
    if (crc32(bytes.subarray(at + 8, end)) !== bytes.readUInt32LE(at + 4)) break;
    frames.push({ kind: bytes.readUInt32LE(at + 8), payload: bytes.subarray(at + FRAME_HEADER_BYTES, end) });
    at = end;
  }
  return { frames, length: at };
};
