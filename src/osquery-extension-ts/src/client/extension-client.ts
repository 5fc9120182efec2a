import { type ExtensionStatus, OsqueryError, OsqueryStatusError } from '../errors.ts';
import { DEFAULT_CALL_TIMEOUT_MS, DEFAULT_MAX_RECEIVED_BYTES } from '../limits.ts';
import { checkSocketPath } from '../socket-path.ts';
import { decodeRows, type EncodedRows, type PluginRequest, type PluginRow } from '../table/encoded-rows.ts';
import { ByteCursor } from '../wire/byte-cursor.ts';
import { uuidOf } from '../wire/int64.ts';
import {
  type EncodedRequest,
  encodeCall,
  encodeRequest,
  type PluginCallRequest,
  type SentRequest,
  type Service,
} from '../wire/request-codec.ts';
import {
  type EncodedResponse,
  type MessageHeader,
  readMessageHeader,
  readResponse,
} from '../wire/response-codec.ts';
import { type CallOptions, Connection, type Reply } from './connection.ts';

export type { PluginCallRequest } from '../wire/request-codec.ts';
export type { CallOptions } from './connection.ts';

/** What a plugin answered: rows, or a status other than 0. */
export interface PluginAnswer {
  readonly status: ExtensionStatus;
  readonly rows: readonly PluginRow[];
}

/** Options of a client. */
export interface ClientOptions {
  /** Path of the other side's socket: core's `--socket`, or an extension's `<socket>.<uuid>`. */
  readonly socketPath: string;
  /** Limit of each call without its own limit, in milliseconds. */
  readonly timeoutMs?: number;
  /** Longest reply accepted, in bytes. */
  readonly maxReplyBytes?: number;
}

/**
 * Does with an extension what core does: ping, call, shutdown. Concurrent calls are sent one after the other over one
 * connection, which is renewed when it was lost; so a client works with Promise.all and survives the other side's
 * restart.
 */
export class ExtensionClient implements AsyncDisposable {
  readonly socketPath: string;
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  /** The Thrift service of the other side. */
  protected readonly service: Service = 'Extension';

  /** @throws OsqueryError OSQUERY_SOCKET_PATH when no socket can have the path */
  constructor(options: ClientOptions) {
    checkSocketPath(options?.socketPath);
    this.socketPath = options.socketPath;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_CALL_TIMEOUT_MS;
    this.#connection = new Connection({
      path: options.socketPath,
      maxReplyBytes: options.maxReplyBytes ?? DEFAULT_MAX_RECEIVED_BYTES,
    });
  }

  /** How often this client has connected: more than once means that a connection was lost or given up. */
  get connects(): number {
    return this.#connection.connects;
  }

  /** Asks whether the other side answers. Its uuid is in the status: 0 for core. */
  async ping(options?: CallOptions): Promise<ExtensionStatus> {
    return okStatus(statusOf(await this.invoke('ping', [], options), 'ping'));
  }

  /**
   * Calls a plugin.
   *
   * @param registry "table", "config", "logger", "database", ...
   * @param item the plugin's name; empty for core's active one
   * @throws OsqueryStatusError when the plugin answers a status other than 0
   */
  async call(
    registry: string,
    item: string,
    request: PluginRequest,
    options?: CallOptions,
  ): Promise<PluginRow[]> {
    return decodeRows(await this.callEncoded(registry, item, request, options));
  }

  /** Like {@link call}, with the rows still encoded: they are a part of the received message. */
  async callEncoded(
    registry: string,
    item: string,
    request: PluginRequest,
    options?: CallOptions,
  ): Promise<EncodedRows<Uint8Array>> {
    return this.#forRows('call', seqid => encodeCall(seqid, { registry, item, request }), options);
  }

  /** Calls plugins one after the other with one wait: all requests are sent at once, and answered in order. */
  async callTogether(
    calls: readonly PluginCallRequest[],
    options?: CallOptions,
  ): Promise<readonly PluginAnswer[]> {
    if (calls.length === 0) return [];
    return this.#connection.request(
      'call',
      calls.map(call => seqid => encodeCall(seqid, call)),
      replies =>
        replies.map(reply => {
          const { status, rows } = responseOf(reply);
          return { status, rows: decodeRows(rows) };
        }),
      this.#limits(options),
    );
  }

  /** Reads the replies to calls made with `readLater`. */
  readNow(): void {
    this.#connection.readNow();
  }

  /** Asks an extension to stop. Core ignores it. */
  async shutdown(options?: CallOptions): Promise<void> {
    await this.invoke('shutdown', [], options);
  }

  /** Closes the connection; waiting calls fail with OSQUERY_CLOSED. May be called any number of times. */
  async close(): Promise<void> {
    await this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Sends a request and decodes the reply with the generated code. */
  protected invoke(method: string, args: readonly unknown[], options?: CallOptions): Promise<unknown> {
    let sent: EncodedRequest | undefined;
    return this.#connection.request(
      method,
      [
        seqid => {
          sent = encodeRequest(this.service, method, seqid, args);
          return sent;
        },
      ],
      ([reply]) => sent!.decode(reply!.bytes),
      this.#limits(options),
    );
  }

  /** Sends a request and decodes the reply from its bytes. */
  protected invokeRaw<T>(
    method: string,
    args: readonly unknown[],
    read: (cursor: ByteCursor, header: MessageHeader) => T,
    options?: CallOptions,
  ): Promise<T> {
    return this.#connection.request(
      method,
      [seqid => encodeRequest(this.service, method, seqid, args)],
      ([reply]) => {
        const cursor = new ByteCursor(reply!.bytes);
        return read(cursor, readMessageHeader(cursor));
      },
      this.#limits(options),
    );
  }

  /** Sends a request whose reply carries rows. */
  protected invokeForRows(
    method: string,
    args: readonly unknown[],
    options?: CallOptions,
  ): Promise<EncodedRows<Uint8Array>> {
    return this.#forRows(method, seqid => encodeRequest(this.service, method, seqid, args), options);
  }

  #forRows(
    method: string,
    encode: (seqid: number) => SentRequest,
    options: CallOptions | undefined,
  ): Promise<EncodedRows<Uint8Array>> {
    return this.#connection.request(
      method,
      [encode],
      ([reply]) => {
        const { status, rows } = responseOf(reply!);
        okStatus(status);
        return rows;
      },
      this.#limits(options),
    );
  }

  #limits(options: CallOptions | undefined): Parameters<Connection['request']>[3] {
    return {
      timeoutMs: options?.timeoutMs ?? this.#timeoutMs,
      signal: options?.signal,
      readLater: options?.readLater ?? false,
    };
  }
}

function responseOf({ bytes }: Reply): EncodedResponse {
  const cursor = new ByteCursor(bytes);
  return readResponse(cursor, readMessageHeader(cursor));
}

/** Reads a generated ExtensionStatus. */
export function statusOf(value: unknown, method: string): ExtensionStatus {
  const { code, message, uuid } = value as { code?: number | null; message?: string | null; uuid?: unknown };
  if (typeof code !== 'number') {
    throw new OsqueryError('OSQUERY_PROTOCOL', `reply to ${method} has no status code`);
  }
  return { code, message: message ?? '', uuid: uuidOf(uuid) };
}

/** The status, if it is success. */
export function okStatus(status: ExtensionStatus): ExtensionStatus {
  if (status.code !== 0) throw new OsqueryStatusError(status);
  return status;
}
