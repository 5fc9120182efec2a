import { OsqueryError } from '../errors.ts';

/** Who waits for the reply to a request. */
export interface RequestOrigin {
  /** Fires if the client is gone before the reply has left for the kernel. */
  readonly signal: AbortSignal;
  /** Descriptor of the connection; undefined if it is closed. */
  readonly fd: number | undefined;
}

/** A request whose reply is not written yet. Most are answered without a look at the signal: it is made when it is asked for. */
export class OpenRequest implements RequestOrigin {
  readonly #fd: () => number | undefined;
  #controller: AbortController | undefined;
  #reason: unknown;

  /** @param fd the connection's, while it is open */
  constructor(fd: () => number | undefined) {
    this.#fd = fd;
  }

  get fd(): number | undefined {
    return this.#fd();
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** @param reason an error */
  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }
}

export const clientGone = (): OsqueryError =>
  new OsqueryError('OSQUERY_CONNECTION_LOST', 'the client closed its connection');
