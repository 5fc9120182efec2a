import { createNetlink, type NetlinkSocket, Protocol } from 'netlink';

/** Netlink message type of requests and answers. Source: linux/sock_diag.h. */
const SOCK_DIAG_BY_FAMILY = 20;
const AF_UNIX = 1;

/** struct unix_diag_req and struct unix_diag_msg. Source: linux/unix_diag.h. */
const REQUEST_BYTES = 24;
const MESSAGE_BYTES = 16;
const UDIAG_SHOW_PEER = 4;
const UNIX_DIAG_PEER = 2;
const ATTRIBUTE_HEADER_BYTES = 4;
/** Milliseconds the kernel has. */
const TIMEOUT_MS = 100;

/** Asks for the socket with an inode number, and for the one that it is connected to. */
export const encodeUnixDiagRequest = (inode: number): Uint8Array => {
  const request = Buffer.alloc(REQUEST_BYTES);
  request[0] = AF_UNIX;
  request.writeUInt32LE(0xffffffff, 4);
  request.writeUInt32LE(inode, 8);
  request.writeUInt32LE(UDIAG_SHOW_PEER, 12);
  // Whatever its cookie is.
  request.fill(0xff, 16);
  return request;
};

/** @returns inode number of the other end; undefined if the answer does not say */
export const parseUnixDiagPeer = (bytes: Uint8Array): number | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = MESSAGE_BYTES; at + ATTRIBUTE_HEADER_BYTES <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.length) return undefined;
    const isPeer = view.getUint16(at + 2, true) === UNIX_DIAG_PEER;
    if (isPeer && length >= ATTRIBUTE_HEADER_BYTES + 4)
      return view.getUint32(at + ATTRIBUTE_HEADER_BYTES, true);
    at += (length + 3) & ~3;
  }
  return undefined;
};

/** Which UNIX sockets of this network namespace are connected to which. */
export class UnixDiag {
  readonly #socket: NetlinkSocket;

  /** @throws Error if the socket cannot be made */
  constructor() {
    this.#socket = createNetlink(Protocol.SOCK_DIAG);
    // The package ends the process over an 'error' without a listener. A lost answer shows as a timeout.
    this.#socket.on('error', () => {});
  }

  /**
   * @param inode of a connected socket
   * @returns that of the other end; undefined if there is none now
   * @throws Error if the kernel does not answer
   */
  async peerOf(inode: number): Promise<number | undefined> {
    const request = encodeUnixDiagRequest(inode);
    const [messages] = await this.#socket.request(SOCK_DIAG_BY_FAMILY, request, { timeout: TIMEOUT_MS });
    return messages[0] === undefined ? undefined : parseUnixDiagPeer(messages[0].data);
  }

  close(): void {
    this.#socket.close();
  }
}
