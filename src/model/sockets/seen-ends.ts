import type { SocketEvent } from '../../audit/audit-event.ts';
import { EINTR } from '../../audit/constants.ts';
import type { OnRecord } from '../../bpf/ring-reader.ts';
import { ERESTARTSYS, SOCKET_KINDS } from '../../bpf/socket-record.ts';
import { eventMs } from '../event-time.ts';
import { keyOf } from './descriptor-key.ts';
import type { FoundEnds } from './found-ends.ts';
import { isUnspecified } from './match-socket.ts';
import { type SeenSocket, SeenSockets, seesAllCalls } from './seen-sockets.ts';

export interface SeenEndsCounters {
  /** Events whose ends were told. */
  found: number;
  /** Records that the kernel could not keep, because the ring buffer was full. */
  lost: number;
}

/** A connection that this program made to itself, to see whether it is told exactly. Its event is nobody's business. */
export interface OwnConnection {
  /** In the first pid namespace. */
  readonly pid: number;
  readonly localPort: number;
  readonly remotePort: number;
  /** Milliseconds since the epoch. */
  readonly madeMs: number;
}

export interface SeenEndsOptions {
  /** Reads what the programs have told. */
  readonly drain: (onRecord: OnRecord) => void;
  /** The records that were lost so far. */
  readonly losses: () => number;
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number;
  /** Milliseconds of a monotonic clock. */
  readonly monotonicMs: () => number;
  readonly own?: OwnConnection | undefined;
  /** Gets every record before it is looked at: those of processes that audit cannot see have no event. */
  readonly onRecord?: OnRecord | undefined;
}

/**
 * Milliseconds after which all events are here that can compete for what a program has told. The kernel delivers an
 * event's records when its call returns, by a thread of its own.
 */
const HOLD_MS = 100;
/** Milliseconds by which the event of our own connection may differ from it. */
const OWN_MS = 5_000;
/** Milliseconds that a call without a record is remembered. */
const UNMATCHED_MS = 1_000;
/** Milliseconds that audit's clock, which ticks, may be behind. */
const CLOCK_MS = 20;

const KINDS: Readonly<Record<SocketEvent['action'], readonly number[]>> = {
  connect: [SOCKET_KINDS.connect, SOCKET_KINDS.connected],
  accept: [SOCKET_KINDS.accept],
  bind: [SOCKET_KINDS.bind],
  sendto: [],
};

/** Events with the same process, descriptor, kind of call and timestamp. */
interface Group {
  readonly name: string;
  readonly key: number;
  readonly stampMs: number;
  readonly action: SocketEvent['action'];
  /** Places in the batch. */
  readonly places: number[];
  /** Whether a later call with the descriptor is there: then no more of this group can come. */
  isOver: boolean;
}

/** A finding that is reported when it is certain. */
interface Held {
  readonly group: string;
  readonly seen: SeenSocket;
  readonly until: number;
  eid: number | undefined;
  isDoubtful: boolean;
}

/**
 * Completes socket events by what BPF programs have told about the same calls: also for connections that are long
 * closed.
 *
 * An event and a record belong together if they agree in process, descriptor, kind of call, audit's timestamp, result
 * and the other end. The timestamp is the same number in both: the programs read it where audit keeps it. It is as
 * coarse as the kernel's tick (1 to 10 ms), so that several calls can agree in all of this; then order decides. That
 * is right unless something is missing on one side. So nothing is told
 * - if there are more such events than records;
 * - for the time around a loss, of records or of events.
 *
 * Where only TCP connections are seen, a connect of another protocol has no record, and could take that of a TCP
 * connection that follows on the same descriptor to the same end (DNS does this); so could one that is still being made.
 * So a finding waits until an event that competes for it must be here, or a later call with the descriptor is.
 */
export class SeenEnds {
  readonly counters: SeenEndsCounters = { found: 0, lost: 0 };
  readonly #options: SeenEndsOptions;
  readonly #seen = new SeenSockets();
  readonly #lossesBefore: number;
  #gaps = 0;
  /** Calls that began before are not matched. */
  #doubtfulUntil = Number.NEGATIVE_INFINITY;
  /** Groups of calls of which one had no record, and when that was. */
  readonly #unmatched = new Map<string, number>();
  readonly #held = new Map<SocketEvent, Held>();

  constructor(options: SeenEndsOptions) {
    this.#options = options;
    this.#lossesBefore = options.losses();
    // What was told before was not kept.
    this.#doubt();
  }

  /** Reads what is there. To be called regularly also without events: programs tell about others, too. */
  drain(): void {
    const { drain, losses, wallMs, onRecord } = this.#options;
    drain((bytes, at, length) => {
      onRecord?.(bytes, at, length);
      this.#seen.add(bytes, at, length);
    });
    const lost = losses() - this.#lossesBefore;
    if (lost !== this.counters.lost) this.#doubt();
    this.counters.lost = lost;
    const now = wallMs();
    this.#seen.dropOld(now);
    for (const [group, at] of this.#unmatched) {
      if (now - at < UNMATCHED_MS && now >= at) break;
      this.#unmatched.delete(group);
    }
  }

  /**
   * Completes events in the order in which they came.
   *
   * @param gaps events of audit that were lost so far
   * @returns the events, without our own; those that nothing is known about are the same
   */
  complete(all: readonly SocketEvent[], gaps: number): readonly SocketEvent[] {
    this.drain();
    if (gaps !== this.#gaps) this.#doubt();
    this.#gaps = gaps;
    const events = all.filter(event => !this.#isOwn(event));
    const completed = [...events];
    for (const group of groupsOf(events)) {
      const found = this.#match(group, events);
      if (found === undefined) continue;
      for (const [i, place] of group.places.entries())
        completed[place] = this.#tell(group, events[place]!, found[i]!);
    }
    return completed;
  }

  /** @returns whether the ends of an event whose row has a number will be reported by `take`, if it becomes certain */
  hold(event: SocketEvent, eid: number): boolean {
    const held = this.#held.get(event);
    if (held === undefined) return false;
    held.eid = eid;
    return true;
  }

  /** The findings that have become certain. */
  take(): FoundEnds[] {
    if (this.#held.size === 0) return [];
    const now = this.#options.monotonicMs();
    const ends: FoundEnds[] = [];
    for (const [event, { isDoubtful, until, eid, seen }] of this.#held) {
      if (!isDoubtful && now < until) continue;
      this.#held.delete(event);
      if (isDoubtful || eid === undefined) continue;
      this.counters.found++;
      ends.push({ eid, ...endsOf(event, seen) });
    }
    return ends;
  }

  /** Milliseconds until `take` has something; undefined if it has nothing. */
  get waitMs(): number | undefined {
    return this.#held.size > 0 ? HOLD_MS / 2 : undefined;
  }

  #isOwn({ pid, action, remote, seconds }: SocketEvent): boolean {
    const { own } = this.#options;
    if (own === undefined || pid !== own.pid || action !== 'connect') return false;
    return remote?.port === own.remotePort && Math.abs(seconds * 1000 - own.madeMs) < OWN_MS;
  }

  #doubt(): void {
    this.#doubtfulUntil = this.#options.wallMs() + CLOCK_MS;
    this.#seen.clear();
    for (const held of this.#held.values()) held.isDoubtful = true;
  }

  /** The records of a group's events, in their order; undefined if they are not certain. */
  #match(group: Group, events: readonly SocketEvent[]): readonly SeenSocket[] | undefined {
    if (group.stampMs <= this.#doubtfulUntil) return undefined;
    const { name } = group;
    const candidates = this.#seen.find(group.key, group.stampMs, KINDS[group.action]);
    // Only connects are always seen.
    if (candidates.length === 0 && group.action !== 'connect') return undefined;
    const isAmbiguous = candidates.length < group.places.length || this.#unmatched.has(name);
    if (!isAmbiguous) {
      const taken = candidates.slice(0, group.places.length);
      this.#seen.take(group.key, taken);
      if (group.places.every((place, i) => belongs(events[place]!, taken[i]!))) return taken;
    }
    this.#unmatched.set(name, this.#options.wallMs());
    for (const held of this.#held.values()) if (held.group === name) held.isDoubtful = true;
    return undefined;
  }

  #tell(group: Group, event: SocketEvent, seen: SeenSocket): SocketEvent {
    if (group.isOver || seesAllCalls(seen)) {
      this.counters.found++;
      return completedBy(event, seen);
    }
    const until = this.#options.monotonicMs() + HOLD_MS;
    this.#held.set(event, { group: group.name, seen, until, eid: undefined, isDoubtful: false });
    return event;
  }
}

const nameOf = ({ key, stampMs, action }: Pick<Group, 'key' | 'stampMs' | 'action'>): string =>
  `${key} ${stampMs} ${action}`;

/** The descriptor of the connection, or of the bound socket. */
const descriptorOf = ({ action, fd, exit }: SocketEvent): number | undefined =>
  action === 'accept' ? exit : fd;

/** Groups of events whose calls may have been seen. */
const groupsOf = (events: readonly SocketEvent[]): Iterable<Group> => {
  const groups = new Map<string, Group>();
  const last = new Map<number, Group>();
  for (const [place, event] of events.entries()) {
    const fd = descriptorOf(event);
    if (fd === undefined || fd < 0 || event.exit === undefined || event.socket !== undefined) continue;
    if (event.outcome !== 'succeeded' && event.outcome !== 'in_progress') continue;
    const { action } = event;
    const group = { key: keyOf({ pid: event.pid, fd }), stampMs: eventMs(event), action };
    const name = nameOf(group);
    const known = groups.get(name);
    if (known !== undefined) {
      known.places.push(place);
      continue;
    }
    const made = { ...group, name, places: [place], isOver: false };
    groups.set(name, made);
    const before = last.get(group.key);
    if (before !== undefined && before.stampMs < made.stampMs) before.isOver = true;
    last.set(group.key, made);
  }
  return groups.values();
};

/** Whether nothing that both tell is against it. */
const belongs = (event: SocketEvent, seen: SeenSocket): boolean => {
  const { action, exit, remote, local } = event;
  if (seen.localPort === 0) return false;
  if (action === 'bind') return exit === 0 && (local?.port === 0 || local?.port === seen.localPort);
  if (seesAllCalls(seen) && action === 'connect') {
    if (exit !== seen.result && !(exit === -EINTR && seen.result === -ERESTARTSYS)) return false;
  }
  if (remote === undefined) return action === 'accept';
  if (remote.port !== seen.remotePort) return false;
  if (remote.address === seen.remoteAddress) return true;
  // A connect to no address reaches this host. A program in the kernel that acts as a load balancer has replaced another one.
  return action === 'connect' && (seesAllCalls(seen) || isUnspecified(remote.address));
};

const completedBy = (event: SocketEvent, seen: SeenSocket): SocketEvent => ({
  ...event,
  family: event.family ?? seen.family,
  protocol: seen.protocol,
  local: {
    address: event.action === 'bind' ? event.local!.address : seen.localAddress,
    port: seen.localPort,
  },
  remote:
    event.remote ??
    (event.action === 'accept' ? { address: seen.remoteAddress, port: seen.remotePort } : undefined),
});

const endsOf = (event: SocketEvent, seen: SeenSocket): Omit<FoundEnds, 'eid'> => {
  const { family, protocol, local, remote } = completedBy(event, seen);
  return {
    family: event.family === undefined ? family : undefined,
    protocol: protocol!,
    localAddress: event.action === 'bind' ? undefined : local!.address,
    localPort: local!.port,
    remoteAddress: event.remote === undefined ? remote?.address : undefined,
    remotePort: event.remote === undefined ? remote?.port : undefined,
  };
};
