import type { PluginRow, ResponseRows } from '../table/encoded-rows.ts';

/** What goes with a call of a plugin. */
export interface PluginCall {
  /**
   * Fires when the caller has gone, or the server stops, before the whole answer has left for the kernel: it is not
   * wanted any more, or was not had. Never fires after that.
   */
  readonly signal: AbortSignal;
  /** Longest answer that can be sent, in bytes. */
  readonly maxReplyBytes?: number;
  /** The bytes of a value of the request, which in the request itself is text: what is not UTF-8 is U+FFFD there. */
  readonly requestBytes?: (name: string) => Uint8Array | undefined;
}

/**
 * Anything an extension can offer to core. Tables, config, loggers and distributed queries have classes of their own;
 * others are written by implementing this.
 */
export interface Plugin {
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
