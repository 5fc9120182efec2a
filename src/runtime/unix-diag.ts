import { createNetlink, type NetlinkSocket, Protocol } from 'netlink';
import { encodeUnixDiagRequest, parseUnixDiagPeer } from './unix-diag-request.ts';

/** Netlink message type of requests and answers. Source: linux/sock_diag.h. */
const SOCK_DIAG_BY_FAMILY = 20;

/** Milliseconds the kernel has. */
const TIMEOUT_MS = 100;

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
