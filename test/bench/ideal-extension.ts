import { once } from 'node:events';
import { type Plugin, type PluginRow, runExtension, TablePlugin, type TableSpec } from 'osquery-extension-ts';
import type { EncodedRows } from 'osquery-extension-ts/encoded';
import { ExtensionClient } from 'osquery-extension-ts/server';

export interface IdealOptions {
  /** Core's socket. */
  readonly socket: string;
  /** What core is to call the table. */
  readonly name: string;
  readonly spec: TableSpec;
  /** Where the extension listens whose answers are repeated, and what its table is called in core. */
  readonly original: { readonly socketPath: string; readonly table: string };
}

/**
 * An extension whose table answers with the same bytes as another one's, which it has got beforehand: what a SELECT of it
 * takes, it takes core, whatever the extension.
 */
export class IdealExtension implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #client: ExtensionClient;
  #ended: Promise<unknown> = Promise.resolve();

  private constructor(original: string) {
    this.#client = new ExtensionClient({ socketPath: original });
  }

  /** Resolves when core has the table. */
  static async start({ socket, name, spec, original }: IdealOptions): Promise<IdealExtension> {
    const ideal = new IdealExtension(original.socketPath);
    const answers = new Map<string, EncodedRows>();
    const table = new TablePlugin({ ...spec, name }, { generate: () => [] });
    const plugin: Plugin = {
      registry: 'table',
      name,
      routes: () => table.routes(),
      call: async (request: PluginRow) => {
        const key = JSON.stringify(request);
        const known = answers.get(key);
        if (known !== undefined) return known;
        const rows = await ideal.#client.callEncoded('table', original.table, request);
        answers.set(key, rows);
        return rows;
      },
    };
    const registered = new EventTarget();
    const isRegistered = once(registered, 'registered');
    ideal.#ended = runExtension({
      name: `ideal-${name}`,
      version: '1',
      plugins: [plugin],
      socket,
      signal: ideal.#stop.signal,
      onRegistered: () => registered.dispatchEvent(new Event('registered')),
    });
    await Promise.race([isRegistered, ideal.#ended]);
    return ideal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
    await this.#client.close();
  }
}
