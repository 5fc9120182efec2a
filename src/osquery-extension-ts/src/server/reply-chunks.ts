import type { EncodedRows } from '../table/encoded-rows.ts';

/** Largest reply that is joined and written as one. */
export const SMALL_REPLY_BYTES = 16 * 1024;

/** Bytes of a reply in memory while it is written: late chunks count one at a time. */
export const heldBytes = (chunks: EncodedRows['chunks']): number => {
  let there = 0;
  let late = 0;
  for (const chunk of chunks) {
    if (chunk instanceof Uint8Array) there += chunk.length;
    else late = Math.max(late, chunk.length);
  }
  return there + late;
};

/** A small reply as one buffer; undefined if it is not small, or has late chunks. */
export const inOnePiece = (chunks: EncodedRows['chunks']): Uint8Array | undefined => {
  if (heldBytes(chunks) > SMALL_REPLY_BYTES) return undefined;
  const there = chunks.filter(chunk => chunk instanceof Uint8Array);
  if (there.length < chunks.length) return undefined;
  return there.length === 1 ? there[0] : Buffer.concat(there);
};
