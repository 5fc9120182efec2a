import * as libc from './socket-calls.ts';

/** Datagrams in one recvmmsg: enough to make the cost of the call itself negligible. */
export const BATCH = 256;

/** struct sockaddr_nl: family (u16), padding, port (u32), groups (u32). */
const SOCKADDR_NL_BYTES = 12;
/** struct mmsghdr on 64-bit: msghdr (56 bytes), msg_len, padding. */
const MMSGHDR_BYTES = 64;
const IOVEC_BYTES = 16;
const MSG_NAMELEN = 8;

// What is read of every datagram, in words of four bytes.
const NAME_WORDS = SOCKADDR_NL_BYTES / 4;
const HEADER_WORDS = MMSGHDR_BYTES / 4;
const NAME_PORT_WORD = 1;
const NAMELEN_WORD = MSG_NAMELEN / 4;
const FLAGS_WORD = 48 / 4;
const LENGTH_WORD = 56 / 4;

/** The datagram did not fit into its slot. */
export const TRUNCATED = -1;
/** The datagram did not come from the kernel. */
export const FOREIGN = -2;

/**
 * Room for a batch of netlink datagrams, allocated once. Pages that no datagram ever reached are never touched, so
 * the arena's size is an address range and not memory.
 */
export class DatagramBatch {
  /** Datagram `i` begins at `startOf(i)`, netlink header first. Valid until the next `receive`. */
  readonly arena: Buffer;
  readonly #stride: number;
  readonly #names = Buffer.from(new ArrayBuffer(BATCH * SOCKADDR_NL_BYTES));
  readonly #iovecs = Buffer.from(new ArrayBuffer(BATCH * IOVEC_BYTES));
  readonly #headers = Buffer.from(new ArrayBuffer(BATCH * MMSGHDR_BYTES));
  readonly #nameWords = new Uint32Array(this.#names.buffer);
  readonly #headerWords = new Uint32Array(this.#headers.buffer);

  /**
   * @param slotBytes the longest datagram
   * @param stride bytes from one slot to the next
   */
  constructor(slotBytes: number, stride = slotBytes) {
    this.#stride = stride;
    // From calloc, not from Node's pool or a zeroing loop, so that untouched pages stay unallocated.
    this.arena = Buffer.from(new ArrayBuffer(BATCH * stride));
    const arena = libc.addressOf(this.arena);
    const names = libc.addressOf(this.#names);
    const iovecs = libc.addressOf(this.#iovecs);
    for (let i = 0; i < BATCH; i++) {
      this.#iovecs.writeBigUInt64LE(arena + BigInt(i * stride), i * IOVEC_BYTES);
      this.#iovecs.writeBigUInt64LE(BigInt(slotBytes), i * IOVEC_BYTES + 8);
      const header = i * MMSGHDR_BYTES;
      this.#headers.writeBigUInt64LE(names + BigInt(i * SOCKADDR_NL_BYTES), header);
      this.#headers.writeUInt32LE(SOCKADDR_NL_BYTES, header + MSG_NAMELEN);
      this.#headers.writeBigUInt64LE(iovecs + BigInt(i * IOVEC_BYTES), header + 16);
      this.#headers.writeBigUInt64LE(1n, header + 24);
    }
  }

  /**
   * Takes up to BATCH waiting datagrams, without blocking.
   *
   * @returns how many; negative: a negated errno
   */
  receive(fd: number): number {
    const received = libc.recvmmsg(fd, this.#headers, BATCH, libc.MSG_DONTWAIT);
    return received < 0 ? -libc.errno() : received;
  }

  /** Bytes of datagram `i`, TRUNCATED or FOREIGN. To be called once for each that was received. */
  take(i: number): number {
    const headers = this.#headerWords;
    const header = i * HEADER_WORDS;
    headers[header + NAMELEN_WORD] = SOCKADDR_NL_BYTES;
    if ((headers[header + FLAGS_WORD]! & libc.MSG_TRUNC) !== 0) return TRUNCATED;
    // Only the kernel has port 0: with CAP_NET_ADMIN, anyone can send to a group.
    if (this.#nameWords[i * NAME_WORDS + NAME_PORT_WORD] !== 0) return FOREIGN;
    return headers[header + LENGTH_WORD]!;
  }

  startOf(i: number): number {
    return i * this.#stride;
  }
}

/** @returns the descriptor; negative: `errno` says why */
export const openNetlink = (protocol: number): number =>
  libc.socket(libc.AF_NETLINK, libc.SOCK_RAW | libc.SOCK_CLOEXEC, protocol);

/** With CAP_NET_ADMIN, SO_RCVBUFFORCE may exceed net.core.rmem_max; else that limit applies. */
export const setReceiveBuffer = (fd: number, bytes: number): void => {
  const size = u32(bytes);
  if (libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVBUFFORCE, size, 4) !== 0) {
    libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVBUF, size, 4);
  }
};

/**
 * Joins or leaves a multicast group.
 *
 * @param option NETLINK_ADD_MEMBERSHIP or NETLINK_DROP_MEMBERSHIP
 * @returns false: `errno` says why
 */
export const setMembership = (fd: number, option: number, group: number): boolean =>
  libc.setsockopt(fd, libc.SOL_NETLINK, option, u32(group), 4) === 0;

/** Binds to any free port. @returns false: `errno` says why */
export const bindNetlink = (fd: number): boolean => libc.bind(fd, KERNEL, KERNEL.length) === 0;

/** From now on accepts datagrams only from the kernel's port. @returns false: `errno` says why */
export const connectToKernel = (fd: number): boolean => libc.connect(fd, KERNEL, KERNEL.length) === 0;

/** @returns false: `errno` says why */
export const sendToKernel = (fd: number, message: Uint8Array): boolean =>
  libc.sendto(fd, message, message.length, 0, KERNEL, KERNEL.length) >= 0;

/** Port 0; as an address to bind, any free port. */
const KERNEL = new Uint8Array(SOCKADDR_NL_BYTES);
KERNEL[0] = libc.AF_NETLINK;

const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
};
