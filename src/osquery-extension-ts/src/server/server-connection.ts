import type { Socket } from 'node:net';
import { OsqueryError } from '../errors.ts';
import { bytesOf, type EncodedRows } from '../table/encoded-rows.ts';
import { MessageReader } from '../wire/message-reader.ts';
import { Deadlines, type Due } from './deadlines.ts';
import type { ServerLimits } from './limits.ts';
import { clientGone, OpenRequest, type RequestOrigin } from './open-request.ts';
import { descriptorOf } from './refuse-peer.ts';
import { heldBytes, inOnePiece } from './reply-chunks.ts';

/** Bytes that may wait behind a request that is being answered; further ones stay in the kernel. */
const MAX_PIPELINED_BYTES = 64 * 1024;

/** Bytes of a reply that are passed to the socket at once; smaller chunks are joined into one writev(2). */
const WRITE_BATCH_BYTES = 256 * 1024;

/** Milliseconds between two checks that a client that has closed its writing side still exists. */
const READER_CHECK_MS = 250;
const NOTHING = new Uint8Array(0);

/** Answers one request message with the chunks of one reply message, at once if possible. */
export type MessageHandler = (
  message: Buffer,
  from: RequestOrigin,
) => EncodedRows['chunks'] | Promise<EncodedRows['chunks']>;

/** State of a connection that began without a socket: the data that have come, or the request being answered. */
export type BegunConnection =
  | { readonly received: Buffer }
  | {
      readonly bytes: number;
      readonly request: OpenRequest;
      readonly answered: EncodedRows['chunks'] | Promise<EncodedRows['chunks']>;
    };

/** Bytes that all connections of a server hold. */
export interface PendingBytes {
  requests: number;
  /** Of replies that are being written. */
  replies: number;
  /** The connections that write them, first the one whose client has read nothing for longest. */
  readonly writing: Set<ServerConnection>;
}

/**
 * One client of a server: reads a request, has it answered, writes the reply no faster than the client reads it, then
 * takes the next. A fault of the client affects only its own connection.
 */
export class ServerConnection implements Due {
  deadline = Number.POSITIVE_INFINITY;
  readonly #socket: Socket;
  readonly #handle: MessageHandler;
  readonly #limits: ServerLimits;
  readonly #pending: PendingBytes;
  readonly #onDrop: (reason: unknown) => void;
  readonly #deadlines: Deadlines;
  readonly #reader: MessageReader;
  /** The request being answered, until its reply is written. */
  #request: OpenRequest | undefined;
  #counted = 0;
  /** Bytes of the reply being written: its chunks are held to the end. */
  #writing = 0;
  /** Bytes of the request being answered. */
  #answering = 0;
  #waiting: keyof typeof WAITS | undefined;
  #busy = false;
  #ended = false;
  #closing = false;
  #dropped = false;

  constructor(options: {
    readonly socket: Socket;
    readonly handle: MessageHandler;
    readonly limits: ServerLimits;
    readonly pending: PendingBytes;
    /** Called with the reason for each connection that was dropped, and not closed by its client. */
    readonly onDrop: (reason: unknown) => void;
    /** Called when the connection is completely closed. */
    readonly onClosed: (connection: ServerConnection) => void;
    readonly deadlines: Deadlines;
    readonly begun?: BegunConnection | undefined;
  }) {
    this.#socket = options.socket;
    this.#handle = options.handle;
    this.#limits = options.limits;
    this.#pending = options.pending;
    this.#onDrop = options.onDrop;
    this.#deadlines = options.deadlines;
    this.#reader = new MessageReader(options.limits.maxRequestBytes);
    const socket = this.#socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('end', () => {
      // The client may have closed only its writing side: its requests are still answered.
      this.#ended = true;
      if (this.#busy) this.#watchReader();
      else this.#finish();
    });
    socket.on('error', error => this.#drop(error));
    socket.on('close', () => {
      this.#release();
      options.onClosed(this);
    });
    this.#wait('idle');
    if (options.begun !== undefined) this.#goOn(options.begun);
  }

  #goOn(begun: BegunConnection): void {
    if ('received' in begun) {
      if (begun.received.length > 0) this.#receive(begun.received);
      return;
    }
    try {
      this.#begin(begun.bytes, begun.request);
      const written = this.#replyWith(begun.answered);
      if (typeof written !== 'boolean') this.#finishLater(written);
      else if (this.#done(written)) this.#next();
    } catch (error) {
      this.#drop(error);
    }
  }

  /** Lets a reply in progress finish, then closes. */
  close(): void {
    this.#closing = true;
    if (!this.#busy) this.#finish();
  }

  /** Closes at once, and aborts the work in progress. */
  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    // Closing or dropped: nothing more is answered, so nothing more is kept.
    if (this.#closing || this.#dropped) return;
    try {
      this.#reader.push(chunk);
      this.#count();
      this.#next();
    } catch (error) {
      this.#drop(error);
    }
  }

  /** Answers the received requests, one after the other. */
  #next(): void {
    while (!this.#busy) {
      const message = this.#reader.next();
      if (message === undefined) {
        this.#count();
        if (this.#ended) this.#finish();
        else this.#wait(this.#reader.pendingBytes > 0 ? 'request' : 'idle');
        return;
      }
      const written = this.#answer(message);
      if (typeof written !== 'boolean') {
        this.#finishLater(written);
      } else if (!this.#done(written)) return;
    }
    if (this.#reader.pendingBytes > MAX_PIPELINED_BYTES) this.#socket.pause();
  }

  /** Whether the reply was passed to the kernel; immediate if it is ready and accepted at once. */
  #answer(message: Buffer): boolean | Promise<boolean> {
    const request = new OpenRequest(() => descriptorOf(this.#socket));
    this.#begin(message.length, request);
    return this.#replyWith(this.#handle(message, request));
  }

  #begin(bytes: number, request: OpenRequest): void {
    this.#busy = true;
    this.#answering = bytes;
    this.#request = request;
    this.#count();
    this.#wait(undefined);
  }

  #replyWith(answered: EncodedRows['chunks'] | Promise<EncodedRows['chunks']>): boolean | Promise<boolean> {
    return answered instanceof Promise ? this.#replyLater(answered) : this.#reply(answered);
  }

  #finishLater(written: Promise<boolean>): void {
    this.#whenWritten(written).catch(error => this.#drop(error));
  }

  async #replyLater(answered: Promise<EncodedRows['chunks']>): Promise<boolean> {
    return this.#reply(await answered);
  }

  async #whenWritten(written: Promise<boolean>): Promise<void> {
    if (!this.#done(await written)) return;
    if (this.#socket.isPaused()) this.#socket.resume();
    this.#next();
  }

  /** Ends a request. Returns whether there may be another one. */
  #done(isWritten: boolean): boolean {
    if (isWritten) this.#request = undefined;
    this.#releaseReply();
    this.#busy = false;
    this.#answering = 0;
    if (this.#socket.destroyed) return false;
    if (this.#closing) this.#finish();
    return !this.#closing;
  }

  /** False if the client went away before all of it was passed to the kernel. */
  #reply(chunks: EncodedRows['chunks']): boolean | Promise<boolean> {
    const whole = inOnePiece(chunks);
    if (whole === undefined) {
      this.#holdReply(heldBytes(chunks));
      return this.#write(chunks);
    }
    const written = this.#writeBatch([whole]);
    // What the reader takes at once is not counted as held.
    if (written !== true) this.#holdReply(whole.length);
    return written;
  }

  /**
   * Writes batch after batch, each when the previous one was passed to the kernel. False if the client went away
   * before.
   */
  async #write(chunks: EncodedRows['chunks']): Promise<boolean> {
    let batch: Uint8Array[] = [];
    let room = WRITE_BATCH_BYTES;
    for (const chunk of bytesOf(chunks)) {
      for (let offset = 0; offset < chunk.length; ) {
        const part = chunk.subarray(offset, offset + room);
        batch.push(part);
        room -= part.length;
        offset += part.length;
        if (room > 0) continue;
        if (!(await this.#writeBatch(batch))) return false;
        this.#hasRead();
        batch = [];
        room = WRITE_BATCH_BYTES;
      }
    }
    return batch.length === 0 || this.#writeBatch(batch);
  }

  /** True, immediately, if all of it was passed to the kernel; false if the client went away before. */
  #writeBatch(batch: readonly Uint8Array[]): boolean | Promise<boolean> {
    const socket = this.#socket;
    if (socket.destroyed) return false;
    let settle = (_written: boolean): void => {};
    const done = (error?: Error | null): void => settle(error === undefined || error === null);
    const last = batch.length - 1;
    if (last > 0) socket.cork();
    batch.forEach((part, at) => {
      socket.write(part, at === last ? done : undefined);
    });
    if (last > 0) socket.uncork();
    if (socket.writableLength === 0 && socket.errored === null) return true;
    const ms = this.#limits.writeTimeoutMs;
    return new Promise(resolve => {
      const timer = setTimeout(() => {
        this.#drop(
          new OsqueryError(
            'OSQUERY_TIMEOUT',
            `${WRITE_BATCH_BYTES} bytes of a reply not read within ${ms} ms`,
          ),
        );
      }, ms);
      settle = written => {
        clearTimeout(timer);
        resolve(written);
      };
    });
  }

  /**
   * Finds out, while a request is being answered, whether a client that sends nothing more can still read. On Linux
   * an empty write fails (EPIPE) if the client's socket is closed, but not if only its writing side is. Elsewhere the
   * two cannot be distinguished: then the handler is told that nobody waits, and if it still answers, the answer is
   * written.
   */
  #watchReader(): void {
    if (process.platform !== 'linux') {
      this.#request?.abort(clientGone());
      return;
    }
    this.#socket.write(NOTHING, error => {
      if (error || this.#socket.destroyed) return;
      setTimeout(() => {
        if (this.#busy && !this.#socket.destroyed) this.#watchReader();
      }, READER_CHECK_MS).unref();
    });
  }

  #wait(state: keyof typeof WAITS | undefined): void {
    // The time of a request starts with its first byte; later bytes do not restart it.
    if (this.#waiting === state && state === 'request') return;
    this.#waiting = state;
    if (state === undefined) {
      this.deadline = Number.POSITIVE_INFINITY;
      return;
    }
    this.deadline = Deadlines.now() + this.#limits[WAITS[state].limit];
    this.#deadlines.add(this.deadline);
  }

  /** What is awaited has not come in time. */
  expire(): void {
    this.deadline = Number.POSITIVE_INFINITY;
    if (this.#waiting === undefined) return;
    const { what, limit } = WAITS[this.#waiting];
    this.#drop(new OsqueryError('OSQUERY_TIMEOUT', `${what} within ${this.#limits[limit]} ms`));
  }

  #count(): void {
    const bytes = this.#reader.pendingBytes + this.#answering;
    this.#pending.requests += bytes - this.#counted;
    this.#counted = bytes;
    if (this.#pending.requests > this.#limits.maxPendingRequestBytes) {
      throw new OsqueryError(
        'OSQUERY_TOO_LARGE',
        `the requests of all connections together hold more than ${this.#limits.maxPendingRequestBytes} bytes`,
      );
    }
  }

  /** Makes room first, by dropping clients that do not read: a client that does must not wait for them. */
  #holdReply(bytes: number): void {
    if (this.#socket.destroyed) return;
    const { maxPendingReplyBytes } = this.#limits;
    while (this.#pending.replies + bytes > maxPendingReplyBytes) {
      const [slowest] = this.#pending.writing;
      const tooLarge = new OsqueryError(
        'OSQUERY_TOO_LARGE',
        `the replies that were not read yet hold ${this.#pending.replies} bytes, and with one of ${bytes} more than ${maxPendingReplyBytes}`,
      );
      if (slowest === undefined) throw tooLarge;
      slowest.#drop(tooLarge);
      slowest.#releaseReply();
    }
    this.#pending.replies += bytes;
    this.#writing = bytes;
    this.#pending.writing.add(this);
  }

  /** The client has read some of the reply being written. */
  #hasRead(): void {
    if (this.#pending.writing.delete(this)) this.#pending.writing.add(this);
  }

  #releaseReply(): void {
    this.#pending.replies -= this.#writing;
    this.#writing = 0;
    this.#pending.writing.delete(this);
  }

  /** Closes when what was written has been read. */
  #finish(): void {
    this.#wait(undefined);
    // Nobody waits for our end any more, and the kernel delivers what it has.
    if (this.#ended && this.#socket.writableLength === 0) {
      this.#socket.destroy();
      return;
    }
    this.#wait('end');
    this.#socket.end(() => this.#socket.destroy());
  }

  #drop(reason: unknown): void {
    if (!this.#dropped) this.#onDrop(reason);
    this.#dropped = true;
    this.#socket.destroy();
  }

  #release(): void {
    this.#wait(undefined);
    this.#pending.requests -= this.#counted;
    this.#counted = 0;
    this.#releaseReply();
    this.#request?.abort(clientGone());
  }
}

/** What a connection can wait for, and for how long. */
const WAITS = {
  idle: { what: 'no request', limit: 'idleTimeoutMs' },
  request: { what: 'request not complete', limit: 'requestTimeoutMs' },
  end: { what: 'end of a reply not read', limit: 'writeTimeoutMs' },
} as const;
