import type { Socket } from 'node:net';
import { messageOf } from '../errors.ts';

/**
 * Decides on a client by its connected socket, for which SO_PEERCRED, LOCAL_PEERCRED or getpeereid(3) tell the peer;
 * Node itself has no such call. The descriptor belongs to the server: do not read or close it.
 *
 * @returns why the client is refused; undefined to serve it. An error is a refusal, too
 */
export type RefusePeer = (fd: number) => string | undefined;

/** undefined if there is nothing to decide. */
export function refusalOf(fd: number | undefined, refusePeer: RefusePeer | undefined): string | undefined {
  if (refusePeer === undefined) return undefined;
  if (fd === undefined) return 'the process at the other end is not known';
  try {
    return refusePeer(fd);
  } catch (error) {
    return messageOf(error);
  }
}

/** The descriptor of a connected socket; undefined if it is closed. */
export function descriptorOf(socket: Socket): number | undefined {
  // Not documented by Node, but cluster and others have always relied on it.
  const fd = (socket as Socket & { _handle?: { fd?: number } | null })._handle?.fd;
  return fd === undefined || fd < 0 ? undefined : fd;
}
