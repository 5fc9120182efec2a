import type { SocketAddress } from '../../audit/audit-event.ts';
import type { ListedSocket } from './listed-socket.ts';
import { TCP_LISTEN, TCP_SYN_SENT } from './sock-diag.ts';
import type { SocketQuestion } from './socket-question.ts';

const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::', '::ffff:0.0.0.0']);

/**
 * Whether the socket behind a descriptor can belong to a call.
 * - `same`: it has the other end that the call names
 * - `translated`: it has the port but another address: a program in the kernel that acts as a load balancer (cgroup
 *   BPF) has replaced the requested address; it may belong to another call as well
 *
 * @param listener own end of the listening socket, as far as it is known
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
  // Nothing else distinguishes the connection from one that got its descriptor later.
  if (remote === undefined) return listener?.port === socket.local.port ? 'same' : undefined;
  if (remote.port !== socket.remote.port) return undefined;
  if (remote.address === socket.remote.address) {
    // When a call has returned its connection is established, unless the call does not wait for it. A connection that
    // still waits is another one.
    if (action === 'connect' && socket.state === TCP_SYN_SENT && !(isUnderWay && isNonBlocking()))
      return undefined;
    return 'same';
  }
  if (action === 'accept' || socket.state === TCP_SYN_SENT) return undefined;
  // A connect to no address reaches this host.
  return isUnspecified(remote.address) ? 'same' : 'translated';
};

/** Whether an address belongs to no interface. */
export const isUnspecified = (address: string): boolean => UNSPECIFIED.has(address);
