import type { SocketAddress } from '../../audit/audit-event.ts';
import type { ListedSocket } from './listed-socket.ts';
import { TCP_LISTEN, TCP_SYN_SENT } from './sock-diag.ts';
import type { SocketQuestion } from './socket-question.ts';

const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::', '::ffff:0.0.0.0']);

/**
 * Whether a socket that a descriptor is can be the one of a call.
 * - `same`: it has the other end that the call says
 * - `translated`: it has the port, and another address: a program in the kernel that stands in for a load balancer (cgroup BPF)
 *   puts it in the place of the one that was asked for; it may be another call's as well
 *
 * @param listener own end of the socket that listens, as far as it is known
 * @param isNonBlocking whether the program does not wait for the descriptor's connection (O_NONBLOCK)
 */
export const matchSocket = (
  question: SocketQuestion,
  socket: ListedSocket,
  listener: SocketAddress | undefined,
  isNonBlocking: () => boolean,
): 'same' | 'translated' | undefined => {
  const { action, remote, isUnderWay } = question;
  if (socket.local.port === 0) return undefined;
  if (action === 'bind') return 'same';
  if (socket.state === TCP_LISTEN || socket.remote.port === 0) return undefined;
  // Nothing else tells the connection from one that came to its descriptor later.
  if (remote === undefined) return listener?.port === socket.local.port ? 'same' : undefined;
  if (remote.port !== socket.remote.port) return undefined;
  if (remote.address === socket.remote.address) {
    // The connection of a call that has returned stands, unless the call does not wait for it. One that waits is another one.
    if (action === 'connect' && socket.state === TCP_SYN_SENT && !(isUnderWay && isNonBlocking()))
      return undefined;
    return 'same';
  }
  if (action === 'accept' || socket.state === TCP_SYN_SENT) return undefined;
  // To no address leads to this host.
  return isUnspecified(remote.address) ? 'same' : 'translated';
};

/** Whether an address is that of no interface. */
export const isUnspecified = (address: string): boolean => UNSPECIFIED.has(address);
