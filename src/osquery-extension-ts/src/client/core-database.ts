import { unlessRefused } from '../errors.ts';
import type { CallOptions } from './connection.ts';
import type { ExtensionClient } from './extension-client.ts';

/** A key of core's database, in its domain. */
export type DatabaseKey = readonly [domain: string, key: string];

/**
 * Core's own database: texts by domain and key, kept over core's restarts. The domain `configurations` is meant for
 * extensions, too; an unknown domain is an error.
 */
export class CoreDatabase {
  readonly #client: Pick<ExtensionClient, 'call' | 'callTogether'>;

  constructor(client: Pick<ExtensionClient, 'call' | 'callTogether'>) {
    this.#client = client;
  }

  /** The value of a key; undefined if core has none, or does not have the domain. */
  async get(domain: string, key: string, options?: CallOptions): Promise<string | undefined> {
    // A missing key gives a status other than 0, with RocksDB's message.
    const rows = await unlessRefused(
      this.#client.call('database', '', { action: 'get', domain, key }, options),
    );
    return rows?.[0]?.v;
  }

  /**
   * The values of several keys, read one after the other with one wait; undefined for each that core does not have.
   *
   * @returns as many as there are keys, in their order
   */
  async getAll(keys: readonly DatabaseKey[], options?: CallOptions): Promise<(string | undefined)[]> {
    const calls = keys.map(([domain, key]) => ({
      registry: 'database',
      item: '',
      request: { action: 'get', domain, key },
    }));
    const answers = await this.#client.callTogether(calls, options);
    return answers.map(({ rows: [row] }) => row?.v);
  }

  /** @throws OsqueryStatusError when core cannot store it */
  async put(domain: string, key: string, value: string, options?: CallOptions): Promise<void> {
    await this.#client.call('database', '', { action: 'put', domain, key, value }, options);
  }

  /** The keys of a domain that begin with `prefix`, in the order of their bytes. */
  async scan(domain: string, prefix = '', options?: CallOptions): Promise<string[]> {
    const rows = await this.#client.call('database', '', { action: 'scan', domain, prefix }, options);
    return rows.map(({ k = '' }) => k);
  }

  /** Removes a key, which need not exist. */
  async remove(domain: string, key: string, options?: CallOptions): Promise<void> {
    await this.#client.call('database', '', { action: 'remove', domain, key }, options);
  }
}
