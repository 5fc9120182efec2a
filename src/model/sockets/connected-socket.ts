import type { SocketEvent } from '../../audit/audit-event.ts';
import { AF_INET, AF_INET6 } from '../../audit/sockaddr.ts';

/** What it takes to look for a socket whose other end is known. */
export interface ConnectedSocket {
  readonly pid: number;
  /** The descriptor of the connection in that process. */
  readonly fd: number;
  readonly family: typeof AF_INET | typeof AF_INET6;
  readonly remotePort: number;
}

/** The socket that a connect or accept made a connection of; undefined if it made none that has a local end. */
export const connectedSocket = (event: SocketEvent): ConnectedSocket | undefined => {
  const { action, family, remote, outcome, pid, fd, exit } = event;
  if (remote === undefined || remote.port === 0) return undefined;
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  if (outcome !== 'succeeded' && outcome !== 'in_progress') return undefined;
  // Of an accept `fd` is the one that listens; the call returned that of the connection.
  const ownFd = action === 'connect' ? fd : action === 'accept' ? exit : undefined;
  return ownFd === undefined ? undefined : { pid, fd: ownFd, family, remotePort: remote.port };
};
