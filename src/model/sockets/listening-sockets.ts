import type { SocketEvent } from '../../audit/audit-event.ts';
import { AF_INET, AF_INET6, AF_UNIX } from '../../audit/sockaddr.ts';
import { keepNewest } from '../keep-newest.ts';
import { IPPROTO_TCP } from './listed-socket.ts';
import { TCP_LISTEN } from './sock-diag.ts';
import type { NetworkNamespace, SocketLists } from './socket-lists.ts';

/** A listening socket. Its properties do not change while it exists. */
export interface Listener {
  readonly inode: number;
  readonly family: number;
  /** undefined for AF_UNIX, and if only its family is known. */
  readonly local: { readonly address: string; readonly port: number } | undefined;
}

/** Most remembered sockets, including those that turned out to be neither. */
const MAX_LISTENERS = 1_024;

/** Listening sockets, each looked up once. */
export class ListeningSockets {
  readonly #lists: SocketLists;
  readonly #known = new Map<number, Listener>();

  constructor(lists: SocketLists) {
    this.#lists = lists;
  }

  /** What is known without a look. */
  known(inode: number): Listener | undefined {
    return this.#known.get(inode);
  }

  /**
   * @returns undefined if it does not listen, or is neither TCP nor AF_UNIX
   * @throws Error if the kernel refuses
   */
  find(namespace: NetworkNamespace, inode: number): Listener | undefined {
    const known = this.#known.get(inode);
    if (known !== undefined) return known;
    const found = this.#lists.isUnix(namespace, inode)
      ? { inode, family: AF_UNIX, local: undefined }
      : this.#findTcp(namespace, inode);
    if (found !== undefined) keepNewest(this.#known, inode, found, MAX_LISTENERS);
    return found;
  }

  #findTcp(namespace: NetworkNamespace, inode: number): Listener | undefined {
    const inodes = new Set([inode]);
    for (const family of [AF_INET6, AF_INET]) {
      const [socket] = this.#lists.list({
        namespace,
        family,
        protocol: IPPROTO_TCP,
        kind: 'bound',
        remotePort: 0,
        inodes,
      });
      if (socket?.state === TCP_LISTEN) return { inode, family, local: socket.local };
    }
    return undefined;
  }
}

/** Whether an event is an accept whose record does not say what kind of socket it is. */
export const isNamelessAccept = ({ action, family, fd }: SocketEvent): boolean =>
  action === 'accept' && family === undefined && fd !== undefined;
