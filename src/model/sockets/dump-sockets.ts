import { createNetlink, FlagsGet, type NetlinkSocket, Protocol } from 'netlink';
import { type DiagSocket, encodeDiagRequest, parseDiagMessage, SOCK_DIAG_BY_FAMILY } from './sock-diag.ts';

export interface SocketDumper {
  /**
   * Lists those of some sockets that are of a family and protocol. Rejects if the kernel refuses.
   *
   * @param remotePort that of all of them; 0 where they differ
   */
  dump(
    family: number,
    protocol: number,
    remotePort: number,
    inodes: ReadonlySet<number>,
  ): Promise<readonly DiagSocket[]>;
  close(): void;
}

/** Milliseconds the kernel has; a hundred thousand sockets take it some fifty. */
const TIMEOUT_MS = 1000;

/**
 * sock_diag in this process's network namespace.
 *
 * @throws Error if the socket cannot be made
 */
export const openSocketDumper = (): SocketDumper => {
  let socket: NetlinkSocket | undefined = open();
  return {
    async dump(family, protocol, remotePort, inodes) {
      if (socket === undefined) throw new Error('sock_diag: the socket is closed');
      const request = encodeDiagRequest(family, protocol, remotePort);
      const [messages] = await socket.request(SOCK_DIAG_BY_FAMILY, request, {
        flags: FlagsGet.DUMP,
        timeout: TIMEOUT_MS,
      });
      return messages.flatMap(({ data }) => parseDiagMessage(data, inodes) ?? []);
    },
    close() {
      socket?.close();
      socket = undefined;
    },
  };
};

const open = (): NetlinkSocket => {
  const socket = createNetlink(Protocol.SOCK_DIAG);
  // The package ends the process over an 'error' without a listener. A lost answer shows as a timeout.
  socket.on('error', () => {});
  return socket;
};
