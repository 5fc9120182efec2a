import { checkedDetails, isContainerId } from './checked-details.ts';
import type { ContainerDetails, ContainerRequest } from './container-details.ts';
import type { ContainerRuntime } from './container-id.ts';
import { ANSWER_MS, withGrpc } from './grpc-call.ts';
import type { RuntimeSocket } from './runtime-socket.ts';
import { containerdSocket } from './runtimes/containerd.ts';

/** Milliseconds without requests to a runtime that took too long, and to one that did not answer. */
const LATE_MS = 60_000;
const SILENT_MS = 1_000;

/** By runtime. To add one, write its file in runtimes/ and add its line here. */
const SOCKETS: Partial<Readonly<Record<ContainerRuntime, RuntimeSocket>>> = {
  containerd: containerdSocket,
  kubernetes: containerdSocket,
};

/**
 * Asks container runtimes on their sockets. Only the answer itself waits for a runtime. A runtime that does not exist, or did not
 * answer in time, is not asked for a while.
 */
export class RuntimeSockets {
  readonly #sockets: typeof SOCKETS;
  readonly #now: () => number;
  readonly #answerMs: number;
  readonly #restsUntil = new Map<string, number>();

  /** @param now milliseconds of a monotonic clock */
  constructor(now: () => number, sockets = SOCKETS, answerMs = ANSWER_MS) {
    this.#now = now;
    this.#sockets = sockets;
    this.#answerMs = answerMs;
  }

  async ask({ id, runtime }: ContainerRequest): Promise<ContainerDetails | undefined> {
    const socket = runtime && this.#sockets[runtime];
    if (socket === undefined || !isContainerId(id)) return undefined;
    if ((this.#restsUntil.get(socket.path) ?? 0) > this.#now()) return undefined;
    const found = await withGrpc(socket.path, call => socket.ask(id, call), this.#answerMs);
    if (found === 'late' || found === undefined)
      this.#restsUntil.set(socket.path, this.#now() + (found === 'late' ? LATE_MS : SILENT_MS));
    return found === 'late' || found === undefined ? undefined : checkedDetails(found);
  }
}
