import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** Rows resemble those just before them: a look further back makes it no smaller, and takes twice as long for its memory. */
const WINDOW_LOG = 18;
const PACKING = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_windowLog]: WINDOW_LOG };
/** What wants more memory was not packed by us. */
const UNPACKING = { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG };
/** In one piece: put together of pieces it takes twice as long. zlib wants to see that there is more room. */
const SPARE_BYTES = 64;

/** Bytes that come out at most: ZSTD_COMPRESSBOUND of zstd.h. Where there is room for them zstd makes no copies of its own. */
const mostPacked = (length: number): number => length + (length >>> 8) + SPARE_BYTES;

/**
 * Bytes of rows in one zstd frame, at most: what has to be unpacked for one row. A megabyte in one frame would become a
 * twentieth smaller, and in frames of half this size take half as long again to pack.
 */
const FRAME_BYTES = 128 * 1024;

/** Rows as zstd frames: most of a row is the names of its columns and what the rows before it say too. */
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
 * Gives memory back at once, not when the garbage collector comes to it, which it does the sooner the more there is.
 *
 * @param room what zlib was told to allocate: what is smaller lies in Node's pool
 */
const giveBack = ({ buffer }: Buffer, room: number): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === room) buffer.transfer(0);
};

/**
 * @param length of the rows
 * @throws Error for what is no such frame, or comes to more than that
 */
export const unpackRows = (packed: Uint8Array, length: number): Buffer =>
  zstdDecompressSync(packed, {
    params: UNPACKING,
    chunkSize: length + SPARE_BYTES,
    maxOutputLength: length + SPARE_BYTES,
  });

/** Gives back what `packRows` has returned. Nobody may look at it any more. */
export const releasePacked = (packed: Buffer): void => giveBack(packed, packed.length);

/** Gives back what `unpackRows` has returned. Nobody may look at it any more. */
export const releaseRows = (rows: Buffer, length: number): void => giveBack(rows, length + SPARE_BYTES);
