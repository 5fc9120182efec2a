/** Values as core turns them into text. */

/** The `%.15g` of C. */
const general = (value: number): string => {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : Number.isNaN(value) ? 'nan' : '-inf';
  const [mantissa = '', exponent] = value.toPrecision(15).split('e');
  const digits = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  if (exponent === undefined) {
    // JavaScript goes on without an exponent down to 1e-7, C only to 1e-4.
    if (value !== 0 && Math.abs(value) < 1e-4) {
      const [fraction = '', power = '0'] = value.toExponential(14).split('e');
      return `${fraction.replace(/\.?0+$/, '')}e-${String(-Number(power)).padStart(2, '0')}`;
    }
    return digits;
  }
  const sign = exponent.startsWith('-') ? '-' : '+';
  return `${digits}e${sign}${exponent.replace(/^[+-]/, '').padStart(2, '0')}`;
};

/** A double in the result of a query over Thrift or in a log: with a decimal point, as in `2.0`. */
export const coreDouble = (value: number): string => {
  const text = general(value);
  return text.includes('.') || !Number.isFinite(value) ? text : `${text}.0`;
};

/** A double as SQLite itself makes it text, and the shell shows it: `2.0`, `1.0e+20`. */
export const sqliteDouble = (value: number): string => {
  if (!Number.isFinite(value)) return value > 0 ? 'Inf' : '-Inf';
  const [mantissa = '', exponent] = general(value).split('e');
  const decimal = mantissa.includes('.') ? mantissa : `${mantissa}.0`;
  return exponent === undefined ? decimal : `${decimal}e${exponent}`;
};

const HEX = [...'0123456789ABCDEF'];
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text from `start..end` of the bytes; each byte that is not part of valid UTF-8 stands as `\xHH`. */
export const decodeText = (bytes: Buffer, start = 0, end = bytes.length): string => {
  // Without a replacement character in the result, nothing was replaced.
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
