/**
 * Reads numbers from row text as core does: `std::stoll(text, 0)`, so `010` is 8, `0x1f` is 31, blanks before the
 * number are skipped, and whatever follows the digits is ignored.
 */

const MAX = (1n << 63n) - 1n;
const MIN = -(1n << 63n);

const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

const digitValue = (byte: number): number => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : 99;
};

/**
 * The integer at `start..end` of `bytes`; undefined if there is none or it exceeds an int64. Small values are
 * numbers, others bigint.
 */
export const parseInteger = (bytes: Uint8Array, start: number, end: number): number | bigint | undefined => {
  let at = start;
  const length = end - start;
  // The common case: up to 15 decimal digits without a leading zero.
  if (length > 0 && length <= 15 && (bytes[at]! !== 0x30 || length === 1)) {
    let value = 0;
    for (; at < end; at += 1) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === end) return value;
    at = start;
  }
  while (at < end && isSpace(bytes[at]!)) at += 1;
  const negative = bytes[at] === 0x2d;
  if (at < end && (negative || bytes[at] === 0x2b)) at += 1;
  let base = 10;
  if (at < end && bytes[at] === 0x30) {
    const prefixed = at + 2 < end && (bytes[at + 1]! | 0x20) === 0x78 && digitValue(bytes[at + 2]!) < 16;
    base = prefixed ? 16 : 8;
    if (prefixed) at += 2;
  }
  const first = at;
  let value = 0n;
  for (; at < end; at += 1) {
    const digit = digitValue(bytes[at]!);
    if (digit >= base) break;
    value = value * BigInt(base) + BigInt(digit);
    if (value > MAX + 1n) return undefined;
  }
  if (at === first) return undefined;
  const signed = negative ? -value : value;
  return signed > MAX || signed < MIN ? undefined : signed;
};

const DECIMAL_DOUBLE = /^[\t-\r ]*[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)$/;

/** The double in `text`, which must contain nothing else (`strtod` has to consume the whole text); else undefined. */
export const parseDouble = (text: string): number | undefined =>
  DECIMAL_DOUBLE.test(text) ? Number(text) : undefined;
