const HEX = [...'0123456789ABCDEF'];
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text from `start..end` of the bytes. Each byte that is not part of valid UTF-8 becomes `\xHH`. */
export const decodeUtf8 = (bytes: Buffer, start = 0, end = bytes.length): string => {
  // If the result has no replacement character, nothing was replaced.
  const quick = bytes.toString('utf8', start, end);
  if (!quick.includes('\ufffd')) return quick;
  const part = bytes.subarray(start, end);
  try {
    return utf8.decode(part);
  } catch {
    return decodeBroken(part);
  }
};

const decodeBroken = (bytes: Buffer): string => {
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      text += bytes.toString('utf8', at, at + length);
      at += length;
    } else {
      const byte = bytes[at++]!;
      text += `\\x${HEX[byte >> 4]}${HEX[byte & 15]}`;
    }
  }
  return text;
};

/** Length of the valid UTF-8 sequence at `at` (Unicode, table 3-7), or 0. */
const sequenceLength = (bytes: Uint8Array, at: number): number => {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first < 0xe0
      ? 2
      : first >= 0xe0 && first < 0xf0
        ? 3
        : first >= 0xf0 && first < 0xf5
          ? 4
          : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  for (let index = 1; index < length; index += 1) if ((bytes[at + index]! & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1]!;
  if (first === 0xe0 && second < 0xa0) return 0;
  if (first === 0xed && second > 0x9f) return 0;
  if (first === 0xf0 && second < 0x90) return 0;
  if (first === 0xf4 && second > 0x8f) return 0;
  return length;
};
