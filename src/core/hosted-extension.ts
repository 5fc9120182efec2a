/** A core and the extension process that it started, to be started and stopped together. */

import { ExtensionClient } from 'osquery-extension-ts/server';
import { CodedError } from '../runtime/coded-error.ts';
import type { CoreOptions } from './core-options.ts';
import type { CoreLog, EmbeddedCore } from './embedded-core.ts';
import {
  type ExtensionCommand,
  ExtensionProcess,
  type ExtensionProcessOptions,
  shellStatus,
} from './extension-process.ts';

/** The extension ended, or never registered, while core waited for it. */
export class ExtensionStartError extends CodedError<'extension-start'> {
  override readonly name = 'ExtensionStartError';
  /** Exit status for the program that started core. */
  readonly status: number;
  /** The extension ended by itself and has explained that on stderr, so nothing needs to be added. */
  readonly isExplained: boolean;

  constructor(message: string, status: number, isExplained = false) {
    super('extension-start', message);
    this.status = status;
    this.isExplained = isExplained;
  }
}

/** Limit of the Thrift call that asks an extension to stop. */
const SHUTDOWN_TIMEOUT_MS = 1_000;

export class HostedExtension {
  readonly #core: EmbeddedCore;
  readonly #process: ExtensionProcess;
  #stopping: Promise<void> | undefined;

  constructor(settings: {
    readonly core: EmbeddedCore;
    readonly options: CoreOptions;
    readonly command: ExtensionCommand;
    readonly log: CoreLog;
    readonly stdio?: ExtensionProcessOptions['stdio'];
  }) {
    const { core, options } = settings;
    this.#core = core;
    this.#process = new ExtensionProcess({
      command: settings.command,
      socketPath: core.socketPath,
      timeout: options.number('extensions_timeout'),
      interval: options.number('extensions_interval'),
      verbose: options.bool('verbose'),
      log: settings.log,
      ...(settings.stdio === undefined ? {} : { stdio: settings.stdio }),
    });
  }

  /** The process id of the running extension. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Starts it and waits until core can call it. From then on it is started again whenever it ends. */
  async start(options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<void> {
    const waiting = new AbortController();
    const timeout = AbortSignal.timeout(options.timeoutMs);
    const registered = this.#core.nextExtension(AbortSignal.any([waiting.signal, timeout, options.signal]));
    const ended = this.#process.start();
    try {
      await Promise.race([
        registered,
        ended.then(status => {
          const code = shellStatus(status);
          const how = status.signal === null ? `with status ${status.code}` : `by ${status.signal}`;
          throw new ExtensionStartError(
            `the extension ended ${how} before it had registered`,
            code === 0 ? 1 : code,
            status.code !== null && status.code !== 0,
          );
        }),
      ]);
    } catch (error) {
      if (timeout.aborted && !options.signal.aborted) {
        throw new ExtensionStartError(
          `the extension has not registered within ${options.timeoutMs / 1000} s: run again with --verbose to see what it does`,
          1,
        );
      }
      throw error;
    } finally {
      waiting.abort();
    }
    this.#process.supervise();
  }

  /** Starts it and supervises it from the first moment: a daemon's core runs with or without it. */
  startSupervised(): void {
    this.#process.supervise();
    // The supervision reports how it ends.
    this.#process.start().catch(() => {});
  }

  /** Passes Ctrl-C on, because the extension does not get it itself. */
  interrupt(): void {
    this.#process.interrupt();
  }

  /** Stops the extension, even if it does not react. May be called any number of times. */
  stop(): Promise<void> {
    this.#stopping ??= this.#process.stop(() =>
      this.#core.shutdownExtensions(async socketPath => {
        const client = new ExtensionClient({ socketPath, timeoutMs: SHUTDOWN_TIMEOUT_MS });
        try {
          await client.shutdown();
          return true;
        } catch {
          return false;
        } finally {
          await client.close();
        }
      }),
    );
    return this.#stopping;
  }
}
