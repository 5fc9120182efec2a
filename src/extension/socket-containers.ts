import type { SocketProcesses } from '../ingest/ingest-messages.ts';
import type { ContainerDetails } from '../model/container/container-details.ts';
import type { Container } from '../model/container/container-id.ts';
import type { LiveServices } from '../model/services.ts';

/** Takes values in the order of socketContainerExtras. */
export type TakeContainer = (eid: number, values: readonly (string | undefined)[]) => void;

/** Milliseconds before the second try for a process that is gone: its exec event waits until the times of the executed file are known. */
const AGAIN_MS = 300;
/** How many numbers each row has in SocketProcesses, and how many rows wait at most. */
const WIDTH = 3;
const MAX_WAITING = 8_192;

/** Finds the container of the process of each row of socket_events. */
export class SocketContainers {
  readonly #services: Pick<LiveServices, 'processContainers' | 'containers' | 'connector'>;
  readonly #take: TakeContainer;
  #waiting: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    services: Pick<LiveServices, 'processContainers' | 'containers' | 'connector'>,
    take: TakeContainer,
  ) {
    this.#services = services;
    this.#take = take;
  }

  offer(sockets: SocketProcesses): void {
    // Only the connector reports a process that was just made and has not executed anything.
    this.#services.connector.drain?.();
    for (let at = 0; at < sockets.length; at += WIDTH) {
      const eid = sockets[at]!;
      const pid = sockets[at + 1]!;
      const ms = sockets[at + 2]!;
      const container = this.#services.processContainers.ownOf(pid, ms);
      if (container !== undefined) this.#tell(eid, container);
      else if (this.#waiting.length < WIDTH * MAX_WAITING) this.#waiting.push(eid, pid, ms);
    }
    if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => this.#lookAgain(), AGAIN_MS).unref();
  }

  #lookAgain(): void {
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let at = 0; at < waiting.length; at += WIDTH) {
      this.#tell(
        waiting[at]!,
        this.#services.processContainers.of(waiting[at + 1]!, waiting[at + 2]!) ?? null,
      );
    }
  }

  #tell(eid: number, container: Container | null): void {
    if (container === null) return;
    const found = this.#services.containers.find(container);
    const tell = (details: ContainerDetails | undefined): void =>
      this.#take(eid, [
        container.id,
        container.runtime,
        details?.name,
        details?.image,
        details?.imageDigest,
        container.podUid,
        details?.podName,
        details?.podNamespace,
      ]);
    if (found instanceof Promise) void found.then(tell);
    else tell(found);
  }

  /** Tries once more for waiting rows, and ends. May be called any number of times. */
  close(): void {
    clearTimeout(this.#timer);
    this.#lookAgain();
  }
}
