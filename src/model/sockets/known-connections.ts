import { keepNewest } from '../keep-newest.ts';
import { type DiagSocket, type SocketId, withPort } from './sock-diag.ts';
import type { SocketQuestion } from './socket-question.ts';

/** Places that connections led to or came from, remembered. */
const MAX_PLACES = 1_024;
/**
 * Ports tried. The kernel gives connections to one place ports in steps of two, and leaves out up to seven of them once in
 * sixteen (__inet_hash_connect in net/ipv4/inet_hashtables.c); some connections are gone before they are seen.
 */
const TRIES = 32;
const STEP = 2;
/** Steps between two ports that were given one after the other, at most. */
const ROW_STEPS = 8;
const MAX_PORT = 0xffff;

/** Connections to one place that one of them may follow, where it is not known which was the last. */
const MAX_SEEDS = 4;

/**
 * Guesses by which ends a connection can be asked for: those of the one before it that led to the same place, with the next
 * port; or that came from the same one. Asking for one socket costs a hundredth of listing all, and what the kernel answers is
 * taken only if it has the inode that the descriptor is.
 */
export class KnownConnections {
  readonly #places = new Map<string, readonly SocketId[]>();

  /** Ends to be asked for, the likeliest first. */
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

  /** Takes note of a connection that was found. */
  add(question: SocketQuestion, listener: number | undefined, { id }: DiagSocket): void {
    const key = placeOf(question, listener);
    if (key !== undefined) keepNewest(this.#places, key, [id], MAX_PLACES);
  }

  /** Takes note of what was listed in the place of a connection that is gone: others to the same place, open or closed. */
  addOthers(question: SocketQuestion, listed: readonly DiagSocket[]): void {
    const { action, remote } = question;
    if (action !== 'connect' || remote === undefined) return;
    const byPort = new Map(
      listed
        .filter(socket => socket.remote.port === remote.port && socket.remote.address === remote.address)
        .map(({ local, id }) => [local.port, id]),
    );
    // The last ones of their rows: what comes next follows one of them.
    const lasts = [...byPort].filter(([port]) => {
      for (let i = 1; i <= ROW_STEPS; i++) if (byPort.has(port + i * STEP)) return false;
      return true;
    });
    if (lasts.length === 0) return;
    const seeds = lasts.slice(-MAX_SEEDS).map(([, id]) => id);
    keepNewest(this.#places, placeOf(question, undefined)!, seeds, MAX_PLACES);
  }
}

const portOf = (id: SocketId): number => (id[0]! << 8) | id[1]!;

const placeOf = ({ action, family, remote }: SocketQuestion, listener: number | undefined) => {
  if (remote === undefined) return undefined;
  if (action === 'connect') return `${family} ${remote.address} ${remote.port}`;
  return listener === undefined ? undefined : `${listener} ${remote.address}`;
};
