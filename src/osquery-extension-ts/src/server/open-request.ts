import { OsqueryError } from '../errors.ts';

/** The client that waits for the reply to a request. */
export interface RequestOrigin {
  /** Fires if the client goes away before the reply has been passed to the kernel. */
  readonly signal: AbortSignal;
  /** Descriptor of the connection; undefined if it is closed. */
  readonly fd: number | undefined;
}

/** A request whose reply is not written yet. The signal is made on demand, because most answers do not use it. */
export class OpenRequest implements RequestOrigin {
  readonly #fd: () => number | undefined;
  #controller: AbortController | undefined;
  #reason: unknown;

  /** @param fd returns the connection's descriptor while it is open */
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
