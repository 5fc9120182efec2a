import type { QueryContext } from 'osquery-extension-ts';
import { socketEventExtras, socketEvents } from '../../tables/socket_events.ts';
import type { EventBuffer } from '../events/event-buffer.ts';
import { RowExtras } from '../events/row-extras.ts';
import type { FoundEnds } from '../model/sockets/socket-ends.ts';

/** Fills in what audit does not record of sockets in the rows of socket_events, which are there some milliseconds before. */
export class LocalEndpoints {
  readonly #buffer: EventBuffer;
  readonly #extras: RowExtras;

  /**
   * @param buffer that of socket_events
   * @param extras the values of LocalEndpoints before these
   */
  constructor(buffer: EventBuffer, extras = emptyExtras()) {
    this.#buffer = buffer;
    this.#extras = extras;
  }

  /** The values beside the rows of socket_events. */
  get extras(): RowExtras {
    return this.#extras;
  }

  add(found: readonly FoundEnds[]): void {
    this.#extras.dropGone(this.#buffer);
    for (const ends of found) this.#extras.set(ends.eid, valuesOf(ends));
  }

  /** The values for the rows of socket_events, if the query uses one of their columns. */
  extrasFor({ colsUsed }: QueryContext): RowExtras | undefined {
    if (colsUsed !== undefined && !socketEventExtras.some(name => colsUsed.has(name))) return undefined;
    return this.#extras;
  }
}

/** In the order of socketEventExtras. */
const valuesOf = (ends: FoundEnds): readonly (string | undefined)[] => [
  text(ends.family),
  String(ends.protocol),
  ends.localAddress,
  ends.remoteAddress,
  String(ends.localPort),
  text(ends.remotePort),
];

const text = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

const emptyExtras = (): RowExtras =>
  new RowExtras(
    socketEvents.spec.columns.map(({ name }) => name),
    socketEventExtras,
  );
