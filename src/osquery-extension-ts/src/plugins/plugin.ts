import type { ExtensionManagerClient } from '../client/extension-manager-client.ts';
import type { PluginRow, ResponseRows } from '../table/encoded-rows.ts';

/** What a plugin has while its extension runs. */
export interface PluginContext {
  /**
   * A client of core, for all of the extension. A `query` may have to wait for the queries that core runs by its schedule:
   * who awaits one in `generate` can keep waiting the very query that asks. `client.database` does not wait for them.
   */
  readonly client: ExtensionManagerClient;
}

/** What is done once for the time that an extension runs, reconnections included. */
export interface PluginHooks {
  /** Before the extension registers, so before the first call. What it throws ends the extension. */
  start?(context: PluginContext): void | Promise<void>;
  /** When core calls no more. */
  stop?(): void | Promise<void>;
}

/** What goes with a call of a plugin. */
export interface PluginCall extends PluginContext {
  /**
   * Fires when the caller has gone, or the server stops, before the whole answer has left for the kernel: it is not
   * wanted any more, or was not had. Never fires after that.
   */
  readonly signal: AbortSignal;
  /** Descriptor of the caller's connection, which is the server's: of it can be asked who calls. undefined if it is closed. */
  readonly fd?: number | undefined;
  /** Longest answer that can be sent, in bytes. */
  readonly maxReplyBytes?: number;
  /** The bytes of a value of the request, which in the request itself is text: what is not UTF-8 is U+FFFD there. */
  readonly requestBytes?: (name: string) => Uint8Array | undefined;
}

/**
 * Anything an extension can offer to core. Tables, config, loggers and distributed queries have classes of their own;
 * others are written by implementing this.
 */
export interface Plugin extends PluginHooks {
  /** "table", "config", "logger", "distributed". */
  readonly registry: string;
  readonly name: string;
  /** What core is told at registration; tables describe their columns here, other plugins nothing. */
  routes(): readonly PluginRow[];
  /**
   * Answers a request. What it throws becomes a status other than 0 with the error's message; throw an
   * OsqueryStatusError to choose the status.
   */
  call(request: PluginRow, call: PluginCall): ResponseRows | Promise<ResponseRows>;
}
