import { setTimeout as sleep } from 'node:timers/promises';
import { ExtensionManagerClient } from '../client/extension-manager-client.ts';
import { debug } from '../diagnostics.ts';
import type { QueryExecution } from './query-cursors.ts';
import { RunningQuery, readingQuery, type TableRead } from './running-query.ts';
import { Schedule } from './schedule.ts';

/** Core's flags for event tables, with the defaults of osquery 5.23. */
export interface EventFlags {
  /** `events_optimize`: a scheduled query gets each row once. */
  readonly optimize: boolean;
  /** `events_expiry`, in seconds. */
  readonly expiry: number;
  /** `events_max`; osquery's own tables count batches of events, ours count rows. */
  readonly max: number;
}

export const DEFAULT_FLAGS: EventFlags = { optimize: true, expiry: 3600, max: 50_000 };

/** Milliseconds between two looks at core, as in its own `extensions_interval`. */
const LOOK_MS = 3_000;
/** The same, until the first look succeeds. */
const FIRST_LOOK_MS = 200;

/** What the event tables of one extension know about their core, as of the last look at it. Shared by all of them. */
export class EventCore {
  static readonly #ofClients = new WeakMap<ExtensionManagerClient, EventCore>();
  readonly #main: ExtensionManagerClient;
  /**
   * Separate connections: a look at the schedule waits for the queries of a tick, and those wait for the answers to
   * the other questions here.
   */
  readonly #database: ExtensionManagerClient;
  readonly #scheduleClient: ExtensionManagerClient;
  readonly #running: RunningQuery;
  readonly schedule: Schedule;
  readonly #followers = new Set<(look: number) => void>();
  readonly #stop = new AbortController();
  #following: Promise<void> | undefined;
  #flags = DEFAULT_FLAGS;

  /** The one of an extension, by its client of core. */
  static of(client: ExtensionManagerClient): EventCore {
    let core = EventCore.#ofClients.get(client);
    if (core === undefined) {
      core = new EventCore(client);
      EventCore.#ofClients.set(client, core);
    }
    return core;
  }

  private constructor(client: ExtensionManagerClient) {
    const { socketPath } = client;
    this.#main = client;
    this.#database = new ExtensionManagerClient({ socketPath });
    this.#scheduleClient = new ExtensionManagerClient({ socketPath });
    this.#running = new RunningQuery(this.#database);
    this.schedule = new Schedule(this.#scheduleClient);
  }

  get flags(): EventFlags {
    return this.#flags;
  }

  /** The scheduled query that a read belongs to; undefined for any other. */
  execution(read: TableRead): Promise<QueryExecution | undefined> {
    return readingQuery(read, { client: this.#database, running: this.#running, schedule: this.schedule });
  }

  /**
   * Looks at core at an interval, and reports each look.
   *
   * @param follower receives the number of the look, once the schedule is known
   * @returns a function that ends it
   */
  follow(follower: (look: number) => void): () => Promise<void> {
    this.#followers.add(follower);
    this.#following ??= this.#look();
    return async () => {
      this.#followers.delete(follower);
      if (this.#followers.size === 0) await this.#close();
    };
  }

  async #close(): Promise<void> {
    EventCore.#ofClients.delete(this.#main);
    this.#stop.abort();
    await Promise.all([this.#database.close(), this.#scheduleClient.close()]);
    await this.#following;
  }

  async #look(): Promise<void> {
    const { signal } = this.#stop;
    let pauseMs = FIRST_LOOK_MS;
    while (!signal.aborted) {
      try {
        await this.#lookOnce(signal);
        pauseMs = LOOK_MS;
      } catch (error) {
        // The watch over core judges failures; here the last state stays.
        debug('event tables: no look at core: %s', error);
      }
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #lookOnce(signal: AbortSignal): Promise<void> {
    const options = await this.#main.options({ signal });
    const value = (name: string): string | undefined => options.get(name)?.value;
    this.#flags = {
      optimize: (value('events_optimize') ?? 'true') === 'true',
      expiry: count(value('events_expiry'), DEFAULT_FLAGS.expiry),
      max: count(value('events_max'), DEFAULT_FLAGS.max),
    };
    const look = await this.schedule.refresh(signal);
    if (this.schedule.isKnown) for (const follower of this.#followers) follower(look);
  }
}

const count = (text: string | undefined, otherwise: number): number => {
  const value = Number(text);
  return text !== undefined && text !== '' && Number.isSafeInteger(value) && value >= 0 ? value : otherwise;
};
