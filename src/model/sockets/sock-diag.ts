import type { SocketAddress } from '../../audit/audit-event.ts';
import { AF_INET, AF_INET6, formatIPv4, formatIPv6 } from '../../audit/sockaddr.ts';

/** Netlink message type of requests and answers. Source: linux/sock_diag.h. */
export const SOCK_DIAG_BY_FAMILY = 20;

export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;

/** struct inet_diag_req_v2 and struct inet_diag_msg, with their struct inet_diag_sockid. Source: linux/inet_diag.h. */
const REQUEST_BYTES = 56;
const MESSAGE_BYTES = 72;
const SOCKID = { request: 8, message: 4 } as const;
const DPORT = 2;
const SRC = 4;
const DST = 20;
const INODE = 68;

/** Every state but TIME_WAIT, whose sockets belong to nobody, and LISTEN, whose have no other end. */
const STATES = 0xfff & ~(1 << 6) & ~(1 << 10);

export interface DiagSocket {
  readonly family: number;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly uid: number;
  readonly inode: number;
}

/**
 * Asks for all sockets of a family and protocol, with NLM_F_DUMP.
 *
 * @param remotePort only those connected to it; 0 for all
 */
export const encodeDiagRequest = (family: number, protocol: number, remotePort: number): Uint8Array => {
  const request = Buffer.alloc(REQUEST_BYTES);
  request[0] = family;
  request[1] = protocol;
  request.writeUInt32LE(STATES, 4);
  // Ports are in network order within an otherwise native struct.
  request.writeUInt16BE(remotePort, SOCKID.request + DPORT);
  return request;
};

/**
 * @param inodes of the sockets to read; of all if undefined
 * @returns undefined if it is none of them, the bytes are too few, or of another family than IPv4 and IPv6
 */
export const parseDiagMessage = (bytes: Uint8Array, inodes?: ReadonlySet<number>): DiagSocket | undefined => {
  if (bytes.length < MESSAGE_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const inode = view.getUint32(INODE, true);
  if (inodes?.has(inode) === false) return undefined;
  const family = bytes[0]!;
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const address = (offset: number): string => {
    const start = SOCKID.message + offset;
    return family === AF_INET
      ? formatIPv4(bytes.subarray(start, start + 4))
      : formatIPv6(bytes.subarray(start, start + 16));
  };
  return {
    family,
    local: { address: address(SRC), port: view.getUint16(SOCKID.message, false) },
    remote: { address: address(DST), port: view.getUint16(SOCKID.message + DPORT, false) },
    uid: view.getUint32(64, true),
    inode,
  };
};
