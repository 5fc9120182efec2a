/**
 * Keys of values, for an index. Values that a query may treat as equal have the same key. Different values seldom
 * share a key, so the value of a row found by key is compared as well.
 */
const SPACE = 0x20;
/** FNV-1a, 32 bits. */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** A number as SQLite reads it in text. */
export const NUMBER_TEXT = /^\s*[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[-+]?[0-9]+)?\s*$/i;

/** The key of a value in the bytes from `start` to `end`. */
export type KeyOf = (bytes: Buffer, start: number, end: number) => number;

/** For integers as rows have them: equal numbers are equal bytes. */
export const integerKey: KeyOf = (bytes, start, end) => {
  let key = FNV_OFFSET;
  for (let i = start; i < end; i++) key = Math.imul(key ^ bytes[i]!, FNV_PRIME);
  return key >>> 0;
};

/**
 * For text. A query may compare it with a collation that its context does not mention (NOCASE, RTRIM), or with a
 * number: `mode` is 0755, and a column of integers joined to it has 755.
 */
export const textKey: KeyOf = (bytes, start, end) => {
  const last = withoutBlanks(bytes, start, end);
  if (start < last && canBeginNumber(bytes[start]!)) {
    const text = bytes.toString('latin1', start, end);
    if (NUMBER_TEXT.test(text)) {
      const digits = Buffer.from(String(Number(text)), 'latin1');
      return integerKey(digits, 0, digits.length);
    }
  }
  let key = FNV_OFFSET;
  for (let i = start; i < last; i++) key = Math.imul(key ^ lowerAscii(bytes[i]!), FNV_PRIME);
  return key >>> 0;
};

/** Digits, signs, the point, and white space before them. */
const canBeginNumber = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte <= SPACE;

/** The end of a value without its trailing spaces. */
export const withoutBlanks = (bytes: Buffer, start: number, end: number): number => {
  let last = end;
  while (last > start && bytes[last - 1] === SPACE) last--;
  return last;
};

export const lowerAscii = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);
