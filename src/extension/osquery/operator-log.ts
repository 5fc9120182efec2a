import { hostname } from 'node:os';
import type { ExtensionManagerClient } from 'osquery-extension-ts';
import { messageOf } from '../../runtime/message-of.ts';
import { PROGRAM } from '../../runtime/program-name.ts';

/** osquery's severities. Source: osquery/core/plugins/logger.h. */
const SEVERITY = { info: 0, warning: 1, error: 2 } as const;

/** Milliseconds for core to take a line; it may hold a lock while a query runs. */
const RELAY_TIMEOUT_MS = 1_000;

/**
 * Writes to the places where an operator looks: stderr, which osqueryd passes to the journal, and osquery's status
 * log, which its logger plugin may send elsewhere.
 */
export class OperatorLog {
  readonly #write: (line: string) => void;
  #core: { readonly client: ExtensionManagerClient; readonly plugins: readonly string[] } | undefined;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /**
   * From now on also sends lines to core's loggers.
   *
   * @param loggerPlugin core's option of that name: one or more, separated by commas
   */
  relayTo(client: ExtensionManagerClient, loggerPlugin: string | undefined): void {
    const plugins = (loggerPlugin ?? '').split(',').filter(name => name !== '');
    this.#core = { client, plugins };
  }

  warn(message: string): void {
    this.#say('warning', message);
  }

  /** Reports that the subject of a warning is over. */
  inform(message: string): void {
    this.#say('info', message);
  }

  #say(severity: keyof typeof SEVERITY, message: string): void {
    this.#write(`${PROGRAM}: ${message}\n`);
    void this.#relay(severity, message);
  }

  /**
   * Tells core's loggers why we end; the error itself goes to stderr by its catcher. Resolves when core has it, or
   * does not take it.
   */
  async relayFailure(error: unknown): Promise<void> {
    await this.#relay('error', messageOf(error));
  }

  async #relay(severity: keyof typeof SEVERITY, message: string): Promise<void> {
    const { client, plugins } = this.#core ?? { plugins: [] };
    const request = { status: 'true', log: statusLines(severity, message) };
    // If core takes no status lines, or is gone, stderr remains.
    await Promise.allSettled(
      plugins.map(plugin => client?.call('logger', plugin, request, { timeoutMs: RELAY_TIMEOUT_MS })),
    );
  }
}

/** Source: serializeIntermediateLog in osquery/logger/logger.cpp. */
const statusLines = (severity: keyof typeof SEVERITY, message: string): string => {
  const now = new Date();
  return JSON.stringify([
    {
      s: SEVERITY[severity],
      f: PROGRAM,
      i: 0,
      m: `${PROGRAM}: ${message}`,
      h: hostname(),
      c: now.toUTCString(),
      u: Math.floor(now.getTime() / 1000),
    },
  ]);
};
