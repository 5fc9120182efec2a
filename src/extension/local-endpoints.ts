import type { QueryContext } from 'osquery-extension-ts';
import { socketEventExtras, socketEvents } from '../../tables/socket_events.ts';
import type { EventBuffer } from '../events/event-buffer.ts';
import { RowExtras } from '../events/row-extras.ts';
import { type ConnectedBatch, forEachConnected } from '../ingest/connected-batch.ts';
import type { LeftOutSockets } from '../ingest/ingest-messages.ts';
import type { ConnectedSocket } from '../model/sockets/connected-socket.ts';
import { BUSY, type Found, type SocketLookupCounters } from '../model/sockets/socket-lookup.ts';

/** What is needed of a SocketLookup. */
export interface FindsLocalEnd {
  readonly counters: Readonly<SocketLookupCounters>;
  find(socket: ConnectedSocket): Found;
  passOver(connects: number): void;
  close(): void;
}

/**
 * Fills in what audit does not record of connections: the local end and the protocol in the rows of socket_events,
 * some milliseconds after them. A socket that is closed by then keeps the row as it is.
 */
export class LocalEndpoints {
  /** Connections that were not even offered: by the worker, … */
  #leftOut: LeftOutSockets = { refused: 0, replaced: 0 };
  /** … and behind one for which there was too much to do. */
  #passedOver = 0;
  readonly #lookup: FindsLocalEnd;
  readonly #buffer: EventBuffer;
  /** What sources before this one had left out. */
  #leftOutBefore: LeftOutSockets = { refused: 0, replaced: 0 };
  readonly #extras: RowExtras;

  /**
   * @param buffer that of socket_events
   * @param extras the values of LocalEndpoints before these
   */
  constructor(lookup: FindsLocalEnd, buffer: EventBuffer, extras = emptyExtras()) {
    this.#lookup = lookup;
    this.#buffer = buffer;
    this.#extras = extras;
  }

  get counters(): SocketLookupCounters {
    const { counters } = this.#lookup;
    const refused = this.#leftOutBefore.refused + this.#leftOut.refused;
    const replaced = this.#leftOutBefore.replaced + this.#leftOut.replaced;
    return {
      ...counters,
      gone: counters.gone + replaced,
      refused: counters.refused + refused + this.#passedOver,
    };
  }

  /** What is offered now is of another source, which counts what it leaves out from the beginning. */
  sourceChanged(): void {
    this.#leftOutBefore = {
      refused: this.#leftOutBefore.refused + this.#leftOut.refused,
      replaced: this.#leftOutBefore.replaced + this.#leftOut.replaced,
    };
    this.#leftOut = { refused: 0, replaced: 0 };
  }

  /** The values beside the rows of socket_events. */
  get extras(): RowExtras {
    return this.#extras;
  }

  offer(batch: ConnectedBatch, leftOut: LeftOutSockets): void {
    const replaced = leftOut.replaced - this.#leftOut.replaced;
    this.#leftOut = leftOut;
    this.#extras.dropGone(this.#buffer);
    this.#passedOver += forEachConnected(batch, (eid, socket) => {
      const found = this.#lookup.find(socket);
      if (found === BUSY) return false;
      void found?.then(end => {
        if (end === undefined) return;
        this.#extras.set(eid, [String(end.protocol), end.local.address, String(end.local.port)]);
      });
      return true;
    });
    this.#lookup.passOver(replaced);
  }

  /** The values for the rows of socket_events, if the query uses one of their columns. */
  extrasFor({ colsUsed }: QueryContext): RowExtras | undefined {
    if (colsUsed !== undefined && !socketEventExtras.some(name => colsUsed.has(name))) return undefined;
    return this.#extras;
  }

  close(): void {
    this.#lookup.close();
  }
}

const emptyExtras = (): RowExtras =>
  new RowExtras(
    socketEvents.spec.columns.map(({ name }) => name),
    socketEventExtras,
  );
