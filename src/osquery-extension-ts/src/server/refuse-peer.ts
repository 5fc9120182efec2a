import type { Socket } from 'node:net';
import { messageOf } from '../errors.ts';

/**
 * Decides on a client by its connected socket, which SO_PEERCRED, LOCAL_PEERCRED or getpeereid(3) can be asked of; Node
 * itself has no way to. The descriptor is the server's: it is neither read nor closed.
 *
 * @returns why the client is refused; undefined to serve it. Whatever it throws is a refusal
 */
export type RefusePeer = (fd: number) => string | undefined;

/** undefined where nobody asks. */
export function refusalOf(fd: number | undefined, refusePeer: RefusePeer | undefined): string | undefined {
  if (refusePeer === undefined) return undefined;
  if (fd === undefined) return 'it is not known who is at the other end';
  try {
    return refusePeer(fd);
  } catch (error) {
    return messageOf(error);
  }
}

/** The descriptor of a connected socket; undefined if it is closed. */
export function descriptorOf(socket: Socket): number | undefined {
  // Not in Node's documentation, but what cluster and others have relied on for ever.
  const fd = (socket as Socket & { _handle?: { fd?: number } | null })._handle?.fd;
  return fd === undefined || fd < 0 ? undefined : fd;
}
