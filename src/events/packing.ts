import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/**
 * Rows resemble those just before them: a larger window makes the result no smaller, and takes twice as long because
 * of its memory.
 */
const WINDOW_LOG = 18;
const PACKING = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_windowLog]: WINDOW_LOG };
/** Data that needs more memory was not packed by us. */
const UNPACKING = { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG };
/**
 * One block, because several joined ones take twice as long. zlib needs a little spare room to see that the output
 * ended.
 */
const SPARE_BYTES = 64;

/** Most bytes of output: ZSTD_COMPRESSBOUND of zstd.h. With room for them zstd makes no copies of its own. */
const mostPacked = (length: number): number => length + (length >>> 8) + SPARE_BYTES;

/**
 * Most bytes of rows in one zstd frame, all of which is unpacked for one row. A megabyte in one frame would be a
 * twentieth smaller; frames of half this size take half as long again to pack.
 */
const FRAME_BYTES = 128 * 1024;

/** Rows as zstd frames: most of a row is column names, and values that earlier rows have too. */
export const packRows = (bytes: Uint8Array): Buffer => {
  const frames: { readonly packed: Buffer; readonly room: number }[] = [];
  let length = 0;
  for (let at = 0; at < bytes.length || at === 0; at += FRAME_BYTES) {
    const part = bytes.subarray(at, at + FRAME_BYTES);
    const room = mostPacked(part.length);
    const packed = zstdCompressSync(part, { params: PACKING, pledgedSrcSize: part.length, chunkSize: room });
    frames.push({ packed, room });
    length += packed.length;
  }
  const own = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const { packed, room } of frames) {
    own.set(packed, at);
    at += packed.length;
    giveBack(packed, room);
  }
  return own;
};

/**
 * Frees memory at once, without waiting for the garbage collector, which runs more often the more there is.
 *
 * @param room that zlib was told to allocate: a smaller buffer is in Node's pool
 */
const giveBack = ({ buffer }: Buffer, room: number): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === room) buffer.transfer(0);
};

/**
 * @param length of the rows
 * @throws Error for data that is no such frame, or is longer unpacked
 */
export const unpackRows = (packed: Uint8Array, length: number): Buffer =>
  zstdDecompressSync(packed, {
    params: UNPACKING,
    chunkSize: length + SPARE_BYTES,
    maxOutputLength: length + SPARE_BYTES,
  });

/** Frees what `packRows` returned. It must not be used any more. */
export const releasePacked = (packed: Buffer): void => giveBack(packed, packed.length);

/** Frees what `unpackRows` returned. It must not be used any more. */
export const releaseRows = (rows: Buffer, length: number): void => giveBack(rows, length + SPARE_BYTES);
