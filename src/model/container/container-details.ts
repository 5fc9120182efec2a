import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { Container, ContainerRuntime } from './container-id.ts';

/** What a runtime knows about a container. */
export interface ContainerDetails {
  readonly name: string | undefined;
  /** The name that was asked for: `docker.io/library/nginx:1.27`. */
  readonly image: string | undefined;
  /** Of the image's manifest: `sha256:…`. */
  readonly imageDigest: string | undefined;
  readonly podName: string | undefined;
  readonly podNamespace: string | undefined;
}

export interface ContainerRequest {
  readonly id: string;
  readonly runtime: ContainerRuntime | undefined;
}

/** Most containers that are remembered; the least recently used is dropped first. */
const MAX_CONTAINERS = 1_024;
/** Milliseconds after which a container is asked for again if nothing was found, and how often. */
const AGAIN_MS = 2_000;
const MAX_TRIES = 5;

/** undefined if it is not asked. */
export type AskContainer = (request: ContainerRequest) => Promise<ContainerDetails | undefined> | undefined;

interface Remembered {
  readonly details: ContainerDetails | undefined;
  readonly tries: number;
  readonly askedAt: number;
}

/**
 * What runtimes know about containers. Each is asked for once, because the answer does not change while a container
 * exists.
 */
export class KnownContainers {
  readonly #clock: Clock;
  readonly #ask: AskContainer;
  readonly #askSocket: AskContainer;
  readonly #known = new LRUCache<string, Remembered>({ max: MAX_CONTAINERS });
  readonly #asking = new Map<string, Promise<ContainerDetails | undefined>>();

  /** @param askSocket is called if the files are incomplete; nobody waits for its answer, which later requests get */
  constructor(clock: Clock, ask: AskContainer, askSocket: AskContainer = () => undefined) {
    this.#clock = clock;
    this.#ask = ask;
    this.#askSocket = askSocket;
  }

  find({ id, runtime }: Container): ContainerDetails | undefined | Promise<ContainerDetails | undefined> {
    const known = this.#known.get(id);
    const now = this.#clock.monotonicMs();
    if (known !== undefined) {
      const isOver = known.details !== undefined || known.tries >= MAX_TRIES;
      // A runtime may write its files after the first program has started.
      if (isOver || now - known.askedAt < AGAIN_MS) return known.details;
    }
    const asking = this.#asking.get(id);
    if (asking !== undefined) return asking;
    const asked = this.#ask({ id, runtime });
    if (asked === undefined) return undefined;
    const answer = asked
      .then(details => {
        this.#known.set(id, { details, tries: (known?.tries ?? 0) + 1, askedAt: now });
        if (details?.image === undefined || details.imageDigest === undefined)
          void this.#askSocket({ id, runtime })?.then(more => this.#add(id, more));
        return details;
      })
      .finally(() => this.#asking.delete(id));
    this.#asking.set(id, answer);
    return answer;
  }
  #add(id: string, more: ContainerDetails | undefined): void {
    const known = this.#known.get(id);
    if (more === undefined || known === undefined) return;
    const before = known.details;
    this.#known.set(id, {
      ...known,
      details: {
        name: before?.name ?? more.name,
        image: before?.image ?? more.image,
        imageDigest: before?.imageDigest ?? more.imageDigest,
        podName: before?.podName ?? more.podName,
        podNamespace: before?.podNamespace ?? more.podNamespace,
      },
    });
  }
}
