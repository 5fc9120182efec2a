import { decodeText } from '../audit/value.ts';
import { AU_IPv4, AU_IPv6, formatAddress, parseAddress } from './address.ts';
import { type ByteCursor, TokenFormatError } from './byte-cursor.ts';
import type { ByteWriter } from './byte-writer.ts';

/**
 * One field of a token: how it is read, written and printed. These are methods so that a field of any type fits
 * `Field<unknown>`.
 */
export interface Field<T> {
  /** @throws TokenFormatError */
  read(cursor: ByteCursor): T;
  /** @throws RangeError if the value does not fit its field */
  write(writer: ByteWriter, value: T): void;
  /** The columns `praudit -r` prints for it, without the delimiter. */
  print(value: T): readonly string[];
}

/** The largest value of a u16 length. */
const MAX_U16 = 0xffff;

const number = (bits: 8 | 16 | 32, print: (value: number) => string): Field<number> => ({
  read: cursor => (bits === 8 ? cursor.u8() : bits === 16 ? cursor.u16() : cursor.u32()),
  write: (writer, value) => {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits) {
      throw new RangeError(`${value}: expected an unsigned ${bits}-bit integer`);
    }
    if (bits === 8) writer.u8(value);
    else if (bits === 16) writer.u16(value);
    else writer.u32(value);
  },
  print: value => [print(value)],
});

const wide = (print: (value: bigint) => string): Field<bigint> => ({
  read: cursor => cursor.u64(),
  write: (writer, value) => {
    if (BigInt.asUintN(64, value) !== value) {
      throw new RangeError(`${value}: expected an unsigned 64-bit integer`);
    }
    writer.u64(value);
  },
  print: value => [print(value)],
});

export const u8 = number(8, String);
export const u16 = number(16, String);
export const u32 = number(32, String);
export const u64 = wide(String);
/** praudit prints node ids and 64-bit return values signed. */
export const signed64 = wide(value => String(BigInt.asIntN(64, value)));
/** User and group ids: praudit prints them signed, an unset one as -1. */
export const id32 = number(32, value => String(value | 0));
export const hex32 = number(32, value => `0x${value.toString(16)}`);
export const hex64 = wide(value => `0x${value.toString(16)}`);
/** C's `%#x`, which writes 0 without a prefix. */
export const prefixedHex16 = number(16, value => (value === 0 ? '0' : `0x${value.toString(16)}`));
export const octal32 = number(32, value => value.toString(8));
export const byteHex = number(8, value => `0x${value.toString(16).padStart(2, '0')}`);
export const errorNumber = number(32, value => `Error ${value}`);

/** A u8 with two meanings; any value but 0 is the second. */
export const choice = (no: string, yes: string): Field<boolean> => ({
  read: cursor => cursor.u8() !== 0,
  write: (writer, value) => writer.u8(value ? 1 : 0),
  print: value => [value ? yes : no],
});

const withoutTrailingNuls = (bytes: Uint8Array): Uint8Array => {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.subarray(0, end);
};

const encodeText = (text: string): Uint8Array => {
  const bytes = Buffer.from(text);
  if (bytes.includes(0)) throw new RangeError('text with a NUL: the NUL ends a string in a token');
  return bytes;
};

/** u16 length, then the bytes. The last byte is a NUL, which the length includes. */
export const text: Field<string> = {
  read: cursor => decodeText(withoutTrailingNuls(cursor.view(cursor.u16()))),
  write: (writer, value) => {
    const bytes = encodeText(value);
    if (bytes.length + 1 > MAX_U16)
      throw new RangeError(`text of ${bytes.length} bytes: expected at most 65534`);
    writer.u16(bytes.length + 1);
    writer.bytes(bytes);
    writer.u8(0);
  },
  print: value => [value],
};

const sized: Pick<Field<Uint8Array>, 'read' | 'write'> = {
  read: cursor => cursor.take(cursor.u16()),
  write: (writer, value) => {
    if (value.length > MAX_U16) throw new RangeError(`${value.length} bytes: expected at most ${MAX_U16}`);
    writer.u16(value.length);
    writer.bytes(value);
  },
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** u16 length, then bytes; praudit prints the length too, and nothing for no bytes. */
export const opaque: Field<Uint8Array> = {
  ...sized,
  print: value => [String(value.length), value.length === 0 ? '' : `0x${hex(value)}`],
};

/** u16 length, then bytes; macOS prints the prefix even for no bytes. */
export const digest: Field<Uint8Array> = { ...sized, print: value => [`0x${hex(value)}`] };

/** u32 count, then that many NUL-terminated strings. libbsm keeps only 128 of them; here all are kept. */
export const strings: Field<readonly string[]> = {
  read: cursor => {
    const count = cursor.u32();
    // Every string has at least its NUL, so a count above the number of bytes is false. It must not make us allocate.
    if (count > cursor.left) {
      throw new TokenFormatError(`${count} strings announced, ${cursor.left} bytes left in the record`);
    }
    if (count > cursor.limits.maxStrings) {
      throw new TokenFormatError(
        `${count} strings announced, but the limit is ${cursor.limits.maxStrings} (maxStrings)`,
      );
    }
    const found: string[] = [];
    while (found.length < count) {
      const bytes = cursor.viewToNul();
      if (bytes === undefined) {
        throw new TokenFormatError(
          `${count} strings announced, string ${found.length + 1} has no NUL in the record`,
        );
      }
      found.push(decodeText(bytes));
    }
    return found;
  },
  write: (writer, value) => {
    writer.u32(value.length);
    for (const entry of value) {
      writer.bytes(encodeText(entry));
      writer.u8(0);
    }
  },
  print: value => value,
};

export const ipv4: Field<string> = {
  read: cursor => formatAddress(cursor.view(AU_IPv4)),
  write: (writer, value) => writeAddress(writer, value, AU_IPv4),
  print: value => [value],
};

export const ipv6: Field<string> = {
  read: cursor => formatAddress(cursor.view(AU_IPv6)),
  write: (writer, value) => writeAddress(writer, value, AU_IPv6),
  print: value => [value],
};

/** u32 address type, which is a byte length, then the address. */
export const typedAddress: Field<string> = {
  read: cursor => formatAddress(cursor.view(addressLength(cursor.u32()))),
  write: (writer, value) => {
    const bytes = parseAddress(value);
    writer.u32(bytes.length);
    writer.bytes(bytes);
  },
  print: value => [value],
};

export const addressLength = (type: number): number => {
  if (type !== AU_IPv4 && type !== AU_IPv6) {
    throw new TokenFormatError(`address type ${type}, expected 4 (IPv4) or 16 (IPv6)`);
  }
  return type;
};

const writeAddress = (writer: ByteWriter, value: string, length: number): void => {
  const bytes = parseAddress(value);
  if (bytes.length !== length) throw new RangeError(`${value}: expected an address of ${length} bytes`);
  writer.bytes(bytes);
};

/** u16 count, then that many group ids. */
export const groups: Field<readonly number[]> = {
  read: cursor => {
    const count = cursor.u16();
    if (4 * count > cursor.left) {
      throw new TokenFormatError(`${count} groups announced, ${cursor.left} bytes left in the record`);
    }
    return Array.from({ length: count }, () => cursor.u32());
  },
  write: (writer, value) => {
    u16.write(writer, value.length);
    for (const group of value) id32.write(writer, group);
  },
  print: value => value.flatMap(group => id32.print(group)),
};

/** 16 bytes, as text in the usual form. */
export const uuid: Field<string> = {
  read: cursor => hex(cursor.view(16)).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
  write: (writer, value) => {
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) {
      throw new RangeError(`${value}: expected a UUID in lower-case hex`);
    }
    writer.bytes(Buffer.from(value.replaceAll('-', ''), 'hex'));
  },
  print: value => [value],
};

/** sun_path with its NUL. Source: OpenBSM, AU_UNIX_PATH_MAX. */
const UNIX_PATH_BYTES = 108;

/** A path without a length: up to its NUL, or all of the 108 bytes of a sockaddr_un. */
export const unixPath: Field<string> = {
  read: cursor => decodeText(cursor.viewToNul(UNIX_PATH_BYTES) ?? new Uint8Array()),
  write: (writer, value) => {
    const bytes = encodeText(value);
    if (bytes.length > UNIX_PATH_BYTES) {
      throw new RangeError(`socket path of ${bytes.length} bytes: expected at most ${UNIX_PATH_BYTES}`);
    }
    writer.bytes(bytes);
    if (bytes.length < UNIX_PATH_BYTES) writer.u8(0);
  },
  print: value => [value],
};
