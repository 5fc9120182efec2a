import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { OsqueryStatusError, type PluginRow } from 'osquery-extension-ts';
import { extensionSocketPath } from 'osquery-extension-ts/protocol';
import { ExtensionClient, ExtensionManagerServer } from 'osquery-extension-ts/server';
import type { PluginRoutes } from 'osquery-extension-ts/types';

const UUID = 4711;

/** What core tells its extension, to be changed while it runs. */
export class FakeCore implements AsyncDisposable {
  readonly options = new Map<string, string>();
  /** Names of core's own tables. */
  nativeTables: string[] = [];
  schedule: { name: string; query: string; interval: string }[] = [];
  /** Whether core has read its configuration: it starts its extensions before. */
  configValid = true;
  /** While the scheduled queries of a tick run: whoever looks at the schedule waits for its end. */
  #tick: PromiseWithResolvers<void> | undefined;
  /** Of its tables, those that --disable_tables or --enable_tables keep out of SQL. */
  disabledTables: string[] = [];
  /** Database values by `domain/key`. */
  readonly database = new Map<string, string>();
  readonly logged: string[] = [];
  routes: PluginRoutes | undefined;
  readonly #directory = mkdtempSync(`${tmpdir()}/core-`);
  readonly #server: ExtensionManagerServer;

  constructor() {
    this.#server = new ExtensionManagerServer({
      socketPath: this.socket,
      handlers: {
        options: () =>
          new Map(
            [...this.options].map(([name, value]) => [name, { value, defaultValue: '', type: 'string' }]),
          ),
        extensions: () =>
          new Map(
            this.routes === undefined
              ? []
              : [[UUID, { name: 'x', version: '', sdkVersion: '', minSdkVersion: '' }]],
          ),
        registerExtension: (_info, routes) => {
          this.routes = routes;
          return UUID;
        },
        deregisterExtension: () => {
          this.routes = undefined;
        },
        query: async sql => {
          const missing = this.disabledTables.find(name => sql.includes(name));
          if (missing !== undefined)
            throw new OsqueryStatusError({ code: 1, message: `no such table: ${missing}` });
          if (sql.includes('osquery_registry')) return this.nativeTables.map(name => ({ name }));
          if (sql.includes('osquery_info')) return [{ config_valid: this.configValid ? '1' : '0' }];
          if (sql.includes('osquery_schedule')) {
            await this.#tick?.promise;
            return this.schedule;
          }
          throw new Error(`unexpected query: ${sql}`);
        },
        getQueryColumns: () => [],
        call: (registry, _item, request) => this.#call(registry, request),
      },
    });
  }

  /** Number of the extension. */
  readonly uuid = UUID;

  get socket(): string {
    return `${this.#directory}/core.em`;
  }

  #call(registry: string, request: PluginRow): PluginRow[] {
    if (registry === 'logger') {
      for (const line of JSON.parse(request.log!)) this.logged.push(line.m);
      return [];
    }
    if (request.action === 'scan') {
      const prefix = `${request.domain}/${request.prefix ?? ''}`;
      const keys = [...this.database.keys()].filter(key => key.startsWith(prefix));
      return keys.map(key => ({ k: key.slice(`${request.domain}/`.length) }));
    }
    if (request.action === 'put') {
      this.database.set(`${request.domain}/${request.key}`, request.value!);
      return [];
    }
    const value = this.database.get(`${request.domain}/${request.key}`);
    if (value === undefined) throw new OsqueryStatusError({ code: 1, message: 'no such key' });
    return [{ v: value }];
  }

  async listen(): Promise<this> {
    await this.#server.listen();
    return this;
  }

  /** Resolves when the extension has registered and listens. */
  async registered(): Promise<void> {
    await using client = new ExtensionClient({ socketPath: extensionSocketPath(this.socket, UUID) });
    for (;;) {
      try {
        await client.ping();
        return;
      } catch {
        await sleep(5);
      }
    }
  }

  get tables(): string[] {
    return [...(this.routes?.get('table')?.keys() ?? [])];
  }

  /** Core takes the lock of its schedule, for as long as it runs queries. */
  beginTick(): void {
    this.#tick = Promise.withResolvers();
  }

  endTick(): void {
    this.#tick?.resolve();
    this.#tick = undefined;
  }

  /** A distributed query begins, beside whatever the schedule does. */
  beginDistributed(): void {
    this.database.set('distributed_running/5f3a', '1700000000');
  }

  endDistributed(): void {
    this.database.delete('distributed_running/5f3a');
  }

  /** Starts an execution of a scheduled query, as core does before it runs the SQL. */
  execute(query: string, startedAt: number): void {
    this.database.set('configurations/executing_query', query);
    this.database.set(`configurations/timestamp.${query}`, String(startedAt));
  }

  endExecution(): void {
    this.database.delete('configurations/executing_query');
  }

  /** One generate call, as core makes it: a ping on a connection of its own before the call. */
  async generate(table: string, context: object = {}): Promise<PluginRow[]> {
    {
      await using pinging = new ExtensionClient({ socketPath: extensionSocketPath(this.socket, UUID) });
      await pinging.ping();
    }
    await using client = new ExtensionClient({ socketPath: extensionSocketPath(this.socket, UUID) });
    return await client.call('table', table, { action: 'generate', context: JSON.stringify(context) });
  }

  async shutdownExtension(): Promise<void> {
    await using client = new ExtensionClient({ socketPath: extensionSocketPath(this.socket, UUID) });
    await client.shutdown();
  }

  async close(): Promise<void> {
    this.endTick();
    await this.#server.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
