import { decodeText } from './value.ts';

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** The content of a struct sockaddr, as far as its bytes go. */
export type SocketName =
  | { readonly kind: 'inet'; readonly family: number; readonly address: string; readonly port: number }
  | { readonly kind: 'unix'; readonly family: typeof AF_UNIX; readonly path: string }
  | { readonly kind: 'other'; readonly family: number };

/**
 * Reads a struct sockaddr as the kernel recorded it: u16 family in host order, the rest by family, ports and
 * addresses in network order. Source: linux/socket.h, linux/in.h, linux/in6.h, linux/un.h.
 *
 * @param littleEndian byte order of the host that the record is from
 * @returns undefined if the bytes are too few for their family
 */
export const parseSockaddr = (bytes: Uint8Array, littleEndian = true): SocketName | undefined => {
  if (bytes.length < 2) return undefined;
  const family = littleEndian ? bytes[0]! | (bytes[1]! << 8) : (bytes[0]! << 8) | bytes[1]!;
  switch (family) {
    case AF_UNIX:
      return { kind: 'unix', family, path: unixPath(bytes.subarray(2)) };
    case AF_INET:
      if (bytes.length < 8) return undefined;
      return { kind: 'inet', family, port: port(bytes), address: knownIPv4(bytes, 4) };
    case AF_INET6:
      if (bytes.length < 24) return undefined;
      return { kind: 'inet', family, port: port(bytes), address: formatIPv6(bytes.subarray(8, 24)) };
    default:
      return { kind: 'other', family };
  }
};

const port = (bytes: Uint8Array): number => (bytes[2]! << 8) | bytes[3]!;

/** A path ends at its NUL. An abstract name starts with a NUL, ends with the bytes, and is written with `@`. */
const unixPath = (bytes: Uint8Array): string => {
  if (bytes.length === 0) return '';
  if (bytes[0] !== 0) {
    const end = bytes.indexOf(0);
    return decodeText(end < 0 ? bytes : bytes.subarray(0, end));
  }
  // accept() of an unbound peer may record a sockaddr_un full of zeros, which is not a name.
  return bytes.every(byte => byte === 0) ? '' : `@${decodeText(bytes.subarray(1))}`;
};

/** Most addresses whose text is remembered; a power of two. Hosts talk to few others, again and again. */
const REMEMBERED = 1_024;
const rememberedWords = new Uint32Array(REMEMBERED);
const rememberedTexts: string[] = new Array(REMEMBERED).fill('0.0.0.0');

/** `formatIPv4`, with the text reused if the address comes again. */
export const knownIPv4 = (bytes: Uint8Array, at: number): string => {
  const word = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  const place = (Math.imul(word, 0x9e3779b1) >>> 16) & (REMEMBERED - 1);
  if (rememberedWords[place] !== word) {
    rememberedWords[place] = word;
    rememberedTexts[place] = formatIPv4(bytes, at);
  }
  return rememberedTexts[place]!;
};

/** Each byte as a decimal number with a dot. */
const DOTTED = Array.from({ length: 256 }, (_, byte) => `${byte}.`);

/** @param at where its four bytes begin */
export const formatIPv4 = (bytes: Uint8Array, at = 0): string =>
  DOTTED[bytes[at]!]! + DOTTED[bytes[at + 1]!]! + DOTTED[bytes[at + 2]!]! + bytes[at + 3]!;

/**
 * RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups as `::` (the first of equal
 * ones), IPv4-mapped addresses with their last 32 bits dotted.
 *
 * @param bytes 16 bytes in network order
 */
export const formatIPv6 = (bytes: Uint8Array): string => {
  const mapped = bytes.subarray(0, 10).every(byte => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return `::ffff:${formatIPv4(bytes, 12)}`;

  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  let runStart = -1;
  let runLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > runLength) {
      runStart = i;
      runLength = length;
    }
    if (length > 0) i += length - 1;
  }
  const hex = (part: number[]): string => part.map(group => group.toString(16)).join(':');
  return runStart < 0
    ? hex(groups)
    : `${hex(groups.slice(0, runStart))}::${hex(groups.slice(runStart + runLength))}`;
};
