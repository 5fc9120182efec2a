/** What several tests of the shell need: a core on a socket of its own, and extensions to talk to it. */
import { type Plugin, type PluginCall, type PluginRow, runExtension } from 'osquery-extension-ts';
import { encodeRows } from 'osquery-extension-ts/encoded';
import type { Registration, ResponseRows } from 'osquery-extension-ts/types';
import { inOnePiece } from '../../src/core/call-extension.ts';
import { CoreOptions } from '../../src/core/core-options.ts';
import { CoreDatabase } from '../../src/core/database.ts';
import { EmbeddedCore, type EmbeddedCoreOptions } from '../../src/core/embedded-core.ts';
import { createSocketDirectory } from '../../src/core/socket-directory.ts';
import type { EncodedRowList } from '../../src/core/sql/row-cursor.ts';

export interface TestCore extends AsyncDisposable {
  readonly core: EmbeddedCore;
  readonly database: CoreDatabase;
  /** Every line core logged, with its level. */
  readonly log: string[];
}

export const startCore = async (
  flags: Readonly<Record<string, string>> = {},
  more: Partial<EmbeddedCoreOptions> = {},
): Promise<TestCore> => {
  const directory = createSocketDirectory();
  const database = new CoreDatabase();
  const log: string[] = [];
  const core = new EmbeddedCore({
    options: new CoreOptions(new Map(Object.entries(flags))),
    database,
    socketPath: directory.socketPath,
    log: (level, message) => log.push(`${level}: ${message}`),
    ...more,
  });
  await core.start();
  return {
    core,
    database,
    log,
    [Symbol.asyncDispose]: async () => {
      await core.close();
      directory.remove();
    },
  };
};

/** One column's route row. */
export const column = (name: string, type: string, op = 0): PluginRow => ({
  id: 'column',
  name,
  type,
  op: String(op),
});

/** A table made of route rows and a function: also routes that the SDK's own tables would refuse. */
export class FakeTable implements Plugin {
  readonly registry = 'table';
  readonly name: string;
  /** The requests it got, in order. */
  readonly requests: PluginRow[] = [];
  readonly #routes: readonly PluginRow[];
  readonly #answer: (request: PluginRow, call: PluginCall) => ResponseRows | Promise<ResponseRows>;

  constructor(
    name: string,
    routes: readonly PluginRow[],
    answer: (request: PluginRow, call: PluginCall) => ResponseRows | Promise<ResponseRows>,
  ) {
    this.name = name;
    this.#routes = routes;
    this.#answer = answer;
  }

  routes(): readonly PluginRow[] {
    return this.#routes;
  }

  async call(request: PluginRow, call: PluginCall): Promise<ResponseRows> {
    if (request.action === 'columns') return this.#routes;
    this.requests.push(request);
    return this.#answer(request, call);
  }
}

export interface TestExtension extends AsyncDisposable {
  readonly registration: Registration;
}

/** Registers the plugins with core as an extension in this process, and resolves when core can call it. */
export const startExtension = async (
  core: EmbeddedCore,
  plugins: readonly Plugin[],
  name = 'test',
): Promise<TestExtension> => {
  const stop = new AbortController();
  const registered = Promise.withResolvers<Registration>();
  const ended = runExtension({
    name,
    version: '1.0.0',
    plugins,
    socket: core.socketPath,
    // Seconds: a busy machine takes its time.
    timeout: 60,
    signal: stop.signal,
    onRegistered: registered.resolve,
  });
  ended.catch(registered.reject);
  return {
    registration: await registered.promise,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await ended;
    },
  };
};

/** Rows as a table's plugin hands them to SQL. */
export const rowList = (rows: readonly PluginRow[]): EncodedRowList => inOnePiece(encodeRows(rows));

/** For `expect.poll`: how long something may take on a machine that is busy with other things. */
export const PATIENCE = { timeout: 25_000 };
