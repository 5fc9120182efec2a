import { unlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { debug, hearsOfRequests, publishServerRejected, publishServerRequest } from '../diagnostics.ts';
import { OsqueryError } from '../errors.ts';
import { ByteCursor } from '../wire/byte-cursor.ts';
import { readMessageHeader } from '../wire/response-codec.ts';
import { Deadlines } from './deadlines.ts';
import { DirectConnections } from './direct-connections.ts';
import type { ServerLimits } from './limits.ts';
import { listenPrivately } from './listen.ts';
import type { RequestOrigin } from './open-request.ts';
import { descriptorOf, type RefusePeer, refusalOf } from './refuse-peer.ts';
import { type MessageHandler, type PendingBytes, ServerConnection } from './server-connection.ts';

/** Milliseconds that {@link MessageServer.close} waits for replies in progress. */
const DEFAULT_CLOSE_GRACE_MS = 1000;

/** A UNIX socket server of request and reply messages: connections in parallel, the requests of one in order. */
export class MessageServer {
  readonly path: string;
  readonly #server: Server;
  readonly #connections = new Set<ServerConnection>();
  readonly #direct: DirectConnections;
  readonly #deadlines = new Deadlines(this.#connections);
  /** Called when the last connection is closed, while the server closes. */
  #onEmpty: (() => void) | undefined;
  readonly #pending: PendingBytes = { requests: 0, replies: 0, writing: new Set() };
  #listening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: {
    readonly path: string;
    readonly limits: ServerLimits;
    readonly handle: MessageHandler;
    readonly refusePeer?: RefusePeer | undefined;
  }) {
    this.path = options.path;
    const handle: MessageHandler = (message, from) =>
      hearsOfRequests() ? this.#told(options.handle, message, from) : options.handle(message, from);
    const onDrop = (reason: unknown): void => publishServerRejected({ socketPath: this.path, reason });
    const onClosed = (connection: ServerConnection): void => {
      this.#connections.delete(connection);
      if (this.#connections.size === 0) this.#onEmpty?.();
    };
    const refuse = (fd: number | undefined): OsqueryError | undefined => {
      const { maxConnections } = options.limits;
      if (this.connectionCount >= maxConnections) {
        return new OsqueryError('OSQUERY_TOO_LARGE', `more than ${maxConnections} connections`);
      }
      const why = refusalOf(fd, options.refusePeer);
      return why === undefined ? undefined : new OsqueryError('OSQUERY_PEER_REFUSED', why);
    };
    this.#direct = new DirectConnections({
      maxRequestBytes: options.limits.maxRequestBytes,
      handle,
      refusalOf: refuse,
      onDrop,
    });
    this.#server = createServer({ allowHalfOpen: true }, socket => {
      const { begun } = this.#direct;
      const refusal = begun === undefined ? refuse(descriptorOf(socket)) : undefined;
      if (refusal !== undefined) {
        onDrop(refusal);
        socket.destroy();
        return;
      }
      const connection = new ServerConnection({
        socket,
        handle,
        limits: options.limits,
        pending: this.#pending,
        onDrop,
        onClosed,
        deadlines: this.#deadlines,
        begun,
      });
      this.#connections.add(connection);
    });
    // accept(2) failing for lack of file descriptors must not end the process.
    this.#server.on('error', error => debug('%s: %s', this.path, error));
  }

  async #told(
    handle: MessageHandler,
    message: Buffer,
    from: RequestOrigin,
  ): Promise<Awaited<ReturnType<MessageHandler>>> {
    const started = performance.now();
    const reply = await handle(message, from);
    publishServerRequest({
      socketPath: this.path,
      method: readMessageHeader(new ByteCursor(message)).name,
      milliseconds: performance.now() - started,
      replyBytes: reply.reduce((sum, chunk) => sum + chunk.length, 0),
    });
    return reply;
  }

  /** Open connections. */
  get connectionCount(): number {
    return this.#connections.size + this.#direct.count;
  }

  /** Resolves when clients can connect. */
  listen(): Promise<void> {
    if (this.#closing !== undefined) {
      return Promise.reject(new OsqueryError('OSQUERY_CLOSED', `the server at ${this.path} was closed`));
    }
    this.#listening ??= this.#listen();
    return this.#listening;
  }

  /** Stops listening, removes the socket file, lets replies in progress finish for a moment, closes everything. */
  close(graceMs: number = DEFAULT_CLOSE_GRACE_MS): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #listen(): Promise<void> {
    await listenPrivately(this.#server, this.path);
    this.#direct.serve(this.#server);
    debug('listening at %s', this.path);
  }

  async #close(graceMs: number): Promise<void> {
    try {
      await this.#listening;
    } catch {
      return;
    }
    if (this.#listening === undefined) return;
    this.#direct.close();
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()));
    await unlink(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') debug('%s cannot be removed: %s', this.path, error);
    });
    for (const connection of this.#connections) connection.close();
    const grace = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, graceMs);
    await closed;
    if (this.#connections.size > 0) {
      await new Promise<void>(resolve => {
        this.#onEmpty = resolve;
      });
    }
    clearTimeout(grace);
    this.#deadlines.stop();
  }
}
