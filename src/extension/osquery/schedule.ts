import { type ExtensionManagerClient, isOsqueryError, type PluginRow } from 'osquery-extension-ts';
import { mentionsOf } from '../../../tables/table-name.ts';
import type { TableReader } from '../../events/select-events.ts';
import { databaseValue, QUERIES } from './core-database.ts';

interface ScheduledQuery {
  readonly name: string;
  readonly sql: string;
  /** Seconds. */
  readonly interval: number;
}

/** Before the names of the views of core's configuration. Source: osquery plugins/config/parsers/views.cpp. */
const VIEWS = 'config_views.';

/** Core's scheduled queries, as of the last look. */
export class Schedule {
  readonly #client: ExtensionManagerClient;
  /** undefined while core does not tell: --disable_tables and --enable_tables can keep its own tables away, too. */
  #queries: readonly ScheduledQuery[] | undefined;
  /** SQL by name. */
  #views: ReadonlyMap<string, string> = new Map();

  constructor(client: ExtensionManagerClient) {
    this.#client = client;
  }

  /** @throws OsqueryError if core does not answer */
  async refresh(): Promise<void> {
    const rows = await unlessRefused(
      this.#client.query('SELECT name, query, interval FROM osquery_schedule'),
    );
    this.#queries = rows?.map(row => ({
      name: row.name ?? '',
      sql: row.query ?? '',
      interval: Number(row.interval) || 0,
    }));
    this.#views = await this.#readViews();
  }

  async #readViews(): Promise<ReadonlyMap<string, string>> {
    const request = { action: 'scan', domain: QUERIES, prefix: VIEWS };
    const keys = (await unlessRefused(this.#client.call('database', '', request))) ?? [];
    const views = keys.map(async ({ k = '' }: PluginRow) => {
      const sql = await databaseValue(this.#client, QUERIES, k);
      return [k.slice(VIEWS.length), sql ?? ''] as const;
    });
    return new Map(await Promise.all(views));
  }

  get isKnown(): boolean {
    return this.#queries !== undefined;
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#queries?.map(({ name }) => name));
  }

  /**
   * Whether a scheduled query reads a table, by any of its names: while it runs, a distributed one may run too. Looks
   * again before it says no, as core's configuration may have changed since.
   */
  async reads(query: string, tableNames: readonly string[]): Promise<boolean> {
    const does = (): boolean => this.readersOf(tableNames).some(reader => reader.query === query);
    if (!this.isKnown || does()) return true;
    await this.refresh();
    return !this.isKnown || does();
  }

  /**
   * The queries that mention one of a table's names, or a view that does. One that only looks as if it did makes rows
   * live longer.
   */
  readersOf(tableNames: readonly string[]): readonly TableReader[] {
    const mentions = mentionsOf(this.#namesLeadingTo(tableNames));
    return (this.#queries ?? [])
      .filter(({ sql }) => mentions.test(sql))
      .map(({ name, interval }) => ({ query: name, interval }));
  }

  #namesLeadingTo(tableNames: readonly string[]): readonly string[] {
    const names = new Set(tableNames);
    // A view may be of a view: each round takes in those one step further away.
    for (let before = 0; before < names.size; ) {
      before = names.size;
      const mentions = mentionsOf([...names]);
      for (const [view, sql] of this.#views) if (mentions.test(sql)) names.add(view);
    }
    return [...names];
  }
}

/** undefined if core has no such thing. */
const unlessRefused = async <T>(answer: Promise<T>): Promise<T | undefined> => {
  try {
    return await answer;
  } catch (error) {
    if (isOsqueryError(error, 'OSQUERY_STATUS')) return undefined;
    throw error;
  }
};
