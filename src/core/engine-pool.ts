/**
 * Core's SQLite databases. Most statements run in the first one; a statement that comes while it is busy gets
 * another, as core then opens a transient database. This is not only for speed: a table's plugin may itself query
 * core while the statement that called it waits.
 */
import type { QueryColumn } from './sql/protocol.ts';
import { type RunOutcome, type RunSettings, SqlEngine, type SqlEngineOptions } from './sql/sql-engine.ts';
import type { TableDefinition } from './sql/table-definition.ts';

/** Databases open at once; further statements wait. Each takes some 20 MB. */
const MAX_ENGINES = 4;

export interface RunOptions extends RunSettings {
  /** Only the first database has the objects that earlier statements created (`CREATE TABLE`, `CREATE VIEW`). */
  readonly primary?: boolean;
}

export class EnginePool {
  readonly #options: Omit<SqlEngineOptions, 'tables'>;
  readonly #tables = new Map<string, TableDefinition>();
  readonly #engines: SqlEngine[] = [];
  #closed = false;

  constructor(options: SqlEngineOptions) {
    this.#options = options;
    for (const table of options.tables) this.#tables.set(table.name, table);
    this.#open();
  }

  /** By name. */
  tables(): readonly TableDefinition[] {
    return [...this.#tables.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async ready(): Promise<void> {
    await this.#engines[0]!.ready();
  }

  async run(sql: string, options: RunOptions = {}): Promise<RunOutcome> {
    const engine = options.primary ? this.#engines[0]! : this.#idle();
    return engine.run(sql, options.sink, options.signal, options.isScheduled);
  }

  async columns(sql: string): Promise<readonly QueryColumn[]> {
    return this.#idle().columns(sql);
  }

  /** Rejects with SQLite's message when the table cannot be declared. */
  async attach(table: TableDefinition): Promise<void> {
    this.#tables.set(table.name, table);
    try {
      // It is enough to wait for the first: each database runs its messages in order, and all accept the same
      // definitions.
      const [first, ...others] = this.#engines.map(engine => engine.attach(table));
      for (const other of others) other.catch(() => {});
      await first;
    } catch (error) {
      await this.detach(table.name).catch(() => {});
      throw error;
    }
  }

  async detach(name: string): Promise<void> {
    this.#tables.delete(name);
    const [first, ...others] = this.#engines.map(engine => engine.detach(name));
    for (const other of others) other.catch(() => {});
    await first;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#engines.map(engine => engine.close()));
  }

  #open(): SqlEngine {
    const engine = new SqlEngine({ ...this.#options, tables: [...this.#tables.values()] });
    this.#engines.push(engine);
    return engine;
  }

  #idle(): SqlEngine {
    const idle = this.#engines.find(engine => !engine.busy);
    if (idle !== undefined) return idle;
    if (this.#engines.length < MAX_ENGINES && !this.#closed) return this.#open();
    return this.#engines.at(-1)!;
  }
}
