import { readSync, writeSync } from 'node:fs';
import type { Server } from 'node:net';
import type { OsqueryError } from '../errors.ts';
import type { EncodedRows } from '../table/encoded-rows.ts';
import { MessageReader } from '../wire/message-reader.ts';
import { clientGone, OpenRequest } from './open-request.ts';
import { inOnePiece } from './reply-chunks.ts';
import type { BegunConnection, MessageHandler } from './server-connection.ts';

/** A longer request is left to a socket. */
const RECEIVE_BYTES = 64 * 1024;
/** Milliseconds between two checks of clients that have their reply. */
const CLOSING_MS = 2;
/** Most clients that have their reply and have not closed yet. */
const MOST_ANSWERED = 8;

/** Node's handle of a client before it makes a socket. */
interface ClientHandle {
  /** Negative once it is closed. */
  readonly fd?: number;
  close(): void;
}

/** The listening handle in a net.Server. */
interface ListeningHandle {
  onconnection?: (this: ListeningHandle, status: number, client?: ClientHandle) => void;
}

export interface DirectConnectionsOptions {
  readonly maxRequestBytes: number;
  readonly handle: MessageHandler;
  /** Why a client, given by its descriptor, is refused; undefined to serve it. */
  readonly refusalOf: (fd: number) => OsqueryError | undefined;
  /** Called when a connection was dropped, with the reason. */
  readonly onDrop: (reason: unknown) => void;
}

/** A client whose request is being answered. */
interface Asking {
  readonly client: ClientHandle;
  readonly bytes: number;
  readonly request: OpenRequest;
  readonly answered: Promise<EncodedRows['chunks']>;
}

/** A client that has its reply. */
interface Answered {
  readonly client: ClientHandle;
  /** Number of looks so far at whether it has closed. */
  looks: number;
}

/**
 * Serves clients that behave like osquery: they connect, send one short request at once, and close when they have a
 * short reply. A join does that twice per row, and most of its time would be spent on sockets and their streams. Here
 * a socket is made only when something is not immediate: the request has not come, the answer takes a turn of the
 * event loop, the reply is long or is not read, or the client stays. The socket then continues from there.
 *
 * This uses Node's handles below sockets, which are not documented. If they are missing, all clients get sockets.
 */
export class DirectConnections {
  readonly #options: DirectConnectionsOptions;
  readonly #received = Buffer.allocUnsafeSlow(RECEIVE_BYTES);
  #giveSocket: (client: ClientHandle) => void = () => {};
  readonly #asking = new Set<Asking>();
  #nextTurn: NodeJS.Immediate | undefined;
  #answered: Answered[] = [];
  #timer: NodeJS.Timeout | undefined;
  #begun: BegunConnection | undefined;

  constructor(options: DirectConnectionsOptions) {
    this.#options = options;
  }

  /** Number of clients without a socket. */
  get count(): number {
    return this.#asking.size + this.#answered.length;
  }

  /** How the connection was begun that the server is just being told of; undefined for one that is new. */
  get begun(): BegunConnection | undefined {
    return this.#begun;
  }

  /** @param server a server that listens */
  serve(server: Server): void {
    const listening = (server as Server & { _handle?: ListeningHandle | null })._handle;
    const bySocket = listening?.onconnection;
    if (!listening || bySocket === undefined) return;
    this.#giveSocket = client => bySocket.call(listening, 0, client);
    listening.onconnection = (status, client) => {
      const fd = client?.fd ?? -1;
      if (status !== 0 || client === undefined || fd < 0) bySocket.call(listening, status, client);
      else this.#begin(client, fd);
    };
  }

  /** Drops clients that have their replies, and gives sockets to the others. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const { client } of this.#answered) client.close();
    this.#answered = [];
    this.#leaveAsking();
  }

  #begin(client: ClientHandle, fd: number): void {
    const refusal = this.#options.refusalOf(fd);
    if (refusal !== undefined) {
      this.#options.onDrop(refusal);
      client.close();
      return;
    }
    const received = this.#receive(fd);
    if (received === undefined) this.#goOn(client, NOTHING_YET);
    else if (received.length === 0) client.close();
    else this.#take(client, received);
  }

  /** Answers if exactly one request has come. */
  #take(client: ClientHandle, received: Buffer): void {
    let message: Buffer | undefined;
    if (received.length < RECEIVE_BYTES) {
      const reader = new MessageReader(this.#options.maxRequestBytes);
      try {
        reader.push(received);
        message = reader.next();
      } catch {
        // This is reported when it is read again.
      }
      if (reader.pendingBytes > 0) message = undefined;
    }
    if (message === undefined) this.#goOn(client, { received });
    else this.#ask(client, message);
  }

  #ask(client: ClientHandle, message: Buffer): void {
    const request = new OpenRequest(() => openFd(client));
    let answered: ReturnType<MessageHandler>;
    try {
      answered = this.#options.handle(message, request);
    } catch (error) {
      this.#drop({ client, request }, error);
      return;
    }
    if (!(answered instanceof Promise)) {
      this.#reply({ client, bytes: message.length, request, answered });
      return;
    }
    const asking: Asking = { client, bytes: message.length, request, answered };
    this.#asking.add(asking);
    this.#nextTurn ??= setImmediate(() => this.#leaveAsking());
    answered.then(
      chunks => {
        if (this.#settle(asking)) this.#reply({ ...asking, answered: chunks });
      },
      error => {
        if (this.#settle(asking)) this.#drop(asking, error);
      },
    );
  }

  /** Whether the connection has no socket yet. */
  #settle(asking: Asking): boolean {
    const isHere = this.#asking.delete(asking);
    if (this.#asking.size === 0) {
      clearImmediate(this.#nextTurn);
      this.#nextTurn = undefined;
    }
    return isHere;
  }

  /** Clients that wait longer get a socket, which notices when they go. */
  #leaveAsking(): void {
    clearImmediate(this.#nextTurn);
    this.#nextTurn = undefined;
    for (const { client, bytes, request, answered } of this.#asking) {
      this.#goOn(client, { bytes, request, answered });
    }
    this.#asking.clear();
  }

  #reply(asked: Omit<Asking, 'answered'> & { readonly answered: EncodedRows['chunks'] }): void {
    const { client, bytes, request, answered } = asked;
    const whole = inOnePiece(answered);
    let written = 0;
    if (whole !== undefined) {
      try {
        written = writeSync(client.fd!, whole);
      } catch (error) {
        if (!isNotNow(error)) {
          this.#drop(asked, error);
          return;
        }
      }
    }
    if (written === whole?.length) this.#keepAnswered(client);
    else
      this.#goOn(client, { bytes, request, answered: written === 0 ? answered : [whole!.subarray(written)] });
  }

  #drop({ client, request }: Pick<Asking, 'client' | 'request'>, error: unknown): void {
    this.#options.onDrop(error);
    request.abort(clientGone());
    client.close();
  }

  /**
   * Its client closes it, usually before it connects again. Earlier ones are dropped now: their clients have their
   * replies.
   */
  #keepAnswered(client: ClientHandle): void {
    if (this.#answered.length > 0) this.#clearAnswered();
    if (this.#answered.length >= MOST_ANSWERED) {
      this.#goOn(client, NOTHING_YET);
      return;
    }
    this.#answered.push({ client, looks: 0 });
    this.#timer ??= setInterval(() => this.#lookAtAnswered(), CLOSING_MS).unref();
  }

  /** A client that has had its reply between two looks, and has not closed, gets a socket. */
  #lookAtAnswered(): void {
    const stay = this.#answered.filter(answered => answered.looks++ > 0);
    if (stay.length > 0) {
      this.#answered = this.#answered.filter(({ looks }) => looks === 1);
      for (const { client } of stay) this.#goOn(client, NOTHING_YET);
    }
    if (this.#answered.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Closes connections that the clients have closed. */
  #clearAnswered(): void {
    const answered = this.#answered;
    this.#answered = [];
    for (const each of answered) {
      const received = this.#receive(each.client.fd!);
      if (received === undefined) this.#answered.push(each);
      else if (received.length === 0) each.client.close();
      else this.#goOn(each.client, { received });
    }
  }

  #goOn(client: ClientHandle, begun: BegunConnection): void {
    this.#begun = begun;
    this.#giveSocket(client);
    this.#begun = undefined;
  }

  /** The data that have come; empty if the client has closed, undefined if it has not and nothing has come. */
  #receive(fd: number): Buffer | undefined {
    try {
      return Buffer.from(this.#received.subarray(0, readSync(fd, this.#received)));
    } catch (error) {
      return isNotNow(error) ? undefined : EMPTY;
    }
  }
}

/** undefined once it is closed. */
const openFd = ({ fd = -1 }: ClientHandle): number | undefined => (fd < 0 ? undefined : fd);

const EMPTY: Buffer = Buffer.alloc(0);
const NOTHING_YET: BegunConnection = { received: EMPTY };

const isNotNow = (error: unknown): boolean =>
  ['EAGAIN', 'EWOULDBLOCK', 'EINTR'].includes((error as NodeJS.ErrnoException).code ?? '');
