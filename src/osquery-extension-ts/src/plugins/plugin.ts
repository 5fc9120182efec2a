import type { ExtensionManagerClient } from '../client/extension-manager-client.ts';
import type { PluginRow, ResponseRows } from '../table/encoded-rows.ts';

/** What a plugin has while its extension runs. */
export interface PluginContext {
  /**
   * A client of core, shared by the whole extension. A `query` may have to wait for core's scheduled queries:
   * awaiting one in `generate` can block the very query that is asking. `client.database` does not wait for them.
   */
  readonly client: ExtensionManagerClient;
}

/** Work that is done once while an extension runs, including reconnections. */
export interface PluginHooks {
  /** Runs before the extension registers, and so before the first call. An error ends the extension. */
  start?(context: PluginContext): void | Promise<void>;
  /** Runs when core makes no more calls. */
  stop?(): void | Promise<void>;
}

/** The circumstances of one call of a plugin. */
export interface PluginCall extends PluginContext {
  /**
   * Fires if the caller goes away, or the server stops, before the whole answer has been passed to the kernel: the
   * answer is not wanted any more, or did not arrive. Never fires after that.
   */
  readonly signal: AbortSignal;
  /**
   * Descriptor of the caller's connection, by which the caller can be identified; it belongs to the server. undefined
   * if it is closed.
   */
  readonly fd?: number | undefined;
  /** Longest answer that can be sent, in bytes. */
  readonly maxReplyBytes?: number;
  /** The bytes of a request's value. In the request itself it is text, in which invalid UTF-8 is U+FFFD. */
  readonly requestBytes?: (name: string) => Uint8Array | undefined;
}

/**
 * Anything that an extension can offer to core. Tables, config, loggers and distributed queries have their own
 * classes; others implement this.
 */
export interface Plugin extends PluginHooks {
  /** "table", "config", "logger", "distributed". */
  readonly registry: string;
  readonly name: string;
  /** What core learns at registration; tables describe their columns here, other plugins nothing. */
  routes(): readonly PluginRow[];
  /**
   * Answers a request. An error becomes a status other than 0 with the error's message; throw an OsqueryStatusError
   * to choose the status.
   */
  call(request: PluginRow, call: PluginCall): ResponseRows | Promise<ResponseRows>;
}
