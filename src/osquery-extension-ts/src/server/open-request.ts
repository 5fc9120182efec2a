import type { Socket } from 'node:net';
import { descriptorOf } from './refuse-peer.ts';

/** Who waits for the reply to a request. */
export interface RequestOrigin {
  /** Fires if the client is gone before the reply has left for the kernel. */
  readonly signal: AbortSignal;
  /** Descriptor of the connection; undefined if it is closed. */
  readonly fd: number | undefined;
}

/** A request whose reply is not written yet. Most are answered without a look at the signal: it is made when it is asked for. */
export class OpenRequest implements RequestOrigin {
  readonly #socket: Socket;
  #controller: AbortController | undefined;
  #reason: unknown;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get fd(): number | undefined {
    return descriptorOf(this.#socket);
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
