import { constants } from 'node:os';
import {
  BATCH,
  bindNetlink,
  connectToKernel,
  DatagramBatch,
  FOREIGN,
  openNetlink,
  sendToKernel,
  setMembership,
  setReceiveBuffer,
  TRUNCATED,
} from '../runtime/netlink-socket.ts';
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

export { BATCH };

/** Most bytes of a datagram: user space's MAX_AUDIT_MESSAGE_LENGTH is 8970, and the kernel may send more. */
export const SLOT_BYTES = 16_384;
/** The distance between slots is not a power of two: otherwise all slots would compete for the same cache lines. */
const SLOT_STRIDE = SLOT_BYTES + 448;

const { EAGAIN, EINTR, ENOBUFS } = constants.errno;

/** Words of SO_MEMINFO, and the index of SK_MEMINFO_DROPS. Source: linux/sock_diag.h. */
const MEMINFO_WORDS = 9;
const MEMINFO_DROPS = 8;

export interface StreamCounters {
  /**
   * How often the socket's receive buffer was full (ENOBUFS). On the unicast stream the kernel keeps the records and
   * tries again, until its backlog is full too; what it then drops is in its own counter.
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
 * The kernel's answer to `own(pid)`, in the payload of an NLMSG_ERROR: i32 errno, negative, then the header of the
 * request.
 *
 * @returns 0 or a positive errno; undefined if it answers something else
 */
export const claimAnswer = (bytes: Buffer, start: number, end: number): number | undefined => {
  if (end - start < 4 + NLMSG_HDRLEN || bytes.readUInt32LE(start + 4 + 8) !== CLAIM_SEQUENCE)
    return undefined;
  return -bytes.readInt32LE(start);
};

/** Receives one datagram: `bytes[start..end)` is its netlink payload. Valid only during the call. */
export type OnDatagram = (type: number, bytes: Buffer, start: number, end: number) => void;

/**
 * The socket on which audit records arrive: the unicast stream of the one owner, or the multicast copy. A batch is
 * passed on in the memory where it was received.
 */
export class AuditStream {
  readonly #counters: StreamCounters = { overruns: 0, dropped: 0, truncated: 0, foreign: 0 };
  readonly #fd: number;
  #isMember = false;
  /** Drops that the kernel counted while this socket was not in the group. */
  #otherDrops = 0;
  #closed = false;
  readonly #batch = new DatagramBatch(SLOT_BYTES, SLOT_STRIDE);

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * @param mode unicast binds a port, and `own()` then makes it the owner; multicast joins AUDIT_NLGRP_READLOG.
   * @param receiveBuffer bytes, see `setReceiveBuffer`
   */
  static open(mode: 'unicast' | 'multicast', receiveBuffer: number): AuditStream {
    const fd = openNetlink(NETLINK_AUDIT);
    if (fd < 0) throw openError('opening the audit socket', libc.errno());
    const stream = new AuditStream(fd);
    setReceiveBuffer(fd, receiveBuffer);
    if (!bindNetlink(fd)) {
      const errno = libc.errno();
      stream.close();
      throw openError('binding the audit socket', errno);
    }
    // A process with CAP_NET_ADMIN could send to our port and fill the buffer. A socket connected to the kernel's
    // port accepts nothing from others: their send fails with ECONNREFUSED. Datagrams sent to the multicast group
    // still arrive, see `receive`.
    if (!connectToKernel(fd)) {
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

  /** Continues with a socket that another process has opened; `close` closes it. */
  static inherit(fd: number): AuditStream {
    return new AuditStream(fd);
  }

  /** The socket's descriptor. */
  get fd(): number {
    return this.#fd;
  }

  /**
   * From now on receives the multicast copy, too.
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

  /** Records of the copy that are already queued are still received. */
  leave(): void {
    if (!this.#isMember) return;
    this.#setMembership(libc.NETLINK_DROP_MEMBERSHIP, 'leaving the audit multicast group');
    this.#counters.dropped = this.#drops() - this.#otherDrops;
    this.#isMember = false;
  }

  #setMembership(option: number, operation: string): void {
    if (!setMembership(this.#fd, option, AUDIT_NLGRP_READLOG)) {
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
    if (!sendToKernel(this.#fd, message)) {
      throw openError('asking for the audit stream', libc.errno());
    }
  }

  /**
   * Passes on up to BATCH waiting datagrams without blocking.
   * @returns how many were received; fewer than BATCH means that the socket was empty
   */
  receive(onDatagram: OnDatagram): number {
    if (this.#closed) return 0;
    const batch = this.#batch;
    const received = batch.receive(this.#fd);
    if (received < 0) {
      const errno = -received;
      if (errno === ENOBUFS) {
        this.#counters.overruns++;
        return BATCH;
      }
      if (errno === EAGAIN || errno === EINTR) return 0;
      throw new AuditError('refused', `receiving audit records failed: ${errnoName(errno)}`, { errno });
    }
    const { arena } = batch;
    for (let i = 0; i < received; i++) {
      const length = batch.take(i);
      if (length === TRUNCATED) {
        this.#counters.truncated++;
        continue;
      }
      // A record that does not come from the kernel is forged.
      if (length === FOREIGN || length < NLMSG_HDRLEN) {
        this.#counters.foreign++;
        continue;
      }
      const start = batch.startOf(i);
      const type = arena[start + 4]! | (arena[start + 5]! << 8);
      // nlmsg_len of unicast records counts only the payload, so the received length is used.
      onDatagram(type, arena, start + NLMSG_HDRLEN, start + length);
    }
    return received;
  }

  /** Current values. While the stream is open, the kernel is asked for `dropped`. */
  get counters(): Readonly<StreamCounters> {
    // A drop on the unicast stream is no loss: the kernel tries again.
    if (this.#isMember && !this.#closed) this.#counters.dropped = this.#drops() - this.#otherDrops;
    return this.#counters;
  }

  #drops(): number {
    const info = libc.socketOption(this.#fd, libc.SO_MEMINFO, MEMINFO_WORDS);
    return info?.[MEMINFO_DROPS] ?? this.#counters.dropped + this.#otherDrops;
  }

  /** Blocks this thread until there may be something to receive: false if there is nothing after `timeout` ms. */
  wait(timeout: number): boolean {
    return libc.waitReadable(this.#fd, timeout);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    libc.close(this.#fd);
  }
}

const openError = (operation: string, errno: number): AuditError => {
  const name = errnoName(errno);
  return name === 'EPERM' || name === 'EACCES'
    ? new AuditError(
        'no-permission',
        `${operation}: not permitted (${name}): this needs CAP_AUDIT_READ and CAP_AUDIT_CONTROL; run as root on the host`,
        { errno },
      )
    : new AuditError('no-audit', `${operation}: ${name}: this kernel has no audit, or denies it here`, {
        errno,
      });
};
