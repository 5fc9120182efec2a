import { AF_INET, AF_INET6 } from '../audit/sockaddr.ts';
import type { ConnectedSocket } from '../model/sockets/connected-socket.ts';

/** Numbers of one socket: its row's, pid, descriptor, family, port. */
const WIDTH = 5;

/** Sockets and the numbers of their rows of socket_events; sent between threads by transfer. */
export type ConnectedBatch = Float64Array<ArrayBuffer>;

/** More than any descriptor: NR_OPEN is at most 2^30, a pid below 2^22. */
const DESCRIPTORS = 2 ** 30;

/**
 * Gathers the sockets that wait to be sent. Of those that were connected by one descriptor, the last one: which socket it
 * was before, nobody can tell from it any more.
 */
export class ConnectedBatchWriter {
  readonly #limit: number;
  #numbers: number[] = [];
  /** Where in the numbers a descriptor's socket stands. */
  readonly #places = new Map<number, number>();
  /** Sockets left out of the batch because it was full. */
  refused = 0;
  /** Sockets left out because their descriptor was connected once more. */
  replaced = 0;

  /** @param limit sockets of a batch */
  constructor(limit: number) {
    this.#limit = limit;
  }

  append(eid: number, { pid, fd, family, remotePort }: ConnectedSocket): void {
    const descriptor = pid * DESCRIPTORS + fd;
    const place = this.#places.get(descriptor);
    const numbers = this.#numbers;
    if (place !== undefined) {
      this.replaced++;
      numbers[place] = eid;
      numbers[place + 3] = family;
      numbers[place + 4] = remotePort;
    } else if (numbers.length >= this.#limit * WIDTH) {
      this.refused++;
    } else {
      this.#places.set(descriptor, numbers.length);
      numbers.push(eid, pid, fd, family, remotePort);
    }
  }

  /** Hands over what was added since the last time; undefined if nothing was. */
  take(): ConnectedBatch | undefined {
    if (this.#numbers.length === 0) return undefined;
    const batch = Float64Array.from(this.#numbers);
    this.#numbers = [];
    this.#places.clear();
    return batch;
  }
}

/**
 * @param visit returns false to leave it at that
 * @returns sockets that were not visited
 */
export const forEachConnected = (
  batch: ConnectedBatch,
  visit: (eid: number, socket: ConnectedSocket) => boolean,
): number => {
  let at = 0;
  for (; at + WIDTH <= batch.length; at += WIDTH) {
    const family = batch[at + 3] === AF_INET6 ? AF_INET6 : AF_INET;
    const socket: ConnectedSocket = {
      pid: batch[at + 1]!,
      fd: batch[at + 2]!,
      family,
      remotePort: batch[at + 4]!,
    };
    if (!visit(batch[at]!, socket)) return (batch.length - at) / WIDTH - 1;
  }
  return 0;
};
