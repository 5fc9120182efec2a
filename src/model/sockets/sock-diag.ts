import type { SocketAddress } from '../../audit/audit-event.ts';
import { AF_INET, AF_INET6, formatIPv4, formatIPv6 } from '../../audit/sockaddr.ts';
import type { ListedSocket } from './listed-socket.ts';

/** Netlink message type of requests and answers. Source: linux/sock_diag.h. */
export const SOCK_DIAG_BY_FAMILY = 20;

/** struct inet_diag_req_v2 and struct inet_diag_msg, with their struct inet_diag_sockid. Source: linux/inet_diag.h. */
const REQUEST_BYTES = 56;
const MESSAGE_BYTES = 72;
const SOCKID = { request: 8, message: 4 } as const;
const SOCKID_BYTES = 48;
const SPORT = 0;
const DPORT = 2;
const SRC = 4;
const DST = 20;
const COOKIE = 40;
const TIMER = 2;
/** What is left of a closed connection, in TIME_WAIT or FIN_WAIT2. Source: inet_twsk_diag_fill in net/ipv4/inet_diag.c. */
const TIMER_OF_CLOSED = 3;
const EXPIRES = 52;
const INODE = 68;

/** States of sockets, one bit each. Source: net/tcp_states.h. */
export const TCP_SYN_SENT = 2;
export const TCP_LISTEN = 10;
const TCP_TIME_WAIT = 6;
const TCP_BOUND_INACTIVE = 13;

/** Every state except TIME_WAIT, whose sockets have no owner, and LISTEN, whose sockets have no other end. */
export const CONNECTED_STATES = 0xfff & ~(1 << TCP_TIME_WAIT) & ~(1 << TCP_LISTEN);
/** The same and TIME_WAIT: closed connections, which show the port of the last one. */
export const CLOSED_TOO_STATES = CONNECTED_STATES | (1 << TCP_TIME_WAIT);
/**
 * Sockets that wait for connections, and those that only have a port so far (from Linux 6.8 on): their tables are
 * small.
 */
export const BOUND_STATES = (1 << TCP_LISTEN) | (1 << TCP_BOUND_INACTIVE);

/** What identifies a connection in the kernel: both ends, device and cookie. */
export type SocketId = Uint8Array;

/**
 * Asks for all sockets of a family and protocol, with NLM_F_DUMP.
 *
 * @param remotePort only sockets connected to it; 0 for all
 */
export const encodeDiagRequest = (
  family: number,
  protocol: number,
  remotePort = 0,
  states = CONNECTED_STATES,
): Uint8Array => {
  const request = Buffer.alloc(REQUEST_BYTES);
  request[0] = family;
  request[1] = protocol;
  request.writeUInt32LE(states, 4);
  // Ports are in network order within an otherwise native struct.
  request.writeUInt16BE(remotePort, SOCKID.request + DPORT);
  return request;
};

/**
 * Asks for the one socket with these ends, without NLM_F_DUMP: the kernel looks it up without walking through a
 * table.
 */
export const encodeExactRequest = (family: number, protocol: number, id: SocketId): Uint8Array => {
  const request = Buffer.alloc(REQUEST_BYTES);
  request[0] = family;
  request[1] = protocol;
  request.writeUInt32LE(0xffff_ffff, 4);
  request.set(id, SOCKID.request);
  // INET_DIAG_NOCOOKIE: any cookie.
  request.fill(0xff, SOCKID.request + COOKIE);
  return request;
};

/** The same connection with another port. */
export const withPort = (id: SocketId, which: 'local' | 'remote', port: number): SocketId => {
  const other = Buffer.from(id);
  other.writeUInt16BE(port, which === 'local' ? SPORT : DPORT);
  return other;
};

/** The content of a message, and the ends by which the same socket can be asked for. */
export interface DiagSocket extends ListedSocket {
  readonly id: SocketId;
  /** Of a connection that was closed at this end: milliseconds for which it is still listed, the most for the last one. */
  readonly closedMs: number | undefined;
}

/** Milliseconds for which a closed connection is still listed; undefined for any other socket. */
export const closedMsOf = (message: Uint8Array): number | undefined => {
  if (message.length < MESSAGE_BYTES || message[TIMER] !== TIMER_OF_CLOSED) return undefined;
  return new DataView(message.buffer, message.byteOffset).getUint32(EXPIRES, true);
};

/**
 * @param inodes of the sockets to read; of all if undefined
 * @returns undefined if it is none of them, the bytes are too few, or the family is neither IPv4 nor IPv6
 */
export const parseDiagMessage = (
  bytes: Uint8Array,
  protocol: number,
  inodes?: ReadonlySet<number>,
): DiagSocket | undefined => {
  if (bytes.length < MESSAGE_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const inode = view.getUint32(INODE, true);
  if (inodes?.has(inode) === false) return undefined;
  const family = bytes[0]!;
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const end = (address: number, port: number): SocketAddress => {
    const start = SOCKID.message + address;
    const isV4 = family === AF_INET;
    return {
      address: isV4 ? formatIPv4(bytes, start) : formatIPv6(bytes.subarray(start, start + 16)),
      port: view.getUint16(SOCKID.message + port, false),
    };
  };
  return {
    family,
    protocol,
    state: bytes[1]!,
    local: end(SRC, SPORT),
    remote: end(DST, DPORT),
    inode,
    id: Buffer.from(bytes.subarray(SOCKID.message, SOCKID.message + SOCKID_BYTES)),
    closedMs: closedMsOf(bytes),
  };
};
