import { connect, type Socket } from 'node:net';
import { debug, publishClientCall } from '../diagnostics.ts';
import { messageOf, OsqueryError } from '../errors.ts';
import { ByteCursor } from '../wire/byte-cursor.ts';
import { MessageReader } from '../wire/message-reader.ts';
import type { SentRequest } from '../wire/request-codec.ts';
import { type MessageHeader, readMessageHeader } from '../wire/response-codec.ts';

/** Longest delay a timer can have; longer ones would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const MAX_SEQID = 2 ** 31 - 1;
/** Bytes taken from the kernel in one read. */
const RECEIVE_BYTES = 64 * 1024;

/** Limits of one call. */
export interface CallOptions {
  /** Milliseconds until the call fails with OSQUERY_TIMEOUT, waiting for earlier calls included; Infinity for none. */
  readonly timeoutMs?: number;
  /** Fails the call with OSQUERY_ABORTED when it fires. */
  readonly signal?: AbortSignal;
  /**
   * Leaves the replies unread until the caller reads them (`readNow`) or makes another call. The replies to several
   * requests arrive one by one, and waking up for each of them costs more than reading them.
   */
  readonly readLater?: boolean;
}

interface RequestOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly readLater: boolean;
}

/** A complete reply, not yet decoded. */
export interface Reply {
  readonly header: MessageHeader;
  readonly bytes: Buffer;
}

/** One or more requests that are sent together, and what to do with their replies. */
interface Job {
  /** Whether the replies stay unread until somebody reads them. */
  readLater: boolean;
  readonly encode: readonly ((seqid: number) => SentRequest)[];
  readonly settle: (error: OsqueryError | undefined, replies?: readonly Reply[]) => void;
}

/**
 * One UNIX socket. It carries one request at a time, in the order they were made, because osquery serves them so; or
 * several that were made as one, whose replies come in the same order. It connects when there is something to send, and
 * connects again after a failure. A request that times out or is aborted before its reply ends the connection:
 * otherwise its late reply would be taken for the next request's.
 *
 * An idle connection does not keep the process alive.
 */
export class Connection {
  readonly #path: string;
  readonly #maxReplyBytes: number;
  readonly #queue: Job[] = [];
  #active: Job | undefined;
  /** What was sent for the active job, and the replies to it so far. */
  #sent: readonly SentRequest[] = [];
  #replies: Reply[] = [];
  #socket: Socket | undefined;
  #seqid = 0;
  #closed = false;
  #connects = 0;

  constructor(options: { readonly path: string; readonly maxReplyBytes: number }) {
    this.#path = options.path;
    this.#maxReplyBytes = options.maxReplyBytes;
  }

  /** How often it has connected, or tried to. */
  get connects(): number {
    return this.#connects;
  }

  /** Sends the requests made by `encode` in one write, and resolves with what `decode` makes of the replies. */
  request<T>(
    method: string,
    encode: Job['encode'],
    decode: (replies: readonly Reply[]) => T,
    options: RequestOptions,
  ): Promise<T> {
    const refusal = this.#refusal(method, options);
    if (refusal !== undefined) return Promise.reject(refusal);
    const { timeoutMs, signal, readLater } = options;
    const started = performance.now();
    const done = Promise.withResolvers<T>();
    let settled = false;
    let timer: NodeJS.Timeout | undefined;
    const onAbort = (): void => this.#cancel(job, aborted(method, signal!));
    const job: Job = {
      readLater,
      encode,
      settle: (failure, replies) => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        let error: unknown = failure;
        if (replies !== undefined) {
          try {
            done.resolve(decode(replies));
          } catch (thrown) {
            error = thrown;
          }
        }
        if (error !== undefined) done.reject(error);
        publishClientCall({
          socketPath: this.#path,
          method,
          milliseconds: performance.now() - started,
          ...(error === undefined ? {} : { error }),
        });
      },
    };
    if (timeoutMs <= MAX_TIMER_MS) {
      timer = setTimeout(() => {
        const message = `${method}: no reply from ${this.#path} within ${timeoutMs} ms`;
        this.#cancel(job, new OsqueryError('OSQUERY_TIMEOUT', message));
      }, timeoutMs);
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    // Earlier replies have to be read first.
    this.readNow();
    this.#queue.push(job);
    this.#pump();
    return done.promise;
  }

  /** Why a request is not even queued. */
  #refusal(method: string, { timeoutMs, signal }: RequestOptions): OsqueryError | undefined {
    if (this.#closed) {
      return new OsqueryError('OSQUERY_CLOSED', `${method}: the client of ${this.#path} is closed`);
    }
    if (signal?.aborted) return aborted(method, signal);
    if (Number.isNaN(timeoutMs) || timeoutMs <= 0) {
      const message = `${method}: timeout of ${timeoutMs} ms; expected a positive number`;
      return new OsqueryError('OSQUERY_INVALID', message);
    }
    return undefined;
  }

  /** Reads the replies that were left unread, also those to requests that are not sent yet. */
  readNow(): void {
    for (const job of this.#queue) job.readLater = false;
    if (this.#active?.readLater !== true) return;
    this.#active.readLater = false;
    this.#socket?.resume();
  }

  /**
   * Fails all waiting requests, closes the socket, and resolves when it is closed. May be called any number of times.
   */
  async close(): Promise<void> {
    this.#closed = true;
    const error = new OsqueryError('OSQUERY_CLOSED', `the client of ${this.#path} was closed`);
    for (const job of this.#queue.splice(0)) job.settle(error);
    this.#active?.settle(error);
    this.#active = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined || socket.closed) return;
    const closed = new Promise<void>(resolve => socket.once('close', () => resolve()));
    socket.ref();
    socket.destroy();
    await closed;
  }

  #cancel(job: Job, error: OsqueryError): void {
    if (this.#active === job) {
      this.#fail(error);
      return;
    }
    const index = this.#queue.indexOf(job);
    if (index >= 0) this.#queue.splice(index, 1);
    job.settle(error);
  }

  /** Gives up the connection and its request; the next request gets a new connection. */
  #fail(error: OsqueryError): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
    const job = this.#active;
    this.#active = undefined;
    job?.settle(error);
    this.#pump();
  }

  #pump(): void {
    if (this.#active !== undefined || this.#closed) return;
    const job = this.#queue.shift();
    if (job === undefined) {
      this.#socket?.unref();
      return;
    }
    this.#active = job;
    this.#replies = [];
    try {
      this.#sent = job.encode.map(encode => encode(this.#nextSeqid()));
    } catch (error) {
      this.#active = undefined;
      job.settle(
        error instanceof OsqueryError ? error : new OsqueryError('OSQUERY_INVALID', messageOf(error)),
      );
      this.#pump();
      return;
    }
    const socket = this.#socket ?? this.#connect();
    socket.ref();
    const [first] = this.#sent;
    socket.write(
      this.#sent.length === 1 ? first!.bytes : Buffer.concat(this.#sent.map(({ bytes }) => bytes)),
    );
    if (job.readLater && this.#queue.length === 0) socket.pause();
    else if (socket.isPaused()) socket.resume();
  }

  #nextSeqid(): number {
    this.#seqid = this.#seqid === MAX_SEQID ? 1 : this.#seqid + 1;
    return this.#seqid;
  }

  #connect(): Socket {
    const reader = new MessageReader(this.#maxReplyBytes);
    let connected = false;
    // Reads into a buffer of ours: only then does a paused socket leave data in the kernel.
    const socket = connect({
      path: this.#path,
      onread: {
        buffer: Buffer.allocUnsafeSlow(RECEIVE_BYTES),
        callback: (count, buffer) => {
          receive(Buffer.from(buffer.subarray(0, count)));
          return true;
        },
      },
    });
    this.#connects += 1;
    const lost = (error: OsqueryError): void => {
      if (this.#socket === socket) this.#fail(error);
    };
    this.#socket = socket;
    socket.on('connect', () => {
      connected = true;
      debug('connected to %s', this.#path);
    });
    const receive = (chunk: Buffer): void => {
      if (this.#socket !== socket) return;
      try {
        reader.push(chunk);
        for (let message = reader.next(); message !== undefined; message = reader.next()) {
          this.#receive(message, reader.pendingBytes);
        }
      } catch (error) {
        lost(
          error instanceof OsqueryError
            ? error
            : new OsqueryError('OSQUERY_PROTOCOL', messageOf(error), { cause: error }),
        );
      }
    };
    socket.on('error', cause => lost(socketError(this.#path, connected, cause)));
    socket.on('end', () => lost(connectionLost(this.#path)));
    socket.on('close', () => lost(connectionLost(this.#path)));
    return socket;
  }

  #receive(bytes: Buffer, more: number): void {
    const job = this.#active;
    const request = this.#sent[this.#replies.length];
    if (job === undefined || request === undefined) {
      throw new OsqueryError('OSQUERY_PROTOCOL', `${this.#path} sent a reply without a request`);
    }
    const header = readMessageHeader(new ByteCursor(bytes));
    const isLast = this.#replies.length + 1 === this.#sent.length;
    if (header.name !== request.method || header.seqid !== request.seqid || (isLast && more > 0)) {
      throw new OsqueryError(
        'OSQUERY_PROTOCOL',
        `expected one reply to ${request.method} (number ${request.seqid}) from ${this.#path}, ` +
          `got ${header.name} (number ${header.seqid})${more > 0 ? ` and ${more} more bytes` : ''}`,
      );
    }
    this.#replies.push({ header, bytes });
    if (!isLast) return;
    this.#active = undefined;
    job.settle(undefined, this.#replies);
    this.#pump();
  }
}

function aborted(method: string, signal: AbortSignal): OsqueryError {
  const error = new OsqueryError('OSQUERY_ABORTED', `${method} was aborted`, { cause: signal.reason });
  error.name = 'AbortError';
  return error;
}

function connectionLost(path: string): OsqueryError {
  return new OsqueryError('OSQUERY_CONNECTION_LOST', `${path} closed the connection before it replied`);
}

function socketError(path: string, connected: boolean, cause: NodeJS.ErrnoException): OsqueryError {
  if (connected) {
    return new OsqueryError('OSQUERY_CONNECTION_LOST', `connection to ${path} failed: ${cause.message}`, {
      cause,
    });
  }
  const why =
    cause.code === 'ENOENT'
      ? 'there is no such socket; is osquery running, with --extensions_socket at this path?'
      : cause.code === 'ECONNREFUSED'
        ? 'nobody listens; the osquery that made this socket is gone'
        : cause.code === 'EACCES' || cause.code === 'EPERM'
          ? 'not permitted; run as the user that osquery runs as'
          : cause.message;
  return new OsqueryError('OSQUERY_CONNECT', `cannot connect to ${path}: ${why}`, { cause });
}
