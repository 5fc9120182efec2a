import { getSystemErrorName } from 'node:util';
import * as libc from '../../runtime/socket-calls.ts';
import {
  CN_IDX_PROC,
  ignoreMessage,
  listenMessages,
  MAX_CN_PROC_BYTES,
  type ProcConnectorEvent,
  parseProcEvent,
} from './cn-proc.ts';

/** What the process tree needs of the kernel's process connector. */
export interface ProcessConnector {
  readonly counters: Readonly<ConnectorCounters>;
  /** Hands out what has arrived, without waiting, oldest first. */
  drain(onEvent: (event: ProcConnectorEvent) => void): void;
  close(): void;
}

export interface ConnectorCounters {
  /** Times the receive buffer overflowed; each lost an unknown number of forks and exits. */
  overruns: number;
  /** Messages not from the kernel, cut off, or not understood. */
  malformed: number;
}

const NETLINK_CONNECTOR = 11;
const SOCKADDR_NL_BYTES = 12;
const MMSGHDR_BYTES = 64;
const IOVEC_BYTES = 16;
const EAGAIN = 11;
const EINTR = 4;
const ENOBUFS = 105;

const BATCH = 256;
/** One drain takes no more, so that a fork bomb cannot hold the thread. */
const MAX_PER_DRAIN = 64 * BATCH;
/** A fork message occupies less than a kilobyte of it: room for some ten thousand. */
export const CONNECTOR_RECEIVE_BUFFER = 8_388_608;

/**
 * The kernel's process connector: every fork and exit of the host, without audit rules.
 *
 * Read by recvmmsg and not through the `netlink` package, for three reasons. Its sockets deliver only by way of the
 * event loop, but a child's fork must be known before the child's exec is looked at, so there has to be a way to read
 * at once. It costs 32 µs per message, this 4. It cannot exceed net.core.rmem_max, on most hosts room for 300
 * messages. (Its parsing layer also takes the type of these messages, NLMSG_DONE, for the end of a dump, and drops
 * their content.)
 */
export class KernelProcessConnector implements ProcessConnector {
  readonly counters: ConnectorCounters = { overruns: 0, malformed: 0 };
  readonly #fd: number;
  #closed = false;
  #subscribed = false;
  readonly #arena = Buffer.alloc(BATCH * MAX_CN_PROC_BYTES);
  readonly #names = Buffer.alloc(BATCH * SOCKADDR_NL_BYTES);
  readonly #iovecs = Buffer.alloc(BATCH * IOVEC_BYTES);
  readonly #headers = Buffer.alloc(BATCH * MMSGHDR_BYTES);

  private constructor(fd: number) {
    this.#fd = fd;
    const arena = libc.addressOf(this.#arena);
    const names = libc.addressOf(this.#names);
    const iovecs = libc.addressOf(this.#iovecs);
    for (let i = 0; i < BATCH; i++) {
      this.#iovecs.writeBigUInt64LE(arena + BigInt(i * MAX_CN_PROC_BYTES), i * IOVEC_BYTES);
      this.#iovecs.writeBigUInt64LE(BigInt(MAX_CN_PROC_BYTES), i * IOVEC_BYTES + 8);
      const header = i * MMSGHDR_BYTES;
      this.#headers.writeBigUInt64LE(names + BigInt(i * SOCKADDR_NL_BYTES), header);
      this.#headers.writeUInt32LE(SOCKADDR_NL_BYTES, header + 8);
      this.#headers.writeBigUInt64LE(iovecs + BigInt(i * IOVEC_BYTES), header + 16);
      this.#headers.writeBigUInt64LE(1n, header + 24);
    }
  }

  /**
   * Subscribes to forks and exits. Outside of the initial pid namespace the kernel neither refuses nor answers: only
   * a `reply` event tells that events will come.
   *
   * @throws Error naming the call that failed: without CAP_NET_ADMIN, in another network namespace, or without
   *   CONFIG_PROC_EVENTS
   */
  static open(): KernelProcessConnector {
    const fd = libc.socket(libc.AF_NETLINK, libc.SOCK_RAW | libc.SOCK_CLOEXEC, NETLINK_CONNECTOR);
    if (fd < 0) throw failed('socket');
    const connector = new KernelProcessConnector(fd);
    try {
      const size = u32(CONNECTOR_RECEIVE_BUFFER);
      if (libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVBUFFORCE, size, 4) !== 0) {
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVBUF, size, 4);
      }
      const address = kernelAddress();
      if (libc.bind(fd, address, address.length) !== 0) throw failed('bind');
      if (libc.setsockopt(fd, libc.SOL_NETLINK, libc.NETLINK_ADD_MEMBERSHIP, u32(CN_IDX_PROC), 4) !== 0) {
        throw failed('joining the group');
      }
      for (const message of listenMessages()) {
        connector.#send(message);
        connector.#subscribed = true;
      }
    } catch (error) {
      connector.close();
      throw error;
    }
    return connector;
  }

  drain(onEvent: (event: ProcConnectorEvent) => void): void {
    if (this.#closed) return;
    for (let taken = 0; taken < MAX_PER_DRAIN; ) {
      const received = libc.recvmmsg(this.#fd, this.#headers, BATCH, libc.MSG_DONTWAIT, null);
      if (received < 0) {
        const errno = libc.errno();
        if (errno === EAGAIN) return;
        if (errno === ENOBUFS) this.counters.overruns++;
        else if (errno !== EINTR) throw failed('recvmmsg', errno);
        taken++;
        continue;
      }
      for (let i = 0; i < received; i++) this.#deliver(i, onEvent);
      if (received < BATCH) return;
      taken += received;
    }
  }

  #deliver(slot: number, onEvent: (event: ProcConnectorEvent) => void): void {
    const header = slot * MMSGHDR_BYTES;
    const length = this.#headers.readUInt32LE(header + 56);
    const truncated = (this.#headers.readUInt32LE(header + 48) & libc.MSG_TRUNC) !== 0;
    this.#headers.writeUInt32LE(SOCKADDR_NL_BYTES, header + 8);
    // Only the kernel's port is 0: anyone with CAP_NET_ADMIN can send to the group.
    const foreign = this.#names.readUInt32LE(slot * SOCKADDR_NL_BYTES + 4) !== 0;
    const start = slot * MAX_CN_PROC_BYTES;
    const event = truncated || foreign ? undefined : parseProcEvent(this.#arena, start, start + length);
    if (event === undefined) this.counters.malformed++;
    else onEvent(event);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      // Unsubscribing without having subscribed would silence others on kernels before 6.6.
      if (this.#subscribed) this.#send(ignoreMessage());
    } catch {
      // Closing tells the kernel as well, except before 6.6.
    }
    libc.close(this.#fd);
  }

  #send(message: Buffer): void {
    const kernel = kernelAddress();
    if (libc.sendto(this.#fd, message, message.length, 0, kernel, kernel.length) < 0) throw failed('sendto');
  }
}

const kernelAddress = (): Uint8Array => {
  const address = new Uint8Array(SOCKADDR_NL_BYTES);
  address[0] = libc.AF_NETLINK;
  return address;
};

const u32 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

const failed = (call: string, errno = libc.errno()): Error => {
  let name = `errno ${errno}`;
  try {
    name = getSystemErrorName(-errno);
  } catch {
    // A number without a name stays a number.
  }
  return new Error(
    `process connector: ${call} failed: ${name}; it takes CAP_NET_ADMIN, the host's namespaces and CONFIG_PROC_EVENTS`,
  );
};
