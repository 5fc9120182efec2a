import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OsqueryStatusError, type TableSpec } from 'osquery-extension-ts';
import { extensionSocketPath } from 'osquery-extension-ts/protocol';
import { ExtensionClient, ExtensionManagerServer } from 'osquery-extension-ts/server';
import type { ExtensionInfo } from 'osquery-extension-ts/types';
import { endProcess } from './end-process.ts';
import { childrenOf, cpuSeconds, type Memory, memory } from './process-usage.ts';
import type { Program } from './program.ts';
import { type TimedReply, timeCall } from './raw-select.ts';
import { type SelectOptions, selectRequest } from './select-request.ts';

const UUID = 7;
/** Milliseconds for the extension to register. */
const START_MS = 60_000;

/**
 * The extension as core starts it, a process of its own, and a core just large enough for it: it answers with the
 * options a scenario sets, no schedule, no running query.
 */
export class ExtensionUnderTest implements AsyncDisposable {
  readonly #directory: string;
  readonly #core: ExtensionManagerServer;
  readonly #child: ChildProcess;
  readonly #client: ExtensionClient;
  #startMs = 0;

  private constructor(
    directory: string,
    core: ExtensionManagerServer,
    child: ChildProcess,
    client: ExtensionClient,
  ) {
    this.#directory = directory;
    this.#core = core;
    this.#child = child;
    this.#client = client;
  }

  /**
   * Resolves when the tables are registered; by then the source is open.
   *
   * @param options core's flags
   * @param args more of the extension's command line
   * @param config what core's configuration says, as JSON
   */
  static async start(
    program: Program,
    options: Readonly<Record<string, string>>,
    args: readonly string[] = [],
    config?: string,
  ): Promise<ExtensionUnderTest> {
    const directory = mkdtempSync(join(tmpdir(), 'bench-'));
    const socketPath = join(directory, 'core.em');
    const coreOptions = { custom_audit_state_dir: join(directory, 'state'), ...options };
    const registered = Promise.withResolvers<number>();
    let info: ExtensionInfo | undefined;
    const core = new ExtensionManagerServer({
      socketPath,
      handlers: {
        options: () =>
          new Map(
            Object.entries(coreOptions).map(([name, value]) => [
              name,
              { value, defaultValue: value, type: 'string' },
            ]),
          ),
        extensions: () => new Map(info === undefined ? [] : [[UUID, info]]),
        registerExtension: registering => {
          info = registering;
          registered.resolve(performance.now());
          return UUID;
        },
        deregisterExtension: () => {},
        // Neither tables of its own nor a schedule.
        query: sql =>
          config !== undefined && sql.includes('osquery_info')
            ? [{ config_hash: 'bench', config_valid: '1' }]
            : [],
        getQueryColumns: () => [],
        call: (registry, _item, request) => {
          if (config !== undefined && registry === 'config' && request.action === 'genConfig')
            return [{ bench: config }];
          if (config !== undefined && request.action === 'scan') return [];
          throw new OsqueryStatusError({ code: 1, message: 'no such key', uuid: 0 });
        },
      },
    });
    await core.listen();
    const startedAt = performance.now();
    const child = spawn(
      program.file,
      [...program.args, '--socket', socketPath, '--timeout', '3', '--interval', '3', ...args],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    const client = new ExtensionClient({ socketPath: extensionSocketPath(socketPath, UUID) });
    const extension = new ExtensionUnderTest(directory, core, child, client);
    const failed = new AbortController();
    try {
      const registeredAt = await Promise.race([
        registered.promise,
        once(child, 'exit', { signal: failed.signal }).then(([status, signal]) => {
          throw new Error(`the extension ended before it registered, with status ${status ?? signal}`);
        }),
        sleep(START_MS, undefined, { signal: failed.signal }).then(() => {
          throw new Error(`the extension did not register within ${START_MS} ms`);
        }),
      ]);
      extension.#startMs = registeredAt - startedAt;
      await extension.#untilItAnswers();
      return extension;
    } catch (error) {
      await extension[Symbol.asyncDispose]();
      throw error;
    } finally {
      failed.abort();
    }
  }

  /** It opens its own socket once it knows its number. */
  async #untilItAnswers(): Promise<void> {
    for (let left = START_MS / 10; ; left--) {
      try {
        await this.#client.ping();
        return;
      } catch (error) {
        if (left === 0) throw error;
        await sleep(10);
      }
    }
  }

  /** Milliseconds from the start of its process until it registered. */
  get startMs(): number {
    return this.#startMs;
  }

  /** Where it listens. */
  get socketPath(): string {
    return this.#client.socketPath;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** So far, of all its threads, and of the processes that look at files for it. */
  get cpuSeconds(): number {
    return [this.pid, ...childrenOf(this.pid)].reduce((sum, pid) => sum + cpuSecondsIfAny(pid), 0);
  }

  /** Anonymous memory of the processes that look at files for it, in MB. */
  get lookersMemory(): number {
    return childrenOf(this.pid).reduce((sum, pid) => sum + memory(pid).anonymous, 0);
  }

  get memory(): Memory {
    return memory(this.pid);
  }

  /** CPU seconds it uses in a second without events. */
  async idleCpu(seconds: number): Promise<number> {
    const before = this.cpuSeconds;
    await sleep(seconds * 1000);
    return (this.cpuSeconds - before) / seconds;
  }

  /** How many rows a SELECT finds. */
  async count(spec: TableSpec, options: Omit<SelectOptions, 'columns'> = {}): Promise<number> {
    const request = selectRequest(spec, { ...options, columns: Object.keys(options.equal ?? {}) });
    return (await this.#client.callEncoded('table', spec.name, request)).count;
  }

  async rows(
    spec: TableSpec,
    options: SelectOptions = {},
  ): Promise<readonly Readonly<Record<string, string>>[]> {
    return this.#client.call('table', spec.name, selectRequest(spec, options));
  }

  timeSelect(spec: TableSpec, options: SelectOptions = {}): Promise<TimedReply> {
    return timeCall(this.#client.socketPath, 'table', spec.name, selectRequest(spec, options));
  }

  /** Ends it as osqueryd does; audit is as it was found afterwards. Any number of times. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
    await endProcess(this.#child);
    await this.#core.close(0);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Of a child that has ended meanwhile, such as a question to NSS, nothing. */
const cpuSecondsIfAny = (pid: number): number => {
  try {
    return cpuSeconds(pid);
  } catch {
    return 0;
  }
};
