import { AF_INET } from '../../audit/sockaddr.ts';
import { keepNewest } from '../keep-newest.ts';
import type { ProcfsReader } from '../procfs/reader.ts';
import { parseNamespace } from '../procfs/values.ts';
import { IPPROTO_TCP, type ListedSocket } from './listed-socket.ts';
import { parseProcNet, parseProcNetUnix } from './proc-net.ts';
import { BOUND_STATES, CLOSED_TOO_STATES, CONNECTED_STATES, type SocketId } from './sock-diag.ts';
import type { SocketLister } from './socket-diag.ts';

/** Milliseconds for which a process counts as being in the network namespace where it was seen. */
const FRESH_MS = 1_000;
/** Most processes and namespaces that are remembered. */
const MAX_PIDS = 4_096;
const MAX_NAMESPACES = 1_024;
/** Processes of a namespace that are remembered: one of them may live when the process in question has ended. */
const MAX_PIDS_OF_NAMESPACE = 4;

/** Most other sockets that come with a listing of one port. */
const MAX_OTHERS = 1_024;

/** A network namespace, and processes in it. */
export interface NetworkNamespace {
  /** Inode number. */
  readonly id: number;
  /** Processes that were seen in it, the latest last. */
  readonly pids: readonly number[];
}

export interface ListRequest {
  readonly namespace: NetworkNamespace;
  readonly family: number;
  readonly protocol: number;
  /** Sockets with another end, or those with only their own. */
  readonly kind: 'connected' | 'bound';
  /** Common to all of them; 0 if they differ. */
  readonly remotePort: number;
  readonly inodes: ReadonlySet<number>;
}

/**
 * Lists sockets of any network namespace: ours by sock_diag, which knows most and costs least; others by
 * `/proc/PID/net` of a process in them. An inode is unique across namespaces, so for a process that has moved to
 * another namespace nothing is found, and never somebody else's socket.
 */
export class SocketLists {
  readonly #procfs: ProcfsReader;
  readonly #lister: SocketLister | undefined;
  readonly #own: number | undefined;
  readonly #namespaces = new Map<number, { id: number; pids: number[] }>();
  readonly #byPid = new Map<number, { readonly namespace: NetworkNamespace; readonly until: number }>();

  /** @param lister undefined if there is no sock_diag: then our own namespace is read like the others */
  constructor(procfs: ProcfsReader, lister: SocketLister | undefined) {
    this.#procfs = procfs;
    this.#lister = lister;
    this.#own = lister === undefined ? undefined : this.#read('self');
  }

  /**
   * The network namespace of a process; undefined if it is gone.
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
   * The requested sockets. For connections to one port, which the kernel can search for, also some others to it,
   * including closed ones.
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
