import { AF_INET } from '../../audit/sockaddr.ts';
import { keepNewest } from '../keep-newest.ts';
import type { ProcfsReader } from '../procfs/reader.ts';
import { parseNamespace } from '../procfs/values.ts';
import { IPPROTO_TCP, type ListedSocket } from './listed-socket.ts';
import { parseProcNet, parseProcNetUnix } from './proc-net.ts';
import { BOUND_STATES, CLOSED_TOO_STATES, CONNECTED_STATES, type SocketId } from './sock-diag.ts';
import type { SocketLister } from './socket-diag.ts';

/** Milliseconds for which a process is taken to be in the network namespace that it was seen in. */
const FRESH_MS = 1_000;
/** Processes and namespaces remembered. */
const MAX_PIDS = 4_096;
const MAX_NAMESPACES = 1_024;
/** Processes of a namespace that are remembered, one of which may live when the one that is asked about has ended. */
const MAX_PIDS_OF_NAMESPACE = 4;

/** Other sockets that come with a listing of one port. */
const MAX_OTHERS = 1_024;

/** A network namespace, and who is in it. */
export interface NetworkNamespace {
  /** Inode number. */
  readonly id: number;
  /** Processes that have been seen in it, the last one last. */
  readonly pids: readonly number[];
}

export interface ListRequest {
  readonly namespace: NetworkNamespace;
  readonly family: number;
  readonly protocol: number;
  /** Sockets that have another end, or those that only have their own. */
  readonly kind: 'connected' | 'bound';
  /** That of all of them; 0 where they differ. */
  readonly remotePort: number;
  readonly inodes: ReadonlySet<number>;
}

/**
 * Lists of sockets, of any network namespace: of our own by sock_diag, which knows the most and costs the least; of others
 * by `/proc/PID/net` of a process that is in it. An inode names a socket wherever it is, so that a process that has gone
 * to another namespace meanwhile is found with nothing, and never with the socket of somebody else.
 */
export class SocketLists {
  readonly #procfs: ProcfsReader;
  readonly #lister: SocketLister | undefined;
  readonly #own: number | undefined;
  readonly #namespaces = new Map<number, { id: number; pids: number[] }>();
  readonly #byPid = new Map<number, { readonly namespace: NetworkNamespace; readonly until: number }>();

  /** @param lister undefined where there is no sock_diag: our own namespace is read as others are */
  constructor(procfs: ProcfsReader, lister: SocketLister | undefined) {
    this.#procfs = procfs;
    this.#lister = lister;
    this.#own = lister === undefined ? undefined : this.#read('self');
  }

  /**
   * The network namespace that a process is in; undefined if it is gone.
   *
   * @param now milliseconds of a monotonic clock
   */
  namespaceOf(pid: number, now: number): NetworkNamespace | undefined {
    const known = this.#byPid.get(pid);
    if (known !== undefined && known.until > now) return known.namespace;
    const id = this.#read(pid);
    if (id === undefined) return undefined;
    const namespace = this.#namespaces.get(id) ?? { id, pids: [] };
    if (!namespace.pids.includes(pid))
      namespace.pids = [...namespace.pids, pid].slice(-MAX_PIDS_OF_NAMESPACE);
    keepNewest(this.#namespaces, id, namespace, MAX_NAMESPACES);
    keepNewest(this.#byPid, pid, { namespace, until: now + FRESH_MS }, MAX_PIDS);
    return namespace;
  }

  /** Whether single sockets of it can be asked for. */
  isOwn({ id }: NetworkNamespace): boolean {
    return id === this.#own;
  }

  /**
   * The sockets that are asked for; of connections to one port, which the kernel can look for, some others to it besides, closed
   * ones among them.
   *
   * @throws Error if the kernel refuses
   */
  list({ namespace, family, protocol, kind, remotePort, inodes }: ListRequest): readonly ListedSocket[] {
    if (this.isOwn(namespace)) {
      const question = { family, protocol, remotePort, inodes };
      if (protocol !== IPPROTO_TCP) return this.#lister!.list({ ...question, states: CONNECTED_STATES });
      if (kind === 'bound') return this.#lister!.list({ ...question, states: BOUND_STATES });
      if (remotePort === 0) return this.#lister!.list({ ...question, states: CONNECTED_STATES });
      return this.#lister!.list({ ...question, states: CLOSED_TOO_STATES, others: MAX_OTHERS });
    }
    const name = `${protocol === IPPROTO_TCP ? 'tcp' : 'udp'}${family === AF_INET ? '' : '6'}`;
    const text = this.#readList(namespace, name);
    return text === undefined ? [] : parseProcNet(text, { family, protocol }, inodes);
  }

  /** The socket of our own namespace with these ends. */
  exact(family: number, protocol: number, id: SocketId) {
    return this.#lister?.exact(family, protocol, id);
  }

  /**
   * Whether a socket is one of AF_UNIX.
   *
   * @throws Error if the kernel refuses
   */
  isUnix(namespace: NetworkNamespace, inode: number): boolean {
    if (this.isOwn(namespace)) return this.#lister!.isUnix(inode);
    const text = this.#readList(namespace, 'unix');
    return text !== undefined && parseProcNetUnix(text, new Set([inode])).has(inode);
  }

  #readList({ pids }: NetworkNamespace, name: string): Buffer | undefined {
    for (const pid of pids.toReversed()) {
      const text = this.#procfs.readList(pid, `net/${name}`);
      if (text !== undefined && text.length > 0) return text;
    }
    return undefined;
  }

  #read(pid: number | 'self'): number | undefined {
    const target = this.#procfs.link(pid, 'ns/net');
    return target === undefined ? undefined : parseNamespace(target);
  }

  close(): void {
    this.#lister?.close();
  }
}
