import * as libc from '../runtime/socket-calls.ts';
import {
  AUDIT_NLGRP_READLOG,
  AUDIT_SET,
  NETLINK_AUDIT,
  NLM_F_ACK,
  NLM_F_REQUEST,
  NLMSG_HDRLEN,
} from './constants.ts';
import { encodeStatusChange } from './control/status.ts';
import { AuditError, errnoName } from './errors.ts';

/** Datagrams taken by one recvmmsg: enough that the call itself costs next to nothing for each. */
export const BATCH = 256;
/** Bytes per datagram: MAX_AUDIT_MESSAGE_LENGTH of user space is 8970, the kernel may send more. */
export const SLOT_BYTES = 16_384;
/** Slots begin at addresses that do not differ by a power of two, which would all compete for the same cache lines. */
const SLOT_STRIDE = SLOT_BYTES + 448;

const SOCKADDR_NL_BYTES = 12;
/** struct mmsghdr on 64-bit: msghdr (56 bytes) + msg_len + padding. */
const MMSGHDR_BYTES = 64;
const IOVEC_BYTES = 16;
const MSG_NAMELEN = 8;

// What is read for every datagram, in words of four bytes.
const NAME_WORDS = SOCKADDR_NL_BYTES / 4;
const HEADER_WORDS = MMSGHDR_BYTES / 4;
const NAME_PORT_WORD = 1;
const NAMELEN_WORD = MSG_NAMELEN / 4;
const FLAGS_WORD = 48 / 4;
const LENGTH_WORD = 56 / 4;

const EAGAIN = 11;
const EINTR = 4;
const ENOBUFS = 105;

/** Words of SO_MEMINFO, and which of them is SK_MEMINFO_DROPS. Source: linux/sock_diag.h. */
const MEMINFO_WORDS = 9;
const MEMINFO_DROPS = 8;

export interface StreamCounters {
  /**
   * Times the socket's receive buffer was full (ENOBUFS). On the unicast stream the kernel keeps the records and tries
   * again, until its backlog is full, too; what it then drops is in its own counter.
   */
  overruns: number;
  /** Records of the multicast copy that the kernel dropped because the receive buffer was full. */
  dropped: number;
  /** Datagrams longer than SLOT_BYTES, dropped. */
  truncated: number;
  /** Datagrams that did not come from the kernel, dropped. */
  foreign: number;
}

const CLAIM_SEQUENCE = 1;
const RELEASE_SEQUENCE = 2;

/**
 * The kernel's answer to `own(pid)` in the payload of an NLMSG_ERROR: i32 errno, negative, then the header of the
 * request.
 *
 * @returns 0 or a positive errno; undefined if it is the answer to something else
 */
export const claimAnswer = (bytes: Buffer, start: number, end: number): number | undefined => {
  if (end - start < 4 + NLMSG_HDRLEN || bytes.readUInt32LE(start + 4 + 8) !== CLAIM_SEQUENCE)
    return undefined;
  return -bytes.readInt32LE(start);
};

/** Receives one datagram: `bytes[start..end)` is its netlink payload. Valid only during the call. */
export type OnDatagram = (type: number, bytes: Buffer, start: number, end: number) => void;

/**
 * The socket that audit records arrive on: the unicast stream of the one owner, or the multicast copy.
 *
 * All buffers are allocated once; a batch is received into the arena and handed out in place. Pages of the
 * arena that no record ever reached are never touched, so its size is an address range, not memory.
 */
export class AuditStream {
  readonly #counters: StreamCounters = { overruns: 0, dropped: 0, truncated: 0, foreign: 0 };
  readonly #fd: number;
  #isMember = false;
  /** What the kernel counted as dropped in other times than as a member of the group. */
  #otherDrops = 0;
  #closed = false;
  // From calloc, not from Node's pool or a zeroing loop: untouched pages stay unallocated.
  readonly #arena = Buffer.from(new ArrayBuffer(BATCH * SLOT_STRIDE));
  readonly #names = Buffer.from(new ArrayBuffer(BATCH * SOCKADDR_NL_BYTES));
  readonly #iovecs = Buffer.from(new ArrayBuffer(BATCH * IOVEC_BYTES));
  readonly #headers = Buffer.from(new ArrayBuffer(BATCH * MMSGHDR_BYTES));
  readonly #nameWords = new Uint32Array(this.#names.buffer);
  readonly #headerWords = new Uint32Array(this.#headers.buffer);

  private constructor(fd: number) {
    this.#fd = fd;
    const arena = libc.addressOf(this.#arena);
    const names = libc.addressOf(this.#names);
    const iovecs = libc.addressOf(this.#iovecs);
    for (let i = 0; i < BATCH; i++) {
      this.#iovecs.writeBigUInt64LE(arena + BigInt(i * SLOT_STRIDE), i * IOVEC_BYTES);
      this.#iovecs.writeBigUInt64LE(BigInt(SLOT_BYTES), i * IOVEC_BYTES + 8);
      const header = i * MMSGHDR_BYTES;
      this.#headers.writeBigUInt64LE(names + BigInt(i * SOCKADDR_NL_BYTES), header);
      this.#headers.writeUInt32LE(SOCKADDR_NL_BYTES, header + MSG_NAMELEN);
      this.#headers.writeBigUInt64LE(iovecs + BigInt(i * IOVEC_BYTES), header + 16);
      this.#headers.writeBigUInt64LE(1n, header + 24);
    }
  }

  /**
   * @param mode unicast binds a port of its own, `own()` then makes it the owner; multicast joins AUDIT_NLGRP_READLOG.
   * @param receiveBuffer bytes; SO_RCVBUFFORCE exceeds net.core.rmem_max with CAP_NET_ADMIN, else the limit holds.
   */
  static open(mode: 'unicast' | 'multicast', receiveBuffer: number): AuditStream {
    const fd = libc.socket(libc.AF_NETLINK, libc.SOCK_RAW | libc.SOCK_CLOEXEC, NETLINK_AUDIT);
    if (fd < 0) throw openError('opening the audit socket', libc.errno());
    const stream = new AuditStream(fd);
    const size = u32(receiveBuffer);
    if (libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVBUFFORCE, size, 4) !== 0) {
      libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVBUF, size, 4);
    }
    const kernel = kernelAddress();
    if (libc.bind(fd, kernel, kernel.length) !== 0) {
      const errno = libc.errno();
      stream.close();
      throw openError('binding the audit socket', errno);
    }
    // Whoever has CAP_NET_ADMIN could send to our port, and fill the buffer. Connected to the kernel's, it takes nothing from
    // anybody else: the sender gets ECONNREFUSED. What is sent to the multicast group still comes, see `receive`.
    if (libc.connect(fd, kernel, kernel.length) !== 0) {
      const errno = libc.errno();
      stream.close();
      throw openError('connecting the audit socket', errno);
    }
    try {
      if (mode === 'multicast') stream.#join();
    } catch (error) {
      stream.close();
      throw error;
    }
    return stream;
  }

  /** Reads on from a socket that another process has opened; it is closed with this. */
  static inherit(fd: number): AuditStream {
    return new AuditStream(fd);
  }

  /** The socket's descriptor. */
  get fd(): number {
    return this.#fd;
  }

  /**
   * From now on receives the multicast copy, besides whatever else it receives.
   *
   * @throws AuditError `no-permission` without CAP_AUDIT_READ
   */
  join(): void {
    if (this.#isMember) return;
    this.#join();
    this.#otherDrops = this.#drops() - this.#counters.dropped;
  }

  #join(): void {
    this.#setMembership(libc.NETLINK_ADD_MEMBERSHIP, 'joining the audit multicast group');
    this.#isMember = true;
  }

  /** What of the multicast copy has not been received yet still is. */
  leave(): void {
    if (!this.#isMember) return;
    this.#setMembership(libc.NETLINK_DROP_MEMBERSHIP, 'leaving the audit multicast group');
    this.#counters.dropped = this.#drops() - this.#otherDrops;
    this.#isMember = false;
  }

  #setMembership(option: number, operation: string): void {
    if (libc.setsockopt(this.#fd, libc.SOL_NETLINK, option, u32(AUDIT_NLGRP_READLOG), 4) !== 0) {
      throw openError(operation, libc.errno());
    }
  }

  /**
   * Asks for ownership of the unicast stream: AUDIT_SET pid must come from this very socket, because the kernel
   * delivers to the port that sent it; pid 0 gives it up. The answer arrives among the records, as NLMSG_ERROR: see
   * `claimAnswer`.
   */
  own(pid: number): void {
    this.#send(AUDIT_SET, encodeStatusChange({ pid }), pid === 0 ? RELEASE_SEQUENCE : CLAIM_SEQUENCE);
  }

  #send(type: number, payload: Uint8Array, sequence: number): void {
    const message = Buffer.alloc(NLMSG_HDRLEN + payload.length);
    message.writeUInt32LE(message.length, 0);
    message.writeUInt16LE(type, 4);
    message.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK, 6);
    message.writeUInt32LE(sequence, 8);
    message.set(payload, NLMSG_HDRLEN);
    const kernel = kernelAddress();
    if (libc.sendto(this.#fd, message, message.length, 0, kernel, kernel.length) < 0) {
      throw openError('asking for the audit stream', libc.errno());
    }
  }

  /**
   * Hands out up to BATCH waiting datagrams without blocking.
   * @returns how many were received; below BATCH means that the socket was empty
   */
  receive(onDatagram: OnDatagram): number {
    if (this.#closed) return 0;
    const received = libc.recvmmsg(this.#fd, this.#headers, BATCH, libc.MSG_DONTWAIT, null);
    if (received < 0) {
      const errno = libc.errno();
      if (errno === ENOBUFS) {
        this.#counters.overruns++;
        return BATCH;
      }
      if (errno === EAGAIN || errno === EINTR) return 0;
      throw new AuditError('refused', `receiving audit records failed: ${errnoName(errno)}`, { errno });
    }
    const headers = this.#headerWords;
    const names = this.#nameWords;
    const arena = this.#arena;
    for (let i = 0; i < received; i++) {
      const header = i * HEADER_WORDS;
      const length = headers[header + LENGTH_WORD]!;
      headers[header + NAMELEN_WORD] = SOCKADDR_NL_BYTES;
      if ((headers[header + FLAGS_WORD]! & libc.MSG_TRUNC) !== 0) {
        this.#counters.truncated++;
        continue;
      }
      // Only the kernel's port is 0: a record from anyone else is forged.
      if (names[i * NAME_WORDS + NAME_PORT_WORD] !== 0 || length < NLMSG_HDRLEN) {
        this.#counters.foreign++;
        continue;
      }
      const start = i * SLOT_STRIDE;
      const type = arena[start + 4]! | (arena[start + 5]! << 8);
      // nlmsg_len of unicast records counts the payload only: the received length is the truth.
      onDatagram(type, arena, start + NLMSG_HDRLEN, start + length);
    }
    return received;
  }

  /** As of now; `dropped` is asked of the kernel while the stream is open. */
  get counters(): Readonly<StreamCounters> {
    // A drop on the unicast stream is one more try to come, not a loss.
    if (this.#isMember && !this.#closed) this.#counters.dropped = this.#drops() - this.#otherDrops;
    return this.#counters;
  }

  #drops(): number {
    const info = libc.socketOption(this.#fd, libc.SO_MEMINFO, MEMINFO_WORDS);
    return info?.[MEMINFO_DROPS] ?? this.#counters.dropped + this.#otherDrops;
  }

  /** Holds up this thread until there may be something to receive: false if there is not after `timeout` ms. */
  wait(timeout: number): boolean {
    return libc.waitReadable(this.#fd, timeout);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    libc.close(this.#fd);
  }
}

/** Port 0, as an address to bind: any that is free. */
const kernelAddress = (): Uint8Array => {
  const address = new Uint8Array(SOCKADDR_NL_BYTES);
  address[0] = libc.AF_NETLINK;
  return address;
};

const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
};

const openError = (operation: string, errno: number): AuditError => {
  const name = errnoName(errno);
  return name === 'EPERM' || name === 'EACCES'
    ? new AuditError(
        'no-permission',
        `${operation}: not permitted (${name}): it takes CAP_AUDIT_READ and CAP_AUDIT_CONTROL; run as root on the host`,
        { errno },
      )
    : new AuditError('no-audit', `${operation}: ${name}: this kernel has no audit, or denies it here`, {
        errno,
      });
};
