/** A stretch of well-formed UTF-8 without NUL (Unicode, table 3-7), or any one byte, in bytes as Latin-1. */
const STRETCH =
  /((?:[\x01-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+)|./gs;

/** What bytes must look like as text, by a regular expression: whatever is not UTF-8, or NUL, as `\xHH`. */
export const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString('latin1')
    .replace(STRETCH, (byte, text: string | undefined) =>
      text === undefined
        ? `\\x${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
        : Buffer.from(text, 'latin1').toString('utf8'),
    );
