import { setTimeout as sleep } from 'node:timers/promises';
import type { QueryContext } from 'osquery-extension-ts';
import { socketContainerExtras, socketEventExtras, socketEvents } from '../../tables/socket_events.ts';
import type { EventBuffer } from '../events/event-buffer.ts';
import { LateColumns } from '../events/late-columns.ts';
import type { FoundEnds } from '../model/sockets/found-ends.ts';

/** Milliseconds after which a row has its ends: they are held until it is certain whose they are (HOLD_MS). */
const ENDS_MS = 200;
/** … and its container: of a process that is gone, it is asked for a second time. */
const CONTAINER_MS = 450;

/**
 * Fills in what audit does not record about sockets, and the containers of their processes, in rows of socket_events
 * that were made some milliseconds before.
 */
export class LocalEndpoints {
  readonly #buffer: EventBuffer;
  readonly #lateColumns: LateColumns;
  /** Milliseconds of a monotonic clock when the newest rows came. */
  #newestAt = Number.NEGATIVE_INFINITY;

  /**
   * @param buffer of socket_events
   * @param lateColumns the values of a former LocalEndpoints
   */
  constructor(buffer: EventBuffer, lateColumns = noLateColumns()) {
    this.#buffer = buffer;
    this.#lateColumns = lateColumns;
  }

  /** The late values of socket_events. */
  get lateColumns(): LateColumns {
    return this.#lateColumns;
  }

  /** Rows have come. */
  noteRows(): void {
    this.#newestAt = performance.now();
  }

  /**
   * Resolves when the rows that are there have the values that the query uses, as far as these can be known; undefined if
   * they already have.
   *
   * @param looksUp whether ends are looked up
   */
  completed(context: QueryContext, looksUp: boolean): Promise<void> | undefined {
    const asksForContainers = LocalEndpoints.asksForContainers(context);
    const asksForEnds = looksUp && socketEventExtras.some(name => context.colsUsed?.has(name));
    if (!asksForContainers && !asksForEnds) return undefined;
    const left = this.#newestAt + (asksForContainers ? CONTAINER_MS : ENDS_MS) - performance.now();
    return left > 0 ? sleep(left) : undefined;
  }

  add(found: readonly FoundEnds[]): void {
    this.#lateColumns.dropGone(this.#buffer);
    for (const ends of found) this.#lateColumns.set(ends.eid, valuesOf(ends));
  }

  /** @param values in the order of socketContainerExtras */
  addContainer(eid: number, values: readonly (string | undefined)[]): void {
    this.#lateColumns.set(eid, values, socketEventExtras.length);
  }

  /** Whether a query names a container column. */
  static asksForContainers({ colsUsed }: QueryContext): boolean {
    return colsUsed !== undefined && socketContainerExtras.some(name => colsUsed.has(name));
  }

  /** The late values of socket_events, if the query uses one of their columns. */
  lateColumnsOf({ colsUsed }: QueryContext): LateColumns | undefined {
    if (colsUsed !== undefined && !EXTRAS.some(name => colsUsed.has(name))) return undefined;
    return this.#lateColumns;
  }
}

const EXTRAS = [...socketEventExtras, ...socketContainerExtras] as const;

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

const noLateColumns = (): LateColumns =>
  new LateColumns(
    socketEvents.spec.columns.map(({ name }) => name),
    EXTRAS,
  );
