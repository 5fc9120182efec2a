import type { SocketAddress, SocketEvent } from '../../audit/audit-event.ts';
import { AF_INET, AF_INET6 } from '../../audit/sockaddr.ts';
import { keepNewest } from '../keep-newest.ts';
import type { ProcfsReader } from '../procfs/reader.ts';
import { TokenBucket } from '../token-bucket.ts';
import { type Asked, DescriptorUsers, HOLD_MS } from './descriptor-users.ts';
import type { FoundEnds } from './found-ends.ts';
import { KnownConnections } from './known-connections.ts';
import { IPPROTO_TCP, IPPROTO_UDP, type ListedSocket } from './listed-socket.ts';
import { isNamelessAccept, type Listener, ListeningSockets } from './listening-sockets.ts';
import { isUnspecified, matchSocket } from './match-socket.ts';
import { RecentRate } from './recent-rate.ts';
import type { SeenEnds } from './seen-ends.ts';
import type { DiagSocket } from './sock-diag.ts';
import type { NetworkNamespace, SocketLists } from './socket-lists.ts';
import { questionOf, type SocketQuestion, socketQuestion } from './socket-question.ts';

export interface SocketEndsLimits {
  /** Events per second up to which each is looked at as it comes. */
  readonly maxPromptPerSecond: number;
  /** Above that rate: looks per second, … */
  readonly maxLooksPerSecond: number;
  /** … which are saved up for this long and used together: one listing answers them all. */
  readonly saveLooksMs: number;
  /**
   * Milliseconds of CPU per second for listing sockets: a listing walks through the whole table, however few are
   * asked for.
   */
  readonly listingMsPerSecond: number;
  /** Most sockets that wait to be listed; further ones are not looked at. */
  readonly maxWaiting: number;
}

export const SOCKET_ENDS_LIMITS: SocketEndsLimits = {
  maxPromptPerSecond: 2_000,
  maxLooksPerSecond: 250,
  saveLooksMs: 200,
  listingMsPerSecond: 100,
  maxWaiting: 1_024,
};

export interface SocketEndsCounters {
  found: number;
  /** The descriptor or the socket was gone, or may be another one by now. */
  gone: number;
  /** Not looked at because there were too many. */
  refused: number;
  /** Questions that the kernel refused or did not answer. */
  failed: number;
}

type Found = Omit<FoundEnds, 'eid'>;

interface Look extends Asked<Found> {
  readonly namespace: NetworkNamespace | undefined;
  readonly listener: Listener | undefined;
  /** How often it was missing in a listing. */
  misses: number;
}
type OpenLook = { -readonly [Key in keyof Look]: Look[Key] };

/**
 * Milliseconds between two listings for a bound socket that is in none yet: before Linux 6.8 it appears when it
 * listens.
 */
const BOUND_AGAIN_MS = [20, 200] as const;
/** Descriptors whose bound address is remembered. */
const MAX_BOUND = 4_096;
/** Milliseconds that a socket waits to be listed. */
const MAX_WAIT_MS = 1_000;
/** O_NONBLOCK in the flags of /proc/PID/fdinfo, which are octal. */
const NONBLOCK = 0o4000;
/** Milliseconds for which events count as coming. */
const RECENT_MS = 1_000;
const DESCRIPTORS = 2 ** 30;

/**
 * Finds what audit does not record about sockets: the ends and the protocol of a connection, and the port that the
 * kernel chose. The descriptor leads to the socket's inode, at once while it exists; the kernel then tells the ends
 * of that socket. For reused descriptors see DescriptorUsers.
 *
 * It never waits, and runs in the thread that reads events: only there a connection of a millisecond can still be
 * seen. It reads only procfs and sock_diag.
 */
export class SocketEnds {
  readonly counters: SocketEndsCounters = { found: 0, gone: 0, refused: 0, failed: 0 };
  readonly #procfs: ProcfsReader;
  readonly #lists: SocketLists;
  readonly #now: () => number;
  readonly #wallMs: () => number;
  readonly #cpuMs: () => number;
  readonly #limits: SocketEndsLimits;
  readonly #listeners: ListeningSockets;
  readonly #connections = new KnownConnections();
  readonly #users = new DescriptorUsers<Found>();
  readonly #rate: RecentRate;
  readonly #saved: TokenBucket;
  readonly #listing: TokenBucket;
  /** Looks that were not made yet, … */
  #new: OpenLook[] = [];
  /** … looks whose socket is to be listed, … */
  #unlisted: OpenLook[] = [];
  /** … and answered ones that are not certain yet. */
  #held: OpenLook[] = [];
  /** Listening descriptors, and the addresses they were bound to. */
  readonly #bound = new Map<
    number,
    { readonly local: SocketAddress; readonly family: number; readonly stampMs: number }
  >();
  #seenAt = Number.NEGATIVE_INFINITY;
  /** What BPF programs tell; undefined if there are none. */
  #seenEnds: SeenEnds | undefined;
  #listAgainAt = Number.POSITIVE_INFINITY;

  constructor(options: {
    readonly procfs: ProcfsReader;
    readonly lists: SocketLists;
    /** Milliseconds of a monotonic clock, and since the epoch. */
    readonly now: () => number;
    readonly wallMs: () => number;
    /** Milliseconds of CPU that this thread has used. */
    readonly cpuMs: () => number;
    readonly limits?: Partial<SocketEndsLimits>;
  }) {
    this.#procfs = options.procfs;
    this.#lists = options.lists;
    this.#now = options.now;
    this.#wallMs = options.wallMs;
    this.#cpuMs = options.cpuMs;
    this.#limits = { ...SOCKET_ENDS_LIMITS, ...options.limits };
    const { maxPromptPerSecond, maxLooksPerSecond, saveLooksMs, listingMsPerSecond } = this.#limits;
    this.#listeners = new ListeningSockets(this.#lists);
    this.#rate = new RecentRate(maxPromptPerSecond);
    this.#saved = new TokenBucket(maxLooksPerSecond, this.#now, saveLooksMs);
    this.#listing = new TokenBucket(listingMsPerSecond, this.#now);
  }

  /** Whether events come, and few enough to look at each as it comes. */
  get isPrompt(): boolean {
    return !this.#rate.isFlood && this.#now() - this.#seenAt < RECENT_MS;
  }

  /** Whether something waits for time to pass. */
  get isWaiting(): boolean {
    return this.#held.length > 0 || this.#unlisted.length > 0;
  }

  /** The family of an accept's socket if the event does not have it; undefined if it cannot be determined. */
  familyOfAccept(event: SocketEvent): number | undefined {
    if (!isNamelessAccept(event)) return undefined;
    const now = this.#now();
    return this.#guard(() => this.#listenerOf(event.pid, event.fd!, now)?.family);
  }

  /** From now on asks BPF programs first. */
  useSeen(seen: SeenEnds | undefined): void {
    this.#seenEnds = seen;
  }

  /** What BPF programs have told, and the kernel could not keep; undefined if there are none. */
  get seenCounters() {
    return this.#seenEnds?.counters;
  }

  /** See SeenEnds. */
  complete(events: readonly SocketEvent[], gaps: number): readonly SocketEvent[] {
    return this.#seenEnds?.complete(events, gaps) ?? events;
  }

  /** Takes an event whose row has a number. */
  see(event: SocketEvent, eid: number): void {
    this.#noteBind(event);
    if (event.protocol !== undefined || this.#seenEnds?.hold(event, eid)) {
      this.#overtake(event);
      return;
    }
    const question = socketQuestion(event);
    if (question === undefined) return;
    this.#seenAt = this.#now();
    this.#rate.count(this.#seenAt);
    const look: OpenLook = {
      eid,
      question,
      inode: undefined,
      lookedAt: undefined,
      lookedWallMs: 0,
      found: undefined,
      isDoubtful: false,
      fate: 'open',
      next: undefined,
      namespace: undefined,
      listener: undefined,
      misses: 0,
    };
    // Nobody can tell from the descriptor which socket it was before.
    const replaced = this.#users.add(look) as OpenLook | undefined;
    if (replaced?.fate === 'open') this.#lose(replaced, 'gone');
    this.#new.push(look);
  }

  /** The descriptor of an event that needs no look may have belonged to one that does. */
  #overtake(event: SocketEvent): void {
    const question = questionOf(event);
    const before = question && (this.#users.overtake(question) as OpenLook | undefined);
    if (before !== undefined) this.#lose(before, 'gone');
  }

  /** Makes the new looks, and lists what is to be listed, as far as allowed now. */
  look(): void {
    const now = this.#now();
    this.#seenEnds?.drain();
    if (this.#new.length > 0) this.#lookAtNew(now);
    if (this.#unlisted.length > 0) this.#list(now);
  }

  /** The findings that have become certain. */
  take(): FoundEnds[] {
    const ends = this.#seenEnds?.take() ?? [];
    if (this.#held.length === 0) return ends;
    const now = this.#now();
    this.#held = this.#held.filter(look => {
      const fate = look.fate === 'unknown' ? 'unknown' : this.#users.judge(look, now);
      if (fate === 'open') return true;
      this.#users.forget(look);
      const own = fate === 'sure' ? look.found : undefined;
      if (own !== undefined) this.counters.found++;
      else this.counters.gone++;
      const found = own ?? this.#ofListener(look);
      if (found !== undefined) ends.push({ eid: look.eid, ...found });
      return false;
    });
    return ends;
  }

  /** Milliseconds until there is something to do without another event; undefined if there is not. */
  get waitMs(): number | undefined {
    if (this.#unlisted.length > 0) return Math.max(1, Math.min(this.#listAgainAt - this.#now(), HOLD_MS));
    return this.#held.length > 0 ? HOLD_MS / 2 : this.#seenEnds?.waitMs;
  }

  #lookAtNew(now: number): void {
    const looks = this.#new;
    this.#new = [];
    for (const look of looks) {
      if (look.fate !== 'open') continue;
      const isBusy =
        this.#unlisted.length >= this.#limits.maxWaiting || (this.#rate.isFlood && !this.#saved.tryTake());
      if (isBusy) this.#lose(look, 'refused');
      else this.#lookAt(look, now);
    }
  }

  #lookAt(look: OpenLook, now: number): void {
    const { pid, fd, listener } = look.question;
    look.lookedAt = this.#now();
    look.lookedWallMs = Math.floor(this.#wallMs()) + 1;
    look.inode = parseSocketLink(this.#procfs.link(pid, `fd/${fd}`));
    look.namespace = this.#lists.namespaceOf(pid, now);
    if (listener !== undefined) look.listener = this.#guard(() => this.#listenerOf(pid, listener, now));
    if (look.inode === undefined || look.namespace === undefined) {
      this.#held.push(look);
      return;
    }
    if (this.#guess(look)) this.#held.push(look);
    else {
      this.#unlisted.push(look);
      this.#listAgainAt = Math.min(this.#listAgainAt, now);
    }
  }

  /** Asks for the ends that the connection has if it continues the previous ones. */
  #guess(look: OpenLook): boolean {
    const { question, namespace, listener, inode } = look;
    if (!this.#lists.isOwn(namespace!) || question.action === 'bind') return false;
    for (const id of this.#connections.guess(question, listener?.inode)) {
      const socket = this.#guard(() => this.#lists.exact(question.family!, IPPROTO_TCP, id));
      if (socket?.inode === inode) return this.#answer(look, socket!);
    }
    return false;
  }

  #list(now: number): void {
    if (now < this.#listAgainAt) return;
    if (this.#listing.wait > 0) {
      this.#listAgainAt = now + this.#listing.wait;
      return;
    }
    const looks = this.#unlisted;
    this.#unlisted = [];
    this.#listAgainAt = Number.POSITIVE_INFINITY;
    for (const group of groupsOf(looks)) {
      const before = this.#cpuMs();
      // If there is no time left, the rest waits for the next turn.
      if (this.#listing.wait > 0) {
        this.#wait(group, now);
        continue;
      }
      const left = this.#listGroup(group);
      this.#listing.take(this.#cpuMs() - before);
      for (const look of left) this.#missed(look, now);
    }
  }

  #wait(looks: readonly OpenLook[], now: number): void {
    for (const look of looks) {
      if (now - look.lookedAt! > MAX_WAIT_MS) this.#lose(look, 'refused');
      else this.#unlisted.push(look);
    }
    this.#listAgainAt = Math.min(this.#listAgainAt, now + this.#listing.wait);
  }

  /** @returns those that were in no list */
  #listGroup(group: readonly OpenLook[]): readonly OpenLook[] {
    const [{ question, namespace }] = group as readonly [OpenLook];
    const kind = question.action === 'bind' ? 'bound' : 'connected';
    let open = group;
    // The table of UDP sockets is the smaller one: if it has all of them, the other need not be walked through.
    const protocols = question.action === 'accept' ? [IPPROTO_TCP] : [IPPROTO_UDP, IPPROTO_TCP];
    for (const protocol of protocols) {
      if (open.length === 0) break;
      const ports = new Set(open.map(look => look.question.remote?.port ?? 0));
      const inodes = new Set(open.map(look => look.inode!));
      const sockets = this.#guard(() =>
        this.#lists.list({
          namespace: namespace!,
          family: familyOf(group[0]!),
          protocol,
          kind,
          // The kernel can search for one port; several mean all.
          remotePort: ports.size === 1 ? [...ports][0]! : 0,
          inodes,
        }),
      );
      const byInode = new Map(sockets?.map(socket => [socket.inode, socket]));
      const others = sockets?.filter(isDiagSocket) ?? [];
      open = open.filter(look => {
        const socket = byInode.get(look.inode!);
        if (socket === undefined) {
          if (protocol === IPPROTO_TCP) this.#connections.addOthers(look.question, others);
          return true;
        }
        if (this.#answer(look, socket) || look.question.action !== 'bind') {
          this.#held.push(look);
          return false;
        }
        return true;
      });
    }
    return open;
  }

  #missed(look: OpenLook, now: number): void {
    const again = look.question.action === 'bind' ? BOUND_AGAIN_MS[look.misses++] : undefined;
    if (again === undefined) {
      this.#held.push(look);
      return;
    }
    this.#unlisted.push(look);
    this.#listAgainAt = Math.min(this.#listAgainAt, now + again);
  }

  /** @returns whether the socket can be the one that is asked for */
  #answer(look: OpenLook, socket: ListedSocket | DiagSocket): boolean {
    const { question, listener } = look;
    const match = matchSocket(question, socket, listener?.local, () => this.#isNonBlocking(question));
    if (match === undefined) return false;
    look.isDoubtful = match === 'translated';
    const { family, protocol, local, remote } = socket;
    if (isDiagSocket(socket) && protocol === IPPROTO_TCP)
      this.#connections.add(question, listener?.inode, socket);
    const isBind = question.action === 'bind';
    const isNameless = !isBind && question.remote === undefined;
    look.found = {
      family: question.family === undefined ? family : undefined,
      protocol,
      localAddress: isBind ? undefined : local.address,
      localPort: local.port,
      remoteAddress: isNameless ? remote.address : undefined,
      remotePort: isNameless ? remote.port : undefined,
    };
    if (isBind) this.#keepPort(question, local.port);
    return true;
  }

  #isNonBlocking({ pid, fd }: SocketQuestion): boolean {
    const fdinfo = this.#procfs.read(pid, `fdinfo/${fd}`);
    const flags = fdinfo && /^flags:\s*([0-7]{1,12})$/m.exec(fdinfo.toString('latin1'));
    return flags != null && (Number.parseInt(flags[1]!, 8) & NONBLOCK) !== 0;
  }

  /**
   * What the listening socket tells about a connection that is gone: the port, and the address if it listens at only
   * one.
   */
  #ofListener({ question, listener }: OpenLook): Found | undefined {
    const local = listener?.local;
    if (question.action !== 'accept' || local === undefined) return undefined;
    // It was bound after the accept, so it is another one by now.
    const bound = this.#bound.get(question.pid * DESCRIPTORS + question.listener!);
    if (bound !== undefined && bound.stampMs > question.stampMs) return undefined;
    return {
      family: question.family === undefined ? listener!.family : undefined,
      protocol: IPPROTO_TCP,
      localAddress: isUnspecified(local.address) ? undefined : local.address,
      localPort: local.port,
      remoteAddress: undefined,
      remotePort: undefined,
    };
  }

  #noteBind({ action, outcome, pid, fd, family, local, seconds, milliseconds }: SocketEvent): void {
    if (action !== 'bind' || outcome !== 'succeeded' || fd === undefined || local === undefined) return;
    if (family !== AF_INET && family !== AF_INET6) return;
    const stampMs = seconds * 1000 + milliseconds;
    keepNewest(this.#bound, pid * DESCRIPTORS + fd, { local, family, stampMs }, MAX_BOUND);
  }

  #keepPort({ pid, fd }: SocketQuestion, port: number): void {
    const key = pid * DESCRIPTORS + fd;
    const bound = this.#bound.get(key);
    if (bound !== undefined) this.#bound.set(key, { ...bound, local: { ...bound.local, port } });
  }

  /** The listener behind a descriptor: from the socket itself or, if that is closed, from what it was bound to. */
  #listenerOf(pid: number, fd: number, now: number): Listener | undefined {
    const inode = parseSocketLink(this.#procfs.link(pid, `fd/${fd}`));
    const known = inode === undefined ? undefined : this.#listeners.known(inode);
    if (known !== undefined) return known;
    const namespace = this.#lists.namespaceOf(pid, now);
    if (inode !== undefined && namespace !== undefined && this.#listing.wait === 0) {
      const before = this.#cpuMs();
      const found = this.#listeners.find(namespace, inode);
      this.#listing.take(this.#cpuMs() - before);
      if (found !== undefined) return found;
    }
    const bound = this.#bound.get(pid * DESCRIPTORS + fd);
    return bound === undefined || bound.local.port === 0
      ? undefined
      : { inode: 0, family: bound.family, local: bound.local };
  }

  #guard<Result>(ask: () => Result): Result | undefined {
    try {
      return ask();
    } catch {
      this.counters.failed++;
      return undefined;
    }
  }

  #lose(look: OpenLook, why: 'gone' | 'refused'): void {
    look.fate = 'unknown';
    this.counters[why]++;
    this.#users.forget(look);
  }

  /** Drops everything that waits. May be called any number of times. */
  close(): void {
    this.#new = [];
    this.#unlisted = [];
    this.#held = [];
    this.#lists.close();
  }
}

const isDiagSocket = (socket: ListedSocket | DiagSocket): socket is DiagSocket => 'id' in socket;

const familyOf = ({ question, listener }: OpenLook): number =>
  question.family ?? listener?.family ?? AF_INET6;

/** Groups of looks that one listing answers. */
const groupsOf = (looks: readonly OpenLook[]): readonly (readonly OpenLook[])[] => [
  ...Map.groupBy(looks, look => `${look.namespace!.id} ${familyOf(look)} ${look.question.action}`).values(),
];

const parseSocketLink = (target: string | undefined): number | undefined => {
  const match = target === undefined ? null : /^socket:\[(\d{1,15})\]$/.exec(target);
  return match === null ? undefined : Number(match[1]);
};
