import * as calls from '../../runtime/socket-calls.ts';
import { encodeUnixDiagRequest } from '../../runtime/unix-diag-request.ts';
import {
  closedMsOf,
  type DiagSocket,
  encodeDiagRequest,
  encodeExactRequest,
  parseDiagMessage,
  SOCK_DIAG_BY_FAMILY,
  type SocketId,
} from './sock-diag.ts';

const NETLINK_SOCK_DIAG = 4;
const NLMSG_HDRLEN = 16;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 1;
const NLM_F_DUMP = 0x300;
/** Most bytes of one piece of a listing, if the reader has room for it. */
const PIECE_BYTES = 32_768;
const EINTR = 4;
const ENOENT = 2;

/** The kernel's view of sockets in this process's network namespace. */
export interface SocketLister {
  /**
   * Lists those of some sockets that have a family, a protocol, and one of some states.
   *
   * @param remotePort common to all of them; 0 if they differ
   * @throws Error if the kernel refuses
   */
  list(question: ListQuestion): readonly DiagSocket[];
  /** The socket with these ends; undefined if there is none. */
  exact(family: number, protocol: number, id: SocketId): DiagSocket | undefined;
  /** Whether there is a UNIX socket with an inode. */
  isUnix(inode: number): boolean;
  close(): void;
}

export interface ListQuestion {
  readonly family: number;
  readonly protocol: number;
  readonly remotePort: number;
  readonly states: number;
  readonly inodes: ReadonlySet<number>;
  /** So many others are listed as well, and each that was closed later than those before it. */
  readonly others?: number | undefined;
}

/** sock_diag(7), used without waiting: the kernel answers while it takes a request. */
export class SocketDiag implements SocketLister {
  readonly #fd: number;
  readonly #piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  readonly #kernel = new Uint8Array(12);
  #sequence = 0;
  #closed = false;

  /** @throws Error if the kernel has no sock_diag for us */
  constructor() {
    this.#kernel[0] = calls.AF_NETLINK;
    this.#fd = calls.socket(calls.AF_NETLINK, calls.SOCK_RAW | calls.SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (this.#fd < 0) throw new Error(`sock_diag: errno ${calls.errno()}`);
  }

  list({ family, protocol, remotePort, states, inodes, others = 0 }: ListQuestion): readonly DiagSocket[] {
    const sockets: DiagSocket[] = [];
    let lastClosed = 0;
    this.#ask(encodeDiagRequest(family, protocol, remotePort, states), NLM_F_DUMP, message => {
      const closedMs = others > 0 ? closedMsOf(message) : undefined;
      const isLastClosed = closedMs !== undefined && closedMs >= lastClosed;
      if (isLastClosed) lastClosed = closedMs;
      const isWanted = isLastClosed || sockets.length < others;
      const socket = parseDiagMessage(message, protocol, isWanted ? undefined : inodes);
      if (socket !== undefined) sockets.push(socket);
    });
    return sockets;
  }

  exact(family: number, protocol: number, id: SocketId): DiagSocket | undefined {
    let socket: DiagSocket | undefined;
    this.#ask(encodeExactRequest(family, protocol, id), 0, message => {
      socket = parseDiagMessage(message, protocol);
    });
    return socket;
  }

  isUnix(inode: number): boolean {
    let found = false;
    this.#ask(encodeUnixDiagRequest(inode), 0, () => {
      found = true;
    });
    return found;
  }

  /** @throws Error for any refusal except that there is no such socket */
  #ask(request: Uint8Array, flags: number, each: (message: Uint8Array) => void): void {
    if (this.#closed) throw new Error('sock_diag: the socket is closed');
    const sequence = ++this.#sequence;
    const message = Buffer.alloc(NLMSG_HDRLEN + request.length);
    message.writeUInt32LE(message.length, 0);
    message.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
    message.writeUInt16LE(NLM_F_REQUEST | flags, 6);
    message.writeUInt32LE(sequence >>> 0, 8);
    message.set(request, NLMSG_HDRLEN);
    if (calls.sendto(this.#fd, message, message.length, 0, this.#kernel, this.#kernel.length) < 0) {
      throw new Error(`sock_diag: asking failed: errno ${calls.errno()}`);
    }
    while (!this.#receive(sequence, flags !== 0, each)) {}
  }

  /** @returns whether that was all */
  #receive(sequence: number, isList: boolean, each: (message: Uint8Array) => void): boolean {
    const piece = this.#piece;
    const received = calls.recv(this.#fd, piece, piece.length, calls.MSG_DONTWAIT);
    if (received < 0) {
      const errno = calls.errno();
      if (errno === EINTR) return false;
      throw new Error(`sock_diag: no answer: errno ${errno}`);
    }
    for (let at = 0; at + NLMSG_HDRLEN <= received; ) {
      const length = piece.readUInt32LE(at);
      if (length < NLMSG_HDRLEN || at + length > received) return true;
      // The rest of an answer to a question that was given up.
      if (piece.readUInt32LE(at + 8) === sequence >>> 0) {
        const type = piece.readUInt16LE(at + 4);
        if (type === NLMSG_DONE) return true;
        if (type === NLMSG_ERROR) {
          const errno = -piece.readInt32LE(at + NLMSG_HDRLEN);
          if (errno === ENOENT || errno === 0) return true;
          throw new Error(`sock_diag: refused: errno ${errno}`);
        }
        each(piece.subarray(at + NLMSG_HDRLEN, at + length));
        if (!isList) return true;
      }
      at += (length + 3) & ~3;
    }
    return false;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    calls.close(this.#fd);
  }
}
