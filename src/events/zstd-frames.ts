/** Finds the frames of a zstd stream. Format: RFC 8878, section 3.1.1. */
const MAGIC = 0xfd2fb528;
const MAGIC_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;
const RLE_BLOCK = 1;
const CHECKSUM_BYTES = 4;
/** By the flag in the frame header: bytes of the dictionary's number, and of the content's size. */
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
const SIZE_BYTES = [0, 2, 4, 8] as const;

/** One frame: its place in the stream, and the part of the content that it holds; `to` is behind the last byte. */
export interface ZstdFrame {
  readonly from: number;
  readonly to: number;
  readonly contentFrom: number;
  readonly contentTo: number;
}

/**
 * The frames of a stream with `length` bytes of content.
 *
 * @returns undefined if not every frame states its size: then the stream can be unpacked only as a whole
 */
export const zstdFrames = (stream: Buffer, length: number): readonly ZstdFrame[] | undefined => {
  const frames: ZstdFrame[] = [];
  let at = 0;
  let content = 0;
  while (at < stream.length) {
    const header = readHeader(stream, at);
    const to = header && endOfBlocks(stream, header.blocksAt, header.hasChecksum);
    if (header === undefined || to === undefined) return undefined;
    frames.push({ from: at, to, contentFrom: content, contentTo: content + header.size });
    content += header.size;
    at = to;
  }
  return content === length ? frames : undefined;
};

const readHeader = (
  stream: Buffer,
  at: number,
): { readonly size: number; readonly blocksAt: number; readonly hasChecksum: boolean } | undefined => {
  if (at + MAGIC_BYTES + 1 > stream.length || stream.readUInt32LE(at) !== MAGIC) return undefined;
  const descriptor = stream[at + MAGIC_BYTES]!;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >>> 6;
  const sizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : SIZE_BYTES[sizeFlag]!;
  const sizeAt = at + MAGIC_BYTES + 1 + (isSingleSegment ? 0 : 1) + DICTIONARY_BYTES[descriptor & 3]!;
  const blocksAt = sizeAt + sizeBytes;
  if (sizeBytes === 0 || blocksAt > stream.length) return undefined;
  // A size of two bytes starts where one byte ends.
  const size =
    sizeBytes === 8
      ? Number(stream.readBigUInt64LE(sizeAt))
      : stream.readUIntLE(sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  return { size, blocksAt, hasChecksum: (descriptor & 4) !== 0 };
};

const endOfBlocks = (stream: Buffer, from: number, hasChecksum: boolean): number | undefined => {
  for (let at = from; at + BLOCK_HEADER_BYTES <= stream.length; ) {
    const header = stream.readUIntLE(at, BLOCK_HEADER_BYTES);
    const type = (header >>> 1) & 3;
    at += BLOCK_HEADER_BYTES + (type === RLE_BLOCK ? 1 : header >>> 3);
    if ((header & 1) === 0) continue;
    const end = at + (hasChecksum ? CHECKSUM_BYTES : 0);
    return end <= stream.length ? end : undefined;
  }
  return undefined;
};
