import { endianness } from 'node:os';
import type { SocketAddress } from '../../audit/audit-event.ts';
import { AF_INET, AF_INET6, formatIPv4, formatIPv6 } from '../../audit/sockaddr.ts';
import type { ListedSocket } from './listed-socket.ts';

/**
 * /proc/PID/net/{tcp,tcp6,udp,udp6,unix}: the sockets of the process's network namespace. For another namespace than
 * ours there is no other list without CAP_SYS_ADMIN.
 */

const SPACE = 0x20;
const NEWLINE = 0x0a;
/** Positions in a line of `tcp` and `udp`: local end, remote end, state, inode. */
const [LOCAL, REMOTE, STATE, INODE] = [1, 2, 3, 9];
/** Position of the inode in a line of `unix`. */
const UNIX_INODE = 6;

/** Positions of the words of a line, as far as they are needed. */
class Line {
  readonly starts = new Uint32Array(INODE + 1);
  readonly ends = new Uint32Array(INODE + 1);

  /** @returns how many words there are, at most one more than the inode's position */
  split(bytes: Uint8Array, start: number, end: number): number {
    let count = 0;
    for (let at = start; at < end && count <= INODE; ) {
      while (at < end && bytes[at] === SPACE) at++;
      if (at === end) break;
      this.starts[count] = at;
      while (at < end && bytes[at] !== SPACE) at++;
      this.ends[count++] = at;
    }
    return count;
  }
}

const line = new Line();

/**
 * The sockets with some inodes that `tcp`, `tcp6`, `udp` or `udp6` lists. Malformed or cut-off lines are left out.
 *
 * @param file which of them it is
 * @param littleEndian byte order of the host: words of an address are printed as numbers
 */
export const parseProcNet = (
  bytes: Uint8Array,
  file: Pick<ListedSocket, 'family' | 'protocol'>,
  inodes: ReadonlySet<number>,
  littleEndian = endianness() === 'LE',
): readonly ListedSocket[] => {
  const found: ListedSocket[] = [];
  for (const [start, end] of linesOf(bytes)) {
    if (line.split(bytes, start, end) <= INODE) continue;
    const inode = decimal(bytes, line.starts[INODE]!, line.ends[INODE]!);
    if (inode === undefined || !inodes.has(inode)) continue;
    const local = endOf(bytes, LOCAL, file.family, littleEndian);
    const remote = endOf(bytes, REMOTE, file.family, littleEndian);
    const state = hex(bytes, line.starts[STATE]!, line.ends[STATE]!);
    if (local === undefined || remote === undefined || state === undefined) continue;
    found.push({ ...file, state, local, remote, inode });
  }
  return found;
};

/** Which of some inodes belong to UNIX sockets, by `/proc/PID/net/unix`. */
export const parseProcNetUnix = (bytes: Uint8Array, inodes: ReadonlySet<number>): ReadonlySet<number> => {
  const found = new Set<number>();
  for (const [start, end] of linesOf(bytes)) {
    if (line.split(bytes, start, end) <= UNIX_INODE) continue;
    const inode = decimal(bytes, line.starts[UNIX_INODE]!, line.ends[UNIX_INODE]!);
    if (inode !== undefined && inodes.has(inode)) found.add(inode);
  }
  return found;
};

/** The whole lines except the first, which is a heading. */
function* linesOf(bytes: Uint8Array): Iterable<readonly [start: number, end: number]> {
  let start = bytes.indexOf(NEWLINE) + 1;
  if (start === 0) return;
  for (let end = bytes.indexOf(NEWLINE, start); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    yield [start, end];
    start = end + 1;
  }
}

/** `0100007F:1F90`, or four such words for IPv6. */
const endOf = (
  bytes: Uint8Array,
  place: number,
  family: number,
  littleEndian: boolean,
): SocketAddress | undefined => {
  const length = family === AF_INET ? 4 : family === AF_INET6 ? 16 : 0;
  const start = line.starts[place]!;
  const colon = start + 2 * length;
  if (length === 0 || bytes[colon] !== 0x3a) return undefined;
  const port = hex(bytes, colon + 1, line.ends[place]!);
  const address = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const byte = hex(bytes, start + 2 * i, start + 2 * i + 2);
    if (byte === undefined) return undefined;
    address[littleEndian ? i ^ 3 : i] = byte;
  }
  if (port === undefined || port > 0xffff) return undefined;
  return { address: length === 4 ? formatIPv4(address) : formatIPv6(address), port };
};

const hex = (bytes: Uint8Array, start: number, end: number): number | undefined => {
  if (end <= start || end - start > 8) return undefined;
  let value = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    const digit =
      byte >= 0x30 && byte <= 0x39
        ? byte - 0x30
        : byte >= 0x41 && byte <= 0x46
          ? byte - 0x37
          : byte >= 0x61 && byte <= 0x66
            ? byte - 0x57
            : -1;
    if (digit < 0) return undefined;
    value = value * 16 + digit;
  }
  return value;
};

const decimal = (bytes: Uint8Array, start: number, end: number): number | undefined => {
  if (end <= start || end - start > 15) return undefined;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
};
