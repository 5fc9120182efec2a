import * as libc from './socket-calls.ts';
import { encodeUnixDiagRequest, parseUnixDiagPeer, UNIX_DIAG_INODE_AT } from './unix-diag-request.ts';

/** Source: linux/netlink.h. */
const NETLINK_SOCK_DIAG = 4;
const NLM_F_REQUEST = 1;
const HEADER_BYTES = 16;
/** Netlink message type of requests and answers. Source: linux/sock_diag.h. */
const SOCK_DIAG_BY_FAMILY = 20;

/** Room for an answer: a few attributes. */
const ANSWER_BYTES = 1024;

/** Tells which UNIX sockets of this network namespace are connected to each other. */
export class UnixDiag {
  readonly #fd: number;
  /** One request for all calls: only its numbers change. */
  readonly #request = Buffer.concat([Buffer.alloc(HEADER_BYTES), encodeUnixDiagRequest(0)]);
  readonly #answer = Buffer.alloc(ANSWER_BYTES);
  #sequence = 0;

  /** @throws Error if the socket cannot be made */
  constructor() {
    this.#fd = libc.socket(libc.AF_NETLINK, libc.SOCK_RAW | libc.SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (this.#fd < 0) throw new Error(`no socket for sock_diag: errno ${libc.errno()}`);
    this.#request.writeUInt32LE(this.#request.length, 0);
    this.#request.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
    this.#request.writeUInt16LE(NLM_F_REQUEST, 6);
  }

  /**
   * Asks the kernel, which answers while the request is sent, so there is no wait.
   *
   * @param inode of a connected socket
   * @returns the inode of the other end; undefined if it has none now, or the kernel does not say
   */
  peerOf(inode: number): number | undefined {
    const request = this.#request;
    const sequence = ++this.#sequence >>> 0;
    request.writeUInt32LE(sequence, 8);
    request.writeUInt32LE(inode, HEADER_BYTES + UNIX_DIAG_INODE_AT);
    if (libc.send(this.#fd, request, request.length, 0) !== request.length) return undefined;
    for (;;) {
      const length = libc.recv(this.#fd, this.#answer, ANSWER_BYTES, libc.MSG_DONTWAIT);
      if (length < HEADER_BYTES) return undefined;
      // The answer to an earlier question that was not read in time.
      if (this.#answer.readUInt32LE(8) !== sequence) continue;
      if (this.#answer.readUInt16LE(4) !== SOCK_DIAG_BY_FAMILY) return undefined;
      return parseUnixDiagPeer(this.#answer.subarray(HEADER_BYTES, length));
    }
  }

  /** May be called only once. */
  close(): void {
    libc.close(this.#fd);
  }
}
