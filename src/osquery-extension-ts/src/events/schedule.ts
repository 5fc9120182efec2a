import type { ExtensionManagerClient } from '../client/extension-manager-client.ts';
import { unlessRefused } from '../errors.ts';
import { QUERIES } from './core-domains.ts';
import { mentionsOf } from './mentions-of.ts';
import type { TableReader } from './read-events.ts';

interface ScheduledQuery {
  readonly name: string;
  readonly sql: string;
  /** Seconds. */
  readonly interval: number;
}

/** Prefix of the names of the views of core's configuration. Source: osquery plugins/config/parsers/views.cpp. */
const VIEWS = 'config_views.';

/**
 * Milliseconds after the first look during which an empty schedule is not believed while core has no valid
 * configuration: it starts its extensions before it reads one, and a server may take seconds to send it.
 */
const CONFIG_MS = 10_000;

/**
 * Most milliseconds of a look: the queries of one tick. Giving up a look leaves a thread of core waiting
 * nevertheless, so few are given up.
 */
const LOOK_MS = 600_000;

/**
 * Core's scheduled queries, as of the last look.
 *
 * A look waits in core until all queries of one tick are done: `SELECT … FROM osquery_schedule` takes the lock that
 * the scheduler holds in the meantime. So it needs a separate connection, and no generate may wait for it: the
 * scheduler is waiting for that generate. Questions of a generate are answered from what is known.
 */
export class Schedule {
  readonly #client: ExtensionManagerClient;
  /** undefined while core does not tell: --disable_tables and --enable_tables can hide its own tables, too. */
  #queries: readonly ScheduledQuery[] | undefined;
  /** SQL by name. */
  #views: ReadonlyMap<string, string> = new Map();
  #looks = 0;
  /** Answers derived from the last look, by question: a join asks the same a thousand times. */
  readonly #memo = new Map<string, unknown>();
  #doubtUntil: number | undefined;
  readonly #now: () => number;

  /**
   * @param client whose connection may be blocked for as long as a tick takes
   * @param now milliseconds of a monotonic clock
   */
  constructor(client: ExtensionManagerClient, now = () => performance.now()) {
    this.#client = client;
    this.#now = now;
  }

  /**
   * Looks again. May take as long as the scheduled queries of a tick.
   *
   * @param signal gives it up
   * @returns number of this look: notes with a lower value of `looks` were made before it began
   * @throws OsqueryError if core does not answer
   */
  async refresh(signal?: AbortSignal): Promise<number> {
    const look = ++this.#looks;
    this.#doubtUntil ??= this.#now() + CONFIG_MS;
    const rows = await unlessRefused(
      this.#client.query('SELECT name, query, interval FROM osquery_schedule', {
        timeoutMs: LOOK_MS,
        ...(signal && { signal }),
      }),
    );
    if (rows?.length === 0 && (await this.#isTooEarly())) return look;
    const views = await this.#readViews();
    this.#queries = rows?.map(row => ({
      name: row.name ?? '',
      sql: row.query ?? '',
      interval: Number(row.interval) || 0,
    }));
    this.#views = views;
    this.#memo.clear();
    return look;
  }

  /** Whether core has not read its configuration yet. */
  async #isTooEarly(): Promise<boolean> {
    if (this.#queries !== undefined || this.#now() >= this.#doubtUntil!) return false;
    const info = await unlessRefused(this.#client.query('SELECT config_valid FROM osquery_info'));
    return info?.[0]?.config_valid === '0';
  }

  async #readViews(): Promise<ReadonlyMap<string, string>> {
    const { database } = this.#client;
    const keys = (await unlessRefused(database.scan(QUERIES, VIEWS))) ?? [];
    const views = await database.getAll(keys.map(key => [QUERIES, key] as const));
    return new Map(keys.map((key, index) => [key.slice(VIEWS.length), views[index] ?? '']));
  }

  get isKnown(): boolean {
    return this.#queries !== undefined;
  }

  /** Number of looks begun so far. */
  get looks(): number {
    return this.#looks;
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#queries?.map(({ name }) => name));
  }

  /**
   * Whether a scheduled query, as it is known here, can be the reader of some columns of a table: it names the table,
   * or a view of it, and leaves out none of the columns. It may have been added or changed since the last look.
   *
   * @param columns undefined: any
   */
  canRead(query: string, tableNames: readonly string[], columns: ReadonlySet<string> | undefined): boolean {
    const key = JSON.stringify([query, tableNames, columns && [...columns]]);
    return this.#remembered(key, () => this.#canRead(query, tableNames, columns));
  }

  #canRead(query: string, tableNames: readonly string[], columns: ReadonlySet<string> | undefined): boolean {
    const sql = this.#queries?.find(({ name }) => name === query)?.sql;
    if (sql === undefined || !mentionsOf(this.#namesLeadingTo(tableNames)).test(sql)) return false;
    // A view, a star and a natural join read columns that the query does not name.
    const namesAll = mentionsOf(tableNames).test(sql) && !TAKES_UNNAMED.test(sql);
    return !namesAll || columns === undefined || [...columns].every(name => mentionsOf([name]).test(sql));
  }

  /**
   * The queries that mention one of a table's names, or a view that does. A query that is wrongly included only makes
   * rows live longer.
   *
   * @returns undefined while the schedule is not known
   */
  readersOf(tableNames: readonly string[]): readonly TableReader[] | undefined {
    return this.#remembered(JSON.stringify(tableNames), () => {
      const mentions = mentionsOf(this.#namesLeadingTo(tableNames));
      return this.#queries
        ?.filter(({ sql }) => mentions.test(sql))
        .map(({ name, interval }) => ({ query: name, interval }));
    });
  }

  #remembered<T>(key: string, find: () => T): T {
    if (!this.#memo.has(key)) this.#memo.set(key, find());
    return this.#memo.get(key) as T;
  }

  #namesLeadingTo(tableNames: readonly string[]): readonly string[] {
    const names = new Set(tableNames);
    // A view may be of a view: each round adds those one step further away.
    for (let before = 0; before < names.size; ) {
      before = names.size;
      const mentions = mentionsOf([...names]);
      for (const [view, sql] of this.#views) if (mentions.test(sql)) names.add(view);
    }
    return [...names];
  }
}

const TAKES_UNNAMED = /\*|(?<![a-z0-9_])natural(?![a-z0-9_])/i;
