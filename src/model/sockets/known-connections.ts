import { keepNewest } from '../keep-newest.ts';
import { type DiagSocket, type SocketId, withPort } from './sock-diag.ts';
import type { SocketQuestion } from './socket-question.ts';

/** Most places of connections' remote ends that are remembered. */
const MAX_PLACES = 1_024;
/** Between ports that the kernel assigns for connections to one place: every other one is for binds. */
const STEP = 2;
/**
 * Most steps between two ports that were assigned one after the other: since Linux 5.18 one to eight, each as likely as the others;
 * before, mostly one. Source: __inet_hash_connect in net/ipv4/inet_hashtables.c.
 */
const ROW_STEPS = 8;
/**
 * Ports to try. Some connections are gone before they are seen, so that a port can be several times eight steps away. Measured without
 * BPF on a busy host, for 19,136 connections that lived 20, 5 and 1 ms: 88 % were among the first eight, 5 % among the next eight, 1 %
 * among the other 16, and 2 % behind the one that was closed last. A question costs 5 µs, and a list, which the other 4 % need, 500 µs.
 */
const TRIES = 4 * ROW_STEPS;
const MAX_PORT = 0xffff;

/** Connections to one place that the next may follow, if it is not known which was the last. */
const MAX_SEEDS = 4;

/**
 * Guesses the ends of a connection: those of the previous one to the same place, with the next port; or from the same
 * place. Asking for one socket costs a hundredth of listing all, and the kernel's answer counts only if it has the
 * descriptor's inode.
 */
export class KnownConnections {
  readonly #places = new Map<string, readonly SocketId[]>();

  /** Ends to ask for, the likeliest first. */
  guess(question: SocketQuestion, listener: number | undefined): readonly SocketId[] {
    const key = placeOf(question, listener);
    const known = key === undefined ? undefined : this.#places.get(key);
    if (known === undefined) return [];
    if (question.action === 'accept') return known.map(id => withPort(id, 'remote', question.remote!.port));
    const guesses: SocketId[] = [];
    for (let i = 1; i <= TRIES / known.length; i++) {
      for (const id of known) {
        const port = portOf(id) + i * STEP;
        if (port <= MAX_PORT) guesses.push(withPort(id, 'local', port));
      }
    }
    return guesses;
  }

  /** Remembers a connection that was found. */
  add(question: SocketQuestion, listener: number | undefined, { id }: DiagSocket): void {
    const key = placeOf(question, listener);
    if (key !== undefined) keepNewest(this.#places, key, [id], MAX_PLACES);
  }

  /** Remembers what was listed instead of a connection that is gone: others to the same place, open or closed. */
  addOthers(question: SocketQuestion, listed: readonly DiagSocket[]): void {
    const { action, remote } = question;
    if (action !== 'connect' || remote === undefined) return;
    const others = listed.filter(
      socket => socket.remote.port === remote.port && socket.remote.address === remote.address,
    );
    const lastClosed = lastClosedOf(others);
    const seeds = lastClosed === undefined ? lastsOf(others) : [lastClosed.id];
    if (seeds.length > 0) keepNewest(this.#places, placeOf(question, undefined)!, seeds, MAX_PLACES);
  }
}

/** The connection that was closed last: the next one follows it. Of several at once it has the highest port. */
const lastClosedOf = (others: readonly DiagSocket[]): DiagSocket | undefined => {
  let last: DiagSocket | undefined;
  for (const other of others) {
    if (other.closedMs === undefined) continue;
    const later = other.closedMs - (last?.closedMs ?? -1);
    if (later > 0 || (later === 0 && other.local.port > last!.local.port)) last = other;
  }
  return last;
};

/** Where none was closed at this end, the last ports of their sequences: the next connection follows one of them. */
const lastsOf = (others: readonly DiagSocket[]): readonly SocketId[] => {
  const byPort = new Map(others.map(({ local, id }) => [local.port, id]));
  const lasts = [...byPort].filter(([port]) => {
    for (let i = 1; i <= ROW_STEPS; i++) if (byPort.has(port + i * STEP)) return false;
    return true;
  });
  return lasts.slice(-MAX_SEEDS).map(([, id]) => id);
};

const portOf = (id: SocketId): number => (id[0]! << 8) | id[1]!;

const placeOf = ({ action, family, remote }: SocketQuestion, listener: number | undefined) => {
  if (remote === undefined) return undefined;
  if (action === 'connect') return `${family} ${remote.address} ${remote.port}`;
  return listener === undefined ? undefined : `${listener} ${remote.address}`;
};
