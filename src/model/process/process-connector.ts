import { constants } from 'node:os';
import { errnoName } from '../../audit/errors.ts';
import {
  BATCH,
  bindNetlink,
  DatagramBatch,
  openNetlink,
  sendToKernel,
  setMembership,
  setReceiveBuffer,
} from '../../runtime/netlink-socket.ts';
import * as libc from '../../runtime/socket-calls.ts';
import {
  CN_IDX_PROC,
  ignoreMessage,
  listenMessages,
  MAX_CN_PROC_BYTES,
  type ProcConnectorEvent,
  parseProcEvent,
} from './cn-proc.ts';

/** The part of the kernel's process connector that the process tree needs. */
export interface ProcessConnector {
  readonly counters: Readonly<ConnectorCounters>;
  /** Passes on what has arrived, without waiting, oldest first. */
  drain(onEvent: (event: ProcConnectorEvent) => void): void;
  close(): void;
}

export interface ConnectorCounters {
  /** How often the receive buffer overflowed; each time an unknown number of forks and exits was lost. */
  overruns: number;
  /** Messages that are not from the kernel, cut off, or not understood. */
  malformed: number;
}

const NETLINK_CONNECTOR = 11;
const { EAGAIN, EINTR, ENOBUFS } = constants.errno;

/** Most messages of one drain, so that a fork bomb cannot hold the thread. */
const MAX_PER_DRAIN = 64 * BATCH;
/** A fork message takes less than a kilobyte of it, so there is room for some ten thousand. */
export const CONNECTOR_RECEIVE_BUFFER = 8_388_608;

/**
 * The kernel's process connector: every fork and exit of the host, without audit rules.
 *
 * Read by recvmmsg and not through the `netlink` package, for three reasons. Its sockets deliver only through the
 * event loop, but a child's fork must be known before the child's exec is looked at, so it must be possible to read
 * at once. It costs 32 µs per message, and this 4. It cannot exceed net.core.rmem_max, which on most hosts is room
 * for 300 messages. (Its parsing layer also takes the type of these messages, NLMSG_DONE, for the end of a dump, and
 * drops their content.)
 */
export class KernelProcessConnector implements ProcessConnector {
  readonly counters: ConnectorCounters = { overruns: 0, malformed: 0 };
  readonly #fd: number;
  #closed = false;
  #subscribed = false;
  readonly #batch = new DatagramBatch(MAX_CN_PROC_BYTES);

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Subscribes to forks and exits. Outside the initial pid namespace the kernel neither refuses nor answers: only a
   * `reply` event proves that events will come.
   *
   * @throws Error naming the call that failed: without CAP_NET_ADMIN, in another network namespace, or without
   * CONFIG_PROC_EVENTS
   */
  static open(): KernelProcessConnector {
    const fd = openNetlink(NETLINK_CONNECTOR);
    if (fd < 0) throw failed('socket');
    const connector = new KernelProcessConnector(fd);
    try {
      setReceiveBuffer(fd, CONNECTOR_RECEIVE_BUFFER);
      if (!bindNetlink(fd)) throw failed('bind');
      if (!setMembership(fd, libc.NETLINK_ADD_MEMBERSHIP, CN_IDX_PROC)) throw failed('joining the group');
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
      const received = this.#batch.receive(this.#fd);
      if (received < 0) {
        const errno = -received;
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
    const length = this.#batch.take(slot);
    const start = this.#batch.startOf(slot);
    const event = length < 0 ? undefined : parseProcEvent(this.#batch.arena, start, start + length);
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
    if (!sendToKernel(this.#fd, message)) throw failed('sendto');
  }
}

const failed = (call: string, errno = libc.errno()): Error =>
  new Error(
    `process connector: ${call} failed: ${errnoName(errno)}; it needs CAP_NET_ADMIN, the host's namespaces and CONFIG_PROC_EVENTS`,
  );
