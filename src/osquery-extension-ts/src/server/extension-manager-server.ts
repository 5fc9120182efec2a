import type { ExtensionStatus, ExtensionUuid } from '../errors.ts';
import type { ExtensionInfo, OptionInfo, PluginRoutes } from '../extension-info.ts';
import types from '../gen-nodejs/osquery_types.js';
import type { EncodedRows, PluginRow, ResponseRows } from '../table/encoded-rows.ts';
import { ByteCursor } from '../wire/byte-cursor.ts';
import { int64Of, uuidOf } from '../wire/int64.ts';
import { answerGenerated, answerMessage, encodeException, UNKNOWN_METHOD } from '../wire/reply-codec.ts';
import { type MessageHeader, readCallArguments, readMessageHeader } from '../wire/response-codec.ts';
import { T_STRING } from '../wire/thrift-types.ts';
import { failureStatus, respond } from './dispatch.ts';
import { type ServerLimits, serverLimits } from './limits.ts';
import { MessageServer } from './message-server.ts';
import type { RefusePeer } from './refuse-peer.ts';

type Awaitable<T> = T | Promise<T>;

/**
 * Core's answers. An error in a handler becomes a status other than 0 with the error's message; throw an
 * OsqueryStatusError to choose the status.
 */
export interface ExtensionManagerHandlers {
  call(
    registry: string,
    item: string,
    request: PluginRow,
    call: { signal: AbortSignal },
  ): Awaitable<ResponseRows>;
  extensions(): Awaitable<ReadonlyMap<ExtensionUuid, ExtensionInfo>>;
  options(): Awaitable<ReadonlyMap<string, OptionInfo>>;
  /** Returns the new extension's uuid. */
  registerExtension(info: ExtensionInfo, routes: PluginRoutes): Awaitable<ExtensionUuid>;
  deregisterExtension(uuid: ExtensionUuid): Awaitable<void>;
  query(sql: string, call: { signal: AbortSignal }): Awaitable<ResponseRows>;
  /** Returns names and types in the order of the columns. */
  getQueryColumns(sql: string): Awaitable<readonly { readonly name: string; readonly type: string }[]>;
  /** Called before each answer to ping; throw to make it fail. */
  ping?(): Awaitable<void>;
}

/** Options of core's side of the protocol. */
export interface ExtensionManagerServerOptions {
  readonly socketPath: string;
  readonly handlers: ExtensionManagerHandlers;
  readonly limits?: Partial<ServerLimits>;
  /** Decides on each client, in addition to the socket file's mode. */
  readonly refusePeer?: RefusePeer;
}

/**
 * Core's side of the protocol, for an embedded core or for tests: listens at the socket that extensions are given,
 * and leaves the meaning of every method to its handlers.
 */
export class ExtensionManagerServer implements AsyncDisposable {
  readonly socketPath: string;
  readonly #handlers: ExtensionManagerHandlers;
  readonly #server: MessageServer;
  readonly #maxReplyBytes: number;

  constructor(options: ExtensionManagerServerOptions) {
    const limits = serverLimits(options.limits);
    this.socketPath = options.socketPath;
    this.#handlers = options.handlers;
    this.#maxReplyBytes = limits.maxReplyBytes;
    this.#server = new MessageServer({
      path: options.socketPath,
      limits,
      refusePeer: options.refusePeer,
      handle: (message, { signal }) => this.#handle(message, signal),
    });
  }

  /** Open connections. */
  get connectionCount(): number {
    return this.#server.connectionCount;
  }

  /**
   * Begins to accept connections.
   *
   * @throws OsqueryError OSQUERY_SOCKET_PATH if no socket can have the path, and the system's error if it cannot be
   * made
   */
  async listen(): Promise<void> {
    await this.#server.listen();
  }

  /**
   * Stops and removes the socket file; replies in progress get `graceMs` to finish. May be called any number of
   * times.
   */
  async close(graceMs?: number): Promise<void> {
    await this.#server.close(graceMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #handle(message: Buffer, signal: AbortSignal): EncodedRows['chunks'] | Promise<EncodedRows['chunks']> {
    const cursor = new ByteCursor(message);
    const header = readMessageHeader(cursor);
    return answerMessage(header, () => this.#answer(message, cursor, header, signal));
  }

  async #answer(
    message: Buffer,
    cursor: ByteCursor,
    { name, seqid }: MessageHeader,
    signal: AbortSignal,
  ): Promise<EncodedRows['chunks']> {
    const rows = (answer: () => Awaitable<ResponseRows>): Awaitable<EncodedRows['chunks']> =>
      respond({ method: name, seqid, uuid: 0, maxReplyBytes: this.#maxReplyBytes }, answer);
    switch (name) {
      case 'call': {
        const { registry, item, request } = readCallArguments(cursor);
        return rows(() => this.#handlers.call(registry, item, request, { signal }));
      }
      case 'query': {
        const sql = readOneString(cursor);
        return rows(() => this.#handlers.query(sql, { signal }));
      }
      case 'getQueryColumns': {
        const sql = readOneString(cursor);
        return rows(async () =>
          (await this.#handlers.getQueryColumns(sql)).map(column => ({ [column.name]: column.type })),
        );
      }
      case 'ping':
      case 'extensions':
      case 'options':
      case 'registerExtension':
      case 'deregisterExtension':
      case 'shutdown':
        return [await answerGenerated('ExtensionManager', this.#generated, message)];
      default:
        return [encodeException(name, seqid, UNKNOWN_METHOD, `Unknown function ${name}`)];
    }
  }

  /** The handler of the generated processor: converts between our types and the generated ones. */
  readonly #generated = {
    ping: () =>
      this.#status(async () => {
        await this.#handlers.ping?.();
        return 0;
      }, 'pong'),

    // Core itself ignores it.
    shutdown: () => undefined,

    extensions: async () => {
      const list = await this.#handlers.extensions();
      // The generated code writes the keys of map<i64, ...> through Int64(string), which reads them as hexadecimal.
      return Object.fromEntries(
        [...list].map(([uuid, info]) => [
          BigInt.asUintN(64, BigInt(uuid)).toString(16),
          new types.InternalExtensionInfo({
            name: info.name,
            version: info.version,
            sdk_version: info.sdkVersion,
            min_sdk_version: info.minSdkVersion,
          }),
        ]),
      );
    },

    options: async () => {
      const list = await this.#handlers.options();
      return Object.fromEntries(
        [...list].map(([name, option]) => [
          name,
          new types.InternalOptionInfo({
            value: option.value,
            default_value: option.defaultValue,
            type: option.type,
          }),
        ]),
      );
    },

    registerExtension: (
      info: Record<string, string | null> | null,
      registry: Record<string, Record<string, PluginRow[]>> | null,
    ) => {
      const routes: PluginRoutes = new Map(
        Object.entries(registry ?? {}).map(([name, plugins]) => [name, new Map(Object.entries(plugins))]),
      );
      return this.#status(
        () =>
          this.#handlers.registerExtension(
            {
              name: info?.name ?? '',
              version: info?.version ?? '',
              sdkVersion: info?.sdk_version ?? '',
              minSdkVersion: info?.min_sdk_version ?? '',
            },
            routes,
          ),
        'OK',
      );
    },

    deregisterExtension: (uuid: unknown) =>
      this.#status(async () => {
        await this.#handlers.deregisterExtension(uuidOf(uuid));
        return 0;
      }, 'OK'),
  };

  async #status(answer: () => Awaitable<ExtensionUuid>, message: string): Promise<object> {
    let status: ExtensionStatus;
    try {
      status = { code: 0, message, uuid: await answer() };
    } catch (error) {
      status = failureStatus(error, 0);
    }
    return new types.ExtensionStatus({ ...status, uuid: int64Of(status.uuid) });
  }
}

/** Reads the arguments of a method that takes one string. */
function readOneString(cursor: ByteCursor): string {
  let value = '';
  cursor.struct((id, type) => {
    if (id !== 1 || type !== T_STRING) return false;
    value = cursor.string();
    return true;
  });
  return value;
}
