import type { ExtensionManagerClient } from 'osquery-extension-ts';
import type { TableReader } from '../events/select-events.ts';

/** Core's scheduled queries, as of the last look. */
export class Schedule {
  readonly #client: ExtensionManagerClient;
  #queries: readonly { readonly name: string; readonly sql: string; readonly interval: number }[] = [];

  constructor(client: ExtensionManagerClient) {
    this.#client = client;
  }

  /** @throws OsqueryError if core does not answer */
  async refresh(): Promise<void> {
    const rows = await this.#client.query('SELECT name, query, interval FROM osquery_schedule');
    this.#queries = rows.map(row => ({
      name: row.name ?? '',
      sql: (row.query ?? '').toLowerCase(),
      interval: Number(row.interval) || 0,
    }));
  }

  /** Looks again if a query is not known yet: core's configuration has changed since. */
  async ensureKnown(name: string): Promise<void> {
    if (!this.#queries.some(query => query.name === name)) await this.refresh();
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#queries.map(({ name }) => name));
  }

  /** The queries that mention one of a table's names. One that only looks as if it did makes rows live longer. */
  readersOf(tableNames: readonly string[]): readonly TableReader[] {
    const mentions = new RegExp(`(?<![a-z0-9_])(?:${tableNames.join('|')})(?![a-z0-9_])`);
    return this.#queries
      .filter(({ sql }) => mentions.test(sql))
      .map(({ name, interval }) => ({ query: name, interval }));
  }
}
