import { hostname } from 'node:os';
import type { ExtensionManagerClient } from 'osquery-extension-ts';

/** osquery's severities. Source: osquery/core/plugins/logger.h. */
const SEVERITY = { info: 0, warning: 1, error: 2 } as const;

const PROGRAM = 'osquery-audit-events';
/** Milliseconds for core to take a line; it may hold a lock while a query runs. */
const RELAY_TIMEOUT_MS = 1_000;

/**
 * Where an operator looks: stderr, which osqueryd hands to the journal, and osquery's own status log, which its
 * logger plugin may ship elsewhere.
 */
export class OperatorLog {
  readonly #write: (line: string) => void;
  #core: { readonly client: ExtensionManagerClient; readonly plugins: readonly string[] } | undefined;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /**
   * Sends further lines to core's loggers too.
   *
   * @param loggerPlugin core's option of that name: one or more, separated by commas
   */
  relayTo(client: ExtensionManagerClient, loggerPlugin: string | undefined): void {
    const plugins = (loggerPlugin ?? '').split(',').filter(name => name !== '');
    this.#core = { client, plugins };
  }

  warn(message: string): void {
    this.#write(`${PROGRAM}: ${message}\n`);
    for (const plugin of this.#core?.plugins ?? []) {
      // A core that takes no status lines, or is gone, leaves stderr.
      this.#core!.client.call(
        'logger',
        plugin,
        { status: 'true', log: statusLines(message) },
        { timeoutMs: RELAY_TIMEOUT_MS },
      ).catch(() => {});
    }
  }
}

/** Source: serializeIntermediateLog in osquery/logger/logger.cpp. */
const statusLines = (message: string): string => {
  const now = new Date();
  return JSON.stringify([
    {
      s: SEVERITY.warning,
      f: PROGRAM,
      i: 0,
      m: `${PROGRAM}: ${message}`,
      h: hostname(),
      c: now.toUTCString(),
      u: Math.floor(now.getTime() / 1000),
    },
  ]);
};
