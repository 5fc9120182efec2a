import { isIPv4, isIPv6 } from 'node:net';
import { formatIPv4, formatIPv6 } from '../audit/sockaddr.ts';

/** Address types of the `_ex` tokens are byte lengths. Source: OpenBSM, bsm/audit.h. */
export const AU_IPv4 = 4;
export const AU_IPv6 = 16;

/** @param bytes 4 or 16 bytes in network order */
export const formatAddress = (bytes: Uint8Array): string =>
  bytes.length === AU_IPv4 ? formatIPv4(bytes) : formatIPv6(bytes);

/**
 * The 4 or 16 bytes of an address in network order.
 *
 * @throws RangeError if the text is no address
 */
export const parseAddress = (text: string): Uint8Array => {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) throw new RangeError(`${text}: expected an IPv4 or IPv6 address`);

  // A dotted tail is two groups.
  const hexOnly = text.replace(/\d+\.\d+\.\d+\.\d+$/, dotted => {
    const [a, b, c, d] = dotted.split('.').map(Number) as [number, number, number, number];
    return `${(256 * a + b).toString(16)}:${(256 * c + d).toString(16)}`;
  });
  const [head = [], tail] = hexOnly.split('::').map(half => half.split(':').filter(group => group !== ''));
  const gap = tail === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array<string>(gap).fill('0'), ...(tail ?? [])];
  return Uint8Array.from(
    groups.flatMap(group => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]),
  );
};

/** Whether an address stands for none: 0.0.0.0 or ::. */
export const isUnspecified = (address: string): boolean => address === '0.0.0.0' || address === '::';
