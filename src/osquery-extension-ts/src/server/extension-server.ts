import { ExtensionManagerClient } from '../client/extension-manager-client.ts';
import { type ExtensionUuid, messageOf, OsqueryError } from '../errors.ts';
import type { PluginRoutes } from '../extension-info.ts';
import { extensionSocketPath } from '../extension-info.ts';
import type { Plugin, PluginCall } from '../plugins/plugin.ts';
import { type EncodedRows, type PluginRow, valueBytes } from '../table/encoded-rows.ts';
import { ByteCursor } from '../wire/byte-cursor.ts';
import { answerGenerated, answerMessage, encodeException, UNKNOWN_METHOD } from '../wire/reply-codec.ts';
import {
  encodeStatusReply,
  type MessageHeader,
  readCallArguments,
  readMessageHeader,
} from '../wire/response-codec.ts';
import { respond } from './dispatch.ts';
import { type ServerLimits, serverLimits } from './limits.ts';
import { MessageServer } from './message-server.ts';
import type { RequestOrigin } from './open-request.ts';
import type { RefusePeer } from './refuse-peer.ts';

/** Options of an extension's server. */
export interface ExtensionServerOptions {
  /** Core's socket; the extension's own is this followed by "." and the uuid. */
  readonly managerSocketPath: string;
  /** The uuid from core's registration. */
  readonly uuid: ExtensionUuid;
  readonly plugins: readonly Plugin[];
  /** The client of core for plugins; without it the server makes one, which connects when it is used. */
  readonly client?: ExtensionManagerClient;
  /** Called for each ping, before the answer is sent. */
  readonly onPing?: () => void;
  /** Core asked the extension to stop; called after the request is answered. */
  readonly onShutdown?: () => void;
  readonly limits?: Partial<ServerLimits>;
  /** Decides on each client, in addition to the socket file's mode. */
  readonly refusePeer?: RefusePeer;
}

/** A request whose header was read. */
interface Received {
  readonly message: Buffer;
  readonly cursor: ByteCursor;
  readonly header: MessageHeader;
  readonly from: RequestOrigin;
}

/** The circumstances of a request for a plugin. Each part is made on demand. */
class ReceivedCall implements PluginCall {
  readonly client: ExtensionManagerClient;
  readonly maxReplyBytes: number;
  readonly #received: Received;
  readonly #requestAt: number;

  constructor(
    received: Received,
    call: {
      readonly requestAt: number;
      readonly maxReplyBytes: number;
      readonly client: ExtensionManagerClient;
    },
  ) {
    this.#received = received;
    this.#requestAt = call.requestAt;
    this.maxReplyBytes = call.maxReplyBytes;
    this.client = call.client;
  }

  get signal(): AbortSignal {
    return this.#received.from.signal;
  }

  get fd(): number | undefined {
    return this.#received.from.fd;
  }

  get requestBytes(): (name: string) => Uint8Array | undefined {
    const at = this.#requestAt;
    return name => (at === 0 ? undefined : valueBytes(new ByteCursor(this.#received.message, at), name));
  }
}

/** The server that core calls: answers ping, call and shutdown at `<socket>.<uuid>`, a socket file of mode 0600. */
export class ExtensionServer implements AsyncDisposable {
  readonly uuid: ExtensionUuid;
  readonly socketPath: string;
  readonly #plugins: ReadonlyMap<string, ReadonlyMap<string, Plugin>>;
  readonly #server: MessageServer;
  readonly #onPing: () => void;
  readonly #onShutdown: () => void;
  readonly #maxReplyBytes: number;
  readonly #client: ExtensionManagerClient;
  /** The client, if it is this server's own. */
  readonly #ownClient: ExtensionManagerClient | undefined;

  constructor(options: ExtensionServerOptions) {
    const limits = serverLimits(options.limits);
    this.uuid = options.uuid;
    this.socketPath = extensionSocketPath(options.managerSocketPath, options.uuid);
    this.#plugins = byRegistry(options.plugins);
    this.#onPing = options.onPing ?? (() => {});
    this.#onShutdown = options.onShutdown ?? (() => {});
    this.#maxReplyBytes = limits.maxReplyBytes;
    this.#ownClient =
      options.client === undefined
        ? new ExtensionManagerClient({ socketPath: options.managerSocketPath })
        : undefined;
    this.#client = options.client ?? this.#ownClient!;
    this.#server = new MessageServer({
      path: this.socketPath,
      limits,
      refusePeer: options.refusePeer,
      handle: (message, from) => this.#handle(message, from),
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
    await this.#ownClient?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #handle(message: Buffer, from: RequestOrigin): EncodedRows['chunks'] | Promise<EncodedRows['chunks']> {
    const cursor = new ByteCursor(message);
    const header = readMessageHeader(cursor);
    return answerMessage(header, () => this.#answer({ message, cursor, header, from }));
  }

  #answer(received: Received): EncodedRows['chunks'] | Promise<EncodedRows['chunks']> {
    const { message, cursor, header } = received;
    const { name, seqid } = header;
    switch (name) {
      case 'call': {
        const { registry, item, request, requestAt } = readCallArguments(cursor);
        const maxReplyBytes = this.#maxReplyBytes;
        return respond({ method: name, seqid, uuid: this.uuid, maxReplyBytes }, () =>
          this.#plugin(registry, item).call(
            request,
            new ReceivedCall(received, { requestAt, maxReplyBytes, client: this.#client }),
          ),
        );
      }
      case 'ping':
        this.#onPing();
        return [encodeStatusReply(name, seqid, { code: 0, message: 'pong', uuid: this.uuid })];
      case 'shutdown':
        // After the reply was written: this runs before any I/O of the next turn, and the write before that.
        setImmediate(this.#onShutdown);
        return answerGenerated('Extension', { shutdown: () => undefined }, message).then(reply => [reply]);
      default:
        return [encodeException(name, seqid, UNKNOWN_METHOD, `Unknown function ${name}`)];
    }
  }

  #plugin(registry: string, item: string): Plugin {
    const plugins = this.#plugins.get(registry);
    if (plugins === undefined) {
      throw new OsqueryError('OSQUERY_INVALID', `this extension has no registry ${JSON.stringify(registry)}`);
    }
    const plugin = plugins.get(item);
    if (plugin === undefined) {
      throw new OsqueryError(
        'OSQUERY_INVALID',
        `this extension has no ${registry} plugin ${JSON.stringify(item)}`,
      );
    }
    return plugin;
  }
}

/** The plugins by registry and name; throws if two have the same. */
export function byRegistry(plugins: readonly Plugin[]): ReadonlyMap<string, ReadonlyMap<string, Plugin>> {
  const registries = new Map<string, Map<string, Plugin>>();
  for (const plugin of plugins) {
    const items = registries.get(plugin.registry) ?? new Map<string, Plugin>();
    if (items.has(plugin.name)) {
      throw new OsqueryError('OSQUERY_INVALID', `two ${plugin.registry} plugins are named ${plugin.name}`);
    }
    registries.set(plugin.registry, items.set(plugin.name, plugin));
  }
  return registries;
}

/** What the plugins register with core. */
export function pluginRoutes(plugins: readonly Plugin[]): PluginRoutes {
  const routes = new Map<string, Map<string, readonly PluginRow[]>>();
  for (const [registry, items] of byRegistry(plugins)) {
    const rows = new Map<string, readonly PluginRow[]>();
    for (const [name, plugin] of items) {
      try {
        rows.set(name, plugin.routes());
      } catch (cause) {
        throw new OsqueryError('OSQUERY_INVALID', `${registry} plugin ${name}: ${messageOf(cause)}`, {
          cause,
        });
      }
    }
    routes.set(registry, rows);
  }
  return routes;
}
