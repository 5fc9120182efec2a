import type { SocketAddress } from '../../audit/audit-event.ts';
import { AF_INET, AF_INET6 } from '../../audit/sockaddr.ts';
import type { Clock } from '../clock.ts';
import type { ProcfsReader } from '../procfs/reader.ts';
import { parseNamespace } from '../procfs/values.ts';
import { TokenBucket } from '../token-bucket.ts';
import type { ConnectedSocket } from './connected-socket.ts';
import type { SocketDumper } from './dump-sockets.ts';
import { type DiagSocket, IPPROTO_TCP, IPPROTO_UDP } from './sock-diag.ts';

export interface SocketLookupLimits {
  /** Sockets looked for per second, connected or not; each takes one or two looks into /proc. */
  readonly maxLooksPerSecond: number;
  /**
   * Where there are more, looks are saved up for so long and used together: one listing answers them all, which walks
   * through the kernel's whole table of connections however few of them are asked for.
   */
  readonly saveLooksMs: number;
  /** Connects that gather before the kernel's sockets are listed once for all of them. */
  readonly gatherMs: number;
  /** Listings per second; connects beyond them wait for the next one. */
  readonly maxDumpsPerSecond: number;
  /** Connects that wait; beyond them nothing is looked up. */
  readonly maxWaiting: number;
}

export const SOCKET_LOOKUP_LIMITS: SocketLookupLimits = {
  maxLooksPerSecond: 250,
  saveLooksMs: 200,
  gatherMs: 10,
  maxDumpsPerSecond: 40,
  maxWaiting: 1024,
};

export interface SocketLookupCounters {
  found: number;
  /** The descriptor or the socket was gone, or is of another network namespace. */
  gone: number;
  /** Not looked up because too many were waiting, or had been looked up within the second. */
  refused: number;
  /** Listings the kernel refused or did not finish. */
  failed: number;
}

/** What audit does not record of a connect. */
export interface LocalEnd {
  readonly local: SocketAddress;
  /** IPPROTO_TCP (6) or IPPROTO_UDP (17). */
  readonly protocol: number;
}

/** Nothing can be looked for now. */
export const BUSY = Symbol('busy');

export type Found = Promise<LocalEnd | undefined> | undefined | typeof BUSY;

interface Waiting {
  readonly family: number;
  readonly port: number;
  readonly inode: number;
  readonly done: (end: LocalEnd | undefined) => void;
}

/**
 * Finds the local end of connections: the descriptor names the socket's inode, and one listing of the kernel's sockets
 * answers all connections that gathered. Only sockets of our own network namespace can be found.
 */
export class SocketLookup {
  readonly counters: SocketLookupCounters = { found: 0, gone: 0, refused: 0, failed: 0 };
  readonly #procfs: ProcfsReader;
  readonly #clock: Clock;
  readonly #dumper: SocketDumper;
  readonly #limits: SocketLookupLimits;
  readonly #ownNamespace: number | undefined;
  /** Processes of what waits, seen in our own network namespace. */
  readonly #ownPids = new Set<number>();
  #waiting: Waiting[] = [];
  #cancelTimer: (() => void) | undefined;
  #running = false;
  readonly #looks: TokenBucket;
  readonly #dumps: TokenBucket;
  #closed = false;

  constructor(options: {
    readonly procfs: ProcfsReader;
    readonly clock: Clock;
    readonly dumper: SocketDumper;
    readonly limits?: Partial<SocketLookupLimits>;
  }) {
    this.#procfs = options.procfs;
    this.#clock = options.clock;
    this.#dumper = options.dumper;
    this.#limits = { ...SOCKET_LOOKUP_LIMITS, ...options.limits };
    this.#ownNamespace = this.#networkNamespace('self');
    const now = (): number => this.#clock.monotonicMs();
    this.#looks = new TokenBucket(this.#limits.maxLooksPerSecond, now, this.#limits.saveLooksMs);
    this.#dumps = new TokenBucket(this.#limits.maxDumpsPerSecond, now);
  }

  /** @returns undefined at once for a socket that is gone; BUSY if there is too much to do, for others as well */
  find({ pid, fd, family, remotePort }: ConnectedSocket): Found {
    if (this.#closed) return undefined;
    if (this.#waiting.length >= this.#limits.maxWaiting || !this.#looks.tryTake()) {
      this.counters.refused++;
      return BUSY;
    }
    // Now, while the descriptor is still that of the connection.
    const inode = parseSocketLink(this.#procfs.link(pid, `fd/${fd}`));
    if (inode === undefined || !this.#isInOwnNamespace(pid)) {
      this.counters.gone++;
      return undefined;
    }
    return new Promise(done => {
      this.#waiting.push({ family, port: remotePort, inode, done });
      this.#schedule();
    });
  }

  /**
   * Takes note of connects that cannot be looked for. Where they come in numbers, those that can are to wait for each other
   * all the more: a listing is not worth it for the few of each moment.
   */
  passOver(connects: number): void {
    this.#looks.takeAtMost(connects);
  }

  /** Lets go of what waits; it comes to undefined. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer?.();
    for (const { done } of this.#waiting.splice(0)) done(undefined);
    this.#dumper.close();
  }

  /** What is found in another namespace by now is not in the listing; it is asked for to save those of containers. */
  #isInOwnNamespace(pid: number): boolean {
    if (this.#ownPids.has(pid)) return true;
    const isOwn = this.#networkNamespace(pid) === this.#ownNamespace;
    if (isOwn) this.#ownPids.add(pid);
    return isOwn;
  }

  #networkNamespace(pid: number | 'self'): number | undefined {
    const target = this.#procfs.link(pid, 'ns/net');
    return target === undefined ? undefined : parseNamespace(target);
  }

  #schedule(): void {
    if (this.#running || this.#cancelTimer !== undefined || this.#waiting.length === 0 || this.#closed)
      return;
    const wait = Math.max(this.#limits.gatherMs, this.#dumps.wait);
    this.#cancelTimer = this.#clock.after(wait, () => {
      this.#cancelTimer = undefined;
      this.#running = true;
      void this.#answer().finally(() => {
        this.#running = false;
        this.#schedule();
      });
    });
  }

  async #answer(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    this.#ownPids.clear();
    for (const family of [AF_INET, AF_INET6]) {
      let open = batch.filter(one => one.family === family);
      // The table of UDP sockets is the smaller one: where it has them all the other need not be walked through.
      for (const protocol of [IPPROTO_UDP, IPPROTO_TCP]) {
        if (open.length > 0) open = await this.#answerFrom(open, family, protocol);
      }
      for (const { done } of open) {
        this.counters.gone++;
        done(undefined);
      }
    }
  }

  /** @returns those that were not found */
  async #answerFrom(open: readonly Waiting[], family: number, protocol: number): Promise<Waiting[]> {
    const ports = new Set(open.map(({ port }) => port));
    const [port] = ports;
    this.#dumps.take();
    let sockets: readonly DiagSocket[] = [];
    try {
      // The kernel can look for one port; more than one means all.
      const inodes = new Set(open.map(({ inode }) => inode));
      sockets = await this.#dumper.dump(family, protocol, ports.size === 1 ? port! : 0, inodes);
    } catch {
      this.counters.failed++;
    }
    const byInode = new Map(sockets.map(socket => [socket.inode, socket]));
    return open.filter(({ inode, done, port }) => {
      const socket = byInode.get(inode);
      // Connected elsewhere by now: its local end may be another as well.
      if (socket === undefined || socket.remote.port !== port || socket.local.port === 0) return true;
      this.counters.found++;
      done({ local: socket.local, protocol });
      return false;
    });
  }
}

const parseSocketLink = (target: string | undefined): number | undefined => {
  const match = target === undefined ? null : /^socket:\[(\d{1,15})\]$/.exec(target);
  return match === null ? undefined : Number(match[1]);
};
