/** The part of the Protocol Buffers wire format that answers of runtimes need: https://protobuf.dev/programming-guides/encoding */

const LENGTH_DELIMITED = 2;
/** The size in bytes of values without a length, by wire type: fixed 64 and 32 bits. */
const FIXED: Readonly<Record<number, number>> = { 1: 8, 5: 4 };
const MAX_VARINT_BYTES = 10;

/** A text field of a request. */
export const textField = (number: number, text: string): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([varint(number * 8 + LENGTH_DELIMITED), varint(bytes.length), bytes]);
};

const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
};

/**
 * The first length-delimited field with a number: a text, or a message.
 *
 * @returns undefined if there is none before the end, or before bytes that are not a message
 */
export const fieldOf = (message: Buffer, number: number): Buffer | undefined => {
  for (let at = 0; at < message.length; ) {
    const tag = readVarint(message, at);
    if (tag === undefined) return undefined;
    const [key, start] = tag;
    const wireType = key % 8;
    if (wireType !== LENGTH_DELIMITED) {
      const end = wireType === 0 ? readVarint(message, start)?.[1] : endOfFixed(wireType, start);
      if (end === undefined) return undefined;
      at = end;
      continue;
    }
    const length = readVarint(message, start);
    if (length === undefined || length[1] + length[0] > message.length) return undefined;
    at = length[1] + length[0];
    if (Math.floor(key / 8) === number) return message.subarray(length[1], at);
  }
  return undefined;
};

const endOfFixed = (wireType: number, start: number): number | undefined => {
  const size = FIXED[wireType];
  return size === undefined ? undefined : start + size;
};

const readVarint = (bytes: Buffer, start: number): readonly [value: number, end: number] | undefined => {
  let value = 0;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) return undefined;
    value += (byte % 128) * 2 ** (7 * i);
    if (byte < 128) return [value, start + i + 1];
  }
  return undefined;
};
