import type { SocketAddress, SocketEvent } from '../../audit/audit-event.ts';
import { AF_INET, AF_INET6 } from '../../audit/sockaddr.ts';
import { eventMs } from '../event-time.ts';

/** The socket to look up, and what the event itself says about it. */
export interface SocketQuestion {
  readonly action: 'connect' | 'accept' | 'bind';
  readonly pid: number;
  /** The descriptor of the connection, or of the bound socket. */
  readonly fd: number;
  /** For an accept, the listening descriptor. */
  readonly listener: number | undefined;
  /** AF_INET or AF_INET6; undefined for an accept whose program did not ask for the address. */
  readonly family: number | undefined;
  readonly remote: SocketAddress | undefined;
  /** Whether the program continues while the connection is made (EINPROGRESS). */
  readonly isUnderWay: boolean;
  /** When the call began, in milliseconds since the epoch, to the grain of audit's clock. */
  readonly stampMs: number;
}

const EINPROGRESS = 115;

/**
 * What to look up for a bind, connect or accept; undefined if nothing: it failed, has another family, or the record
 * is complete.
 */
export const socketQuestion = (event: SocketEvent): SocketQuestion | undefined =>
  event.protocol === undefined ? questionOf(event) : undefined;

/** The same, also for an event that is complete already. */
export const questionOf = (event: SocketEvent): SocketQuestion | undefined => {
  const { action, family, remote, local, outcome, pid, fd, exit } = event;
  if (fd === undefined || exit === undefined) return undefined;
  if (outcome !== 'succeeded' && outcome !== 'in_progress') return undefined;
  const isInet = family === AF_INET || family === AF_INET6;
  const question = { pid, family, remote, isUnderWay: exit === -EINPROGRESS, stampMs: eventMs(event) };
  switch (action) {
    case 'connect':
      // Port 0: a socket without ports, or the end of a connection (AF_UNSPEC).
      if (!isInet || remote === undefined || remote.port === 0) return undefined;
      return { ...question, action, fd, listener: undefined };
    case 'accept':
      if (family !== undefined && !isInet) return undefined;
      // `fd` is the listening descriptor; the call returned the connection's.
      return { ...question, action, fd: exit, listener: fd };
    case 'bind':
      if (!isInet || local?.port !== 0) return undefined;
      return { ...question, action, fd, listener: undefined };
    case 'sendto':
      return undefined;
  }
};
