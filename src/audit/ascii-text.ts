/**
 * Longest text that is remembered, in bytes. Longer ones are rare, and comparing them takes as long as making them.
 */
const REMEMBERED_BYTES = 64;
/** Most texts that are remembered; a power of two. */
const REMEMBERED_TEXTS = 2_048;

/** Texts by the hash of their bytes; a new text replaces an older one in its place. */
const remembered: string[] = new Array(REMEMBERED_TEXTS).fill('');

/**
 * Bytes as a string, if all of them are ASCII and none is NUL.
 *
 * Hot: several times per event, and mostly for the same few programs, paths and terminals. Making a string takes a
 * call into native code and an allocation; recognizing an earlier one takes neither. The table of strings is shared
 * by all readers of a thread: it holds nothing but strings.
 */
export const asciiText = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  let hash = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte >= 0x80 || byte === 0) return undefined;
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  const length = end - start;
  if (length > REMEMBERED_BYTES) return latin1(bytes, start, end);
  const place = (hash ^ (hash >>> 15)) & (REMEMBERED_TEXTS - 1);
  const known = remembered[place]!;
  if (known.length === length) {
    let i = 0;
    while (i < length && known.charCodeAt(i) === bytes[start + i]) i++;
    if (i === length) return known;
  }
  const text = latin1(bytes, start, end);
  remembered[place] = text;
  return text;
};

const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  (bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString(
    'latin1',
    start,
    end,
  );
