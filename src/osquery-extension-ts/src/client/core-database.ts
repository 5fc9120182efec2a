import { isOsqueryError } from '../errors.ts';
import type { PluginRow } from '../table/encoded-rows.ts';
import type { CallOptions } from './connection.ts';

/** Calls core's database plugin. */
type Call = (request: PluginRow, options?: CallOptions) => Promise<PluginRow[]>;

/**
 * Core's own database: texts by domain and key, kept over core's restarts. `configurations` is a domain that is meant for
 * others, too; an unknown one is an error.
 */
export class CoreDatabase {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  /** The value of a key; undefined where core has none, or does not have the domain. */
  async get(domain: string, key: string, options?: CallOptions): Promise<string | undefined> {
    try {
      return (await this.#call({ action: 'get', domain, key }, options))[0]?.v;
    } catch (error) {
      // A key that is not there is a status other than 0, and its message is that of RocksDB.
      if (isOsqueryError(error, 'OSQUERY_STATUS')) return undefined;
      throw error;
    }
  }

  /** @throws OsqueryStatusError when core cannot keep it */
  async put(domain: string, key: string, value: string, options?: CallOptions): Promise<void> {
    await this.#call({ action: 'put', domain, key, value }, options);
  }

  /** The keys of a domain that begin with `prefix`, in the order of their bytes. */
  async scan(domain: string, prefix = '', options?: CallOptions): Promise<string[]> {
    const rows = await this.#call({ action: 'scan', domain, prefix }, options);
    return rows.map(({ k = '' }) => k);
  }

  /** Removes a key, which need not be there. */
  async remove(domain: string, key: string, options?: CallOptions): Promise<void> {
    await this.#call({ action: 'remove', domain, key }, options);
  }
}
