/**
 * An osquery core in this process: SQL, the registry, the database, and the manager socket that extensions talk to,
 * behaving towards an extension as core 5.23 does.
 */

import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { PluginRow } from 'osquery-extension-ts';
import { encodeRows } from 'osquery-extension-ts/encoded';
import { extensionSocketPath } from 'osquery-extension-ts/protocol';
import { ExtensionManagerServer } from 'osquery-extension-ts/server';
import type { ExtensionInfo, PluginRequest, PluginRoutes, ResponseRows } from 'osquery-extension-ts/types';
import { asksForPart } from '../runtime/answer-parts.ts';
import { messageOf } from '../runtime/message-of.ts';
import { decodeUtf8 } from '../runtime/utf8.ts';
import { callExtension, inOnePiece, pingExtension } from './call-extension.ts';
import type { CoreOptions } from './core-options.ts';
import { coreTables, type PackEntry, type ScheduleEntry } from './core-tables.ts';
import type { CoreDatabase } from './database.ts';
import { EnginePool, type RunOptions } from './engine-pool.ts';
import { coreDouble } from './format-value.ts';
import { generateNative, type NativeTable } from './native-table.ts';

import { CORE_UUID, Registry } from './registry.ts';
import type { ScheduleLock } from './schedule/schedule-lock.ts';
import type { QueryColumn } from './sql/protocol.ts';
import { decodeRows } from './sql/result-codec.ts';
import type { EncodedRowList } from './sql/row-cursor.ts';
import type { RunOutcome } from './sql/sql-engine.ts';
import { parseRoutes, type TableDefinition } from './sql/table-definition.ts';

export type LogLevel = 'verbose' | 'info' | 'warning' | 'error';
export type CoreLog = (level: LogLevel, message: string) => void;

export interface EmbeddedCoreOptions {
  readonly options: CoreOptions;
  readonly database: CoreDatabase;
  /** Where extensions find core. Each extension's own socket is beside it. */
  readonly socketPath: string;
  readonly log: CoreLog;
  /** More tables of core's own. */
  readonly nativeTables?: readonly NativeTable[];
  /** Core's own loggers by name, for extensions that log. */
  readonly loggers?: ReadonlyMap<string, (request: PluginRow) => Promise<ResponseRows>>;
  readonly schedule?: () => readonly ScheduleEntry[];
  readonly packs?: () => readonly PackEntry[];
  readonly configHash?: () => string;
  /** The texts of the configuration, by source, for extensions that call the config plugin. */
  readonly configSources?: () => ReadonlyMap<string, string>;
  /** Held while scheduled queries run. */
  readonly scheduleLock?: ScheduleLock;
  /** Bytes of event rows per request; absent: all rows in one request, as osqueryd does. */
  readonly partBytes?: number;
  /** Is told of each read of a table. */
  readonly onTableRead?: (table: string, rows: number) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Rows with names, all values text; NULL is the flag `nullvalue`. */
export interface QueryRows {
  readonly rows: readonly PluginRow[];
  readonly eventBased: boolean;
}

interface Extension {
  readonly info: ExtensionInfo;
  readonly socketPath: string;
  /**
   * It answered a ping. An extension begins to listen after it has learnt its uuid, so at first it may not answer.
   */
  answered: boolean;
}

/** Tables for which core walks its schedule. */
const WALKS_SCHEDULE: ReadonlySet<string> = new Set(['osquery_schedule', 'osquery_packs']);

/** Milliseconds between two tries to reach an extension that has just registered. */
const FIRST_PING_RETRY_MS = 20;
/**
 * Pings without an answer before an extension is given up whose socket exists: it answers within moments of making
 * the socket.
 */
const FIRST_PINGS = 5;

/** The oldest SDK version that core accepts; "0.0.0" passes. */
const MINIMUM_SDK = [1, 7, 7];
const MAX_UUID = 65_535;

/**
 * Whether core accepts an extension's SDK version. It compares only the parts that are given, so an empty version, as
 * osquery-go sends it, is accepted; a part that does not begin with a number is compared as text. Seen in osqueryd
 * 5.23.1.
 */
const isSdkAccepted = (version: string): boolean => {
  if (version === '0.0.0') return true;
  const parts = version.split('.').filter(part => part !== '');
  for (const [index, required] of MINIMUM_SDK.entries()) {
    const part = parts[index];
    if (part === undefined) return true;
    const number = Number.parseInt(part, 10);
    if (number > required) return true;
    if (Number.isNaN(number) ? part < String(required) : number < required) return false;
  }
  return true;
};

/** Core's own tables cannot be written to, so their requests are text. */
const textsOf = (request: PluginRequest): PluginRow =>
  Object.fromEntries(Object.entries(request).map(([name, value]) => [name, String(value)]));

export class EmbeddedCore {
  readonly socketPath: string;
  readonly #settings: EmbeddedCoreOptions;
  readonly #registry = new Registry();
  readonly #native = new Map<string, NativeTable>();
  readonly #extensions = new Map<number, Extension>();
  /** Names taken by registrations that are still in progress. */
  readonly #registering = new Map<string, number>();
  readonly #waiting = new Set<(uuid: number) => void>();
  readonly #pool: EnginePool;
  readonly #server: ExtensionManagerServer;
  readonly #stop = new AbortController();
  #watch: NodeJS.Timeout | undefined;
  #checking = false;

  constructor(settings: EmbeddedCoreOptions) {
    const now = settings.now ?? Date.now;
    this.#settings = settings;
    this.socketPath = settings.socketPath;
    const own = coreTables({
      registry: () => this.#registry.items(),
      extensions: () =>
        [...this.#extensions].map(([uuid, { info, socketPath }]) => ({ ...info, uuid, path: socketPath })),
      options: () => settings.options.list(),
      schedule: settings.schedule ?? (() => []),
      packs: settings.packs ?? (() => []),
      socketPath: settings.socketPath,
      instanceId: randomUUID(),
      startTime: Math.floor(now() / 1000),
      configHash: settings.configHash,
      extensionsActive: () => this.#watch !== undefined,
      now,
    });
    const tables = [...own, ...(settings.nativeTables ?? [])];
    for (const table of tables) {
      this.#native.set(table.definition.name, table);
      this.#registry.addNative('table', table.definition.name);
    }
    this.#registry.addNative('database', 'rocksdb');
    this.#registry.addNative('sql', 'sql');
    this.#registry.addNative('config', 'filesystem');
    for (const name of settings.loggers?.keys() ?? ['filesystem']) this.#registry.addNative('logger', name);
    this.#pool = new EnginePool({
      tables: tables
        .map(table => table.definition)
        .filter(({ name }) => !settings.options.isTableDisabled(name)),
      defaultIndex: settings.options.bool('extensions_default_index'),
      eventsEnabled: !settings.options.bool('disable_events'),
      partBytes: settings.partBytes,
      call: (table, request, signal, isScheduled) => this.#callTable(table, request, signal, isScheduled),
      warn: message => settings.log('warning', message),
    });
    this.#server = new ExtensionManagerServer({
      socketPath: settings.socketPath,
      handlers: {
        call: (registry, item, request, { signal }) => this.call(registry, item, request, signal),
        extensions: () => new Map([...this.#extensions].map(([uuid, { info }]) => [uuid, info])),
        options: () => settings.options.list(),
        registerExtension: (info, routes) => this.#register(info, routes),
        deregisterExtension: uuid => this.#deregister(Number(uuid)),
        query: async (sql, { signal }) => (await this.query(sql, signal)).rows,
        getQueryColumns: sql => this.columns(sql),
      },
    });
  }

  /**
   * Opens the manager socket and begins to watch extensions. SQL, which loads since the constructor, may be ready
   * later than the socket; whatever needs it waits.
   */
  async start(): Promise<void> {
    await this.#server.listen();
    this.#removeStaleSockets();
    const interval = Math.max(this.#settings.options.number('extensions_interval') * 1000, 200);
    this.#watch = setInterval(() => void this.#checkExtensions(), interval);
    this.#watch.unref();
  }

  /** Resolves when the next extension has registered and can be called. */
  async nextExtension(signal?: AbortSignal): Promise<void> {
    const uuid = await this.#nextRegistration(signal);
    const extension = this.#extensions.get(uuid);
    if (extension !== undefined) await this.#answers(extension);
  }

  #nextRegistration(signal?: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        this.#waiting.delete(registered);
        reject(signal?.reason);
      };
      const registered = (uuid: number): void => {
        signal?.removeEventListener('abort', aborted);
        this.#waiting.delete(registered);
        resolve(uuid);
      };
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      signal?.addEventListener('abort', aborted, { once: true });
      this.#waiting.add(registered);
    });
  }

  /** Runs statements and passes their results on as they come; rejects with SqlError. */
  run(sql: string, options?: RunOptions): Promise<RunOutcome> {
    return this.#pool.run(sql, options);
  }

  /** Runs statements and collects the rows of all of them, as core answers `query` over Thrift. */
  async query(sql: string, signal?: AbortSignal, { isScheduled = false } = {}): Promise<QueryRows> {
    const nullValue = this.#settings.options.text('nullvalue');
    const rows: PluginRow[] = [];
    const { eventBased } = await this.#pool.run(sql, {
      signal,
      isScheduled,
      sink: {
        rows: batch => {
          const format = { float: coreDouble, text: decodeUtf8 };
          for (const cells of decodeRows(batch.bytes, batch.columns.length, batch.rows, format)) {
            const row: Record<string, string> = {};
            for (const [index, name] of batch.columns.entries()) row[name] = cells[index] ?? nullValue;
            rows.push(row);
          }
        },
      },
    });
    return { rows, eventBased };
  }

  /** The tables attached to SQL, core's own and the extensions'. */
  tables(): readonly TableDefinition[] {
    return this.#pool.tables();
  }

  columns(sql: string): Promise<readonly QueryColumn[]> {
    return this.#pool.columns(sql);
  }

  /** Calls a plugin, core's own or an extension's. */
  async call(
    registry: string,
    item: string,
    request: PluginRow,
    signal?: AbortSignal,
  ): Promise<ResponseRows> {
    // An empty name means core's active plugin of the registry.
    if (registry === 'database') return this.#settings.database.call(request);
    if (registry === 'config' && item === '' && request.action === 'genConfig')
      return [Object.fromEntries(this.#settings.configSources?.() ?? [])];
    const owner = this.#registry.owner(registry, item);
    if (owner === undefined) throw new Error(`Cannot call registry item: ${item}`);
    if (owner !== CORE_UUID) return this.#callExtension(owner, { registry, item, request, signal });
    const logger = registry === 'logger' ? this.#settings.loggers?.get(item) : undefined;
    if (logger !== undefined) return logger(request);
    const native = registry === 'table' ? this.#native.get(item) : undefined;
    if (native === undefined) throw new Error(`Cannot call registry item: ${item}`);
    if (request.action !== 'generate') throw new Error(`Unknown table plugin action: ${request.action}`);
    return generateNative(native, request.context);
  }

  /** Asks every extension to shut down; resolves with whether one of them accepted. */
  async shutdownExtensions(ask: (socketPath: string) => Promise<boolean>): Promise<boolean> {
    const asked = await Promise.all([...this.#extensions.values()].map(({ socketPath }) => ask(socketPath)));
    return asked.includes(true);
  }

  /** Closes the socket and SQL. May be called any number of times. */
  async close(): Promise<void> {
    clearInterval(this.#watch);
    this.#watch = undefined;
    this.#stop.abort();
    await Promise.all([this.#server.close(), this.#pool.close()]);
    this.#removeStaleSockets();
  }

  /**
   * Removes the sockets of extensions that were killed: those beside core's own socket. None of them can belong to
   * this core before its first answer, or after it has closed. Core does the same (removeStalePaths in
   * extensions/interface.cpp).
   */
  #removeStaleSockets(): void {
    const directory = dirname(this.socketPath);
    const prefix = `${basename(this.socketPath)}.`;
    let names: readonly string[];
    try {
      names = readdirSync(directory);
    } catch {
      return;
    }
    for (const name of names) {
      if (name.startsWith(prefix) && /^[0-9]+$/.test(name.slice(prefix.length)))
        rmSync(join(directory, name), { force: true });
    }
  }

  async #callTable(
    table: string,
    request: PluginRequest,
    signal: AbortSignal,
    isScheduled: boolean,
  ): Promise<EncodedRowList> {
    const either = AbortSignal.any([signal, this.#stop.signal]);
    if (WALKS_SCHEDULE.has(table)) await this.#settings.scheduleLock?.walk(isScheduled, either);
    const owner = this.#registry.owner('table', table);
    const rows =
      owner === undefined || owner === CORE_UUID
        ? await this.call('table', table, textsOf(request), either)
        : await this.#callExtension(owner, { registry: 'table', item: table, request, signal: either });
    const read = inOnePiece('chunks' in rows ? rows : encodeRows(rows), asksForPart(request));
    this.#settings.onTableRead?.(table, read.count);
    return read;
  }

  #callExtension(
    uuid: number,
    call: {
      readonly registry: string;
      readonly item: string;
      readonly request: PluginRequest;
      readonly signal: AbortSignal | undefined;
    },
  ): Promise<ResponseRows> {
    const { registry, item, request, signal } = call;
    return callExtension({
      socketPath: extensionSocketPath(this.socketPath, uuid),
      registry,
      item,
      request,
      timeoutMs: this.#settings.options.number('thrift_timeout') * 1000,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async #register(info: ExtensionInfo, routes: PluginRoutes): Promise<number> {
    const { log, options } = this.#settings;
    const names = [...this.#extensions.values()].map(extension => extension.info.name);
    if (names.includes(info.name) || this.#registering.has(info.name)) {
      log('error', `Refusing to register duplicate extension ${info.name}`);
      throw new Error('Duplicate extension registered');
    }
    if (!isSdkAccepted(info.sdkVersion)) {
      log(
        'warning',
        `Could not add extension ${info.name}: incompatible extension SDK ${info.sdkVersion}, minimum required is ${MINIMUM_SDK.join('.')}`,
      );
      throw new Error('Incompatible extension SDK version');
    }
    const uuid = this.#freeUuid();
    this.#registering.set(info.name, uuid);
    log(
      'verbose',
      `Registering extension (${info.name}, ${uuid}, version=${info.version}, sdk=${info.sdkVersion})`,
    );
    try {
      this.#registry.addExtension(uuid, routes);
      for (const [name, rows] of routes.get('table') ?? []) {
        if (rows.length === 0) throw new Error('Invalid route info');
        if (options.isTableDisabled(name)) continue;
        await this.#pool.attach(parseRoutes({ name, rows, extension: true }));
      }
    } catch (error) {
      await this.#forget(uuid);
      const message = messageOf(error);
      log('error', `Could not add extension ${info.name}: ${message}`);
      throw new Error(`Failed adding registry: ${message}`, { cause: error });
    } finally {
      this.#registering.delete(info.name);
    }
    const socketPath = extensionSocketPath(this.socketPath, uuid);
    this.#extensions.set(uuid, { info, socketPath, answered: false });
    for (const registered of [...this.#waiting]) registered(uuid);
    return uuid;
  }

  #freeUuid(): number {
    let uuid: number;
    do uuid = 1 + Math.floor(Math.random() * MAX_UUID);
    while (this.#extensions.has(uuid) || [...this.#registering.values()].includes(uuid));
    return uuid;
  }

  async #deregister(uuid: number): Promise<void> {
    if (!this.#extensions.has(uuid)) throw new Error('No extension UUID found');
    await this.#forget(uuid);
  }

  async #forget(uuid: number): Promise<void> {
    this.#extensions.delete(uuid);
    for (const table of this.#registry.removeExtension(uuid)) {
      await this.#pool.detach(table).catch((error: Error) => {
        if (!this.#stop.signal.aborted) {
          this.#settings.log('error', `Error detaching table: ${table}: ${error.message}`);
        }
      });
    }
  }

  /** Pings every extension. One that does not answer is forgotten, and may then register again. */
  async #checkExtensions(): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    await Promise.all(
      [...this.#extensions].map(async ([uuid, extension]) => {
        if (await this.#answers(extension)) return;
        if (this.#stop.signal.aborted || this.#extensions.get(uuid) !== extension) return;
        this.#settings.log('info', `Extension UUID ${uuid} has gone away`);
        await this.#forget(uuid);
      }),
    );
    this.#checking = false;
  }

  /**
   * Whether it answers a ping. If its socket does not exist yet, it has the time of `extensions_timeout` to make it;
   * if the socket exists but nobody answers, it was killed.
   */
  async #answers(extension: Extension): Promise<boolean> {
    const deadline = performance.now() + this.#settings.options.number('extensions_timeout') * 1000;
    let unanswered = 0;
    do {
      try {
        await pingExtension(extension.socketPath, this.#stop.signal);
        extension.answered = true;
      } catch {
        if (extension.answered || this.#stop.signal.aborted) return false;
        if (existsSync(extension.socketPath)) unanswered += 1;
        if (unanswered >= FIRST_PINGS) return false;
        await setTimeout(FIRST_PING_RETRY_MS, undefined, { ref: false });
      }
    } while (!extension.answered && performance.now() < deadline);
    return extension.answered;
  }
}
