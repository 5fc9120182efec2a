import {
  type Plugin,
  type QueryContext,
  type TableHandlers,
  TablePlugin,
  type TableSpec,
} from 'osquery-extension-ts';
import {
  AgeClock,
  QueryCursors,
  type QueryExecution,
  ReturnedRows,
  type TableRead,
  type TableReader,
} from 'osquery-extension-ts/events';
import { storedNames } from '../events/encoded-row.ts';
import { EventBuffer, type EventBufferLimits } from '../events/event-buffer.ts';
import type { TableBatch } from '../events/event-publisher.ts';
import type { LateColumns } from '../events/late-columns.ts';
import type { TableInMemory } from '../events/persistence/persisted-table.ts';
import type { LateBatch } from '../events/persistence/row-log.ts';
import { putBehind, type TableRows } from '../events/put-behind.ts';
import { selectEvents } from '../events/select-events.ts';
import type { SpillFile } from '../events/spill-file.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import { requestedPart } from '../runtime/answer-parts.ts';

interface Store {
  readonly spec: TableSpec;
  /** The table's names in core, once it is registered. */
  names: readonly string[];
  buffer: EventBuffer;
  cursors: QueryCursors;
  returned: ReturnedRows;
}

/** What the tables need to know about their core. */
export interface CoreView {
  /** The scheduled query that a read belongs to. */
  execution(read: TableRead): Promise<QueryExecution | undefined>;
  /** Resolves when the cursors are saved. */
  saved(): Promise<void>;
  /** undefined while the schedule is not known. */
  readers(tableNames: readonly string[]): readonly TableReader[] | undefined;
}

/** One reading of core's schedule. */
export interface ScheduleLook {
  readonly number: number;
  /** Names of all queries. */
  readonly names: ReadonlySet<string>;
  readersOf(tableNames: readonly string[]): readonly TableReader[];
}

/** What the tables need of the source of their rows. */
export interface RowSource {
  /** Resolves when the rows of everything that has happened are appended; undefined if they already are. */
  upToDate(table: string, context: QueryContext): Promise<void> | undefined;
  /** Resolves when its rows have the values that come later and that the query uses; undefined if they already have. */
  completed(table: string, context: QueryContext): Promise<void> | undefined;
}

export interface StoreOptions {
  /** Whether rows do not expire by age, as recorded ones. */
  readonly ageless: boolean;
  /** Takes rows that do not fit into memory. */
  readonly spill?: SpillFile | undefined;
}

/** The buffers of all event tables, and the plugins that answer from them. */
export class EventStore {
  readonly #stores: ReadonlyMap<string, Store>;
  /** undefined for recorded events, whose age has no meaning. */
  readonly #clock: AgeClock | undefined;
  #settings: AuditSettings;

  constructor(specs: readonly TableSpec[], settings: AuditSettings, options: StoreOptions) {
    this.#settings = settings;
    this.#clock = options.ageless ? undefined : new AgeClock();
    this.#stores = new Map(
      specs.map(spec => [
        spec.name,
        {
          spec,
          names: [spec.name],
          ...emptyTable(spec, settings, options.spill),
        },
      ]),
    );
  }

  append(batches: readonly TableBatch[]): void {
    for (const { table, batch } of batches) this.buffer(table).append(batch);
  }

  setSettings(settings: AuditSettings): void {
    this.#settings = settings;
    for (const { buffer } of this.#stores.values()) buffer.setLimits(bufferLimits(settings));
  }

  /** Forgets the cursors of queries that are gone, or do not read the table. */
  follow(look: ScheduleLook): void {
    for (const { names, buffer, cursors } of this.#stores.values()) {
      cursors.settle(new Set(look.readersOf(names).map(({ query }) => query)), look.number);
      cursors.retain(look.names, buffer.range);
    }
  }

  /**
   * All tables, to be saved.
   *
   * @param late values beside the rows, by table name
   */
  tables(late: ReadonlyMap<string, LateBatch> = new Map()): TableInMemory[] {
    return Array.from(this.#stores.values(), ({ spec, buffer, cursors }) => ({
      name: spec.name,
      columnNames: storedNames(spec.columns),
      buffer,
      cursors,
      late: late.get(spec.name),
    }));
  }

  /**
   * Continues with empty tables.
   *
   * @returns the former tables, by name
   */
  empty(): ReadonlyMap<string, TableRows> {
    const former = new Map<string, TableRows>();
    for (const [name, store] of this.#stores) {
      const { spec, buffer, cursors } = store;
      former.set(name, { columnNames: storedNames(spec.columns), buffer, cursors });
      Object.assign(store, emptyTable(spec, this.#settings));
    }
    return former;
  }

  /** Continues with former tables unchanged. */
  putBack(former: ReadonlyMap<string, TableRows>): void {
    for (const [name, { buffer, cursors }] of former)
      Object.assign(this.#stores.get(name)!, { buffer, cursors, returned: new ReturnedRows(buffer) });
  }

  /**
   * Appends the rows of former tables to the present ones.
   *
   * @returns by table name, a map from a former row number to the new one
   */
  putBehind(former: ReadonlyMap<string, TableRows>): ReadonlyMap<string, (eid: number) => number> {
    return new Map(
      Array.from(former, ([name, rows]) => {
        const { buffer, cursors } = this.#stores.get(name)!;
        return [name, putBehind(rows, { columnNames: rows.columnNames, buffer, cursors })] as const;
      }),
    );
  }

  /** Number of the next row by table name. */
  nextEids(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.#stores, ([name, { buffer }]) => [name, buffer.range.to]));
  }

  buffers(): ReadonlyMap<string, EventBuffer> {
    return new Map([...this.#stores].map(([name, { buffer }]) => [name, buffer]));
  }

  buffer(table: string): EventBuffer {
    return this.#stores.get(table)!.buffer;
  }

  /**
   * @param namesInCore the names by which core knows one of our tables
   * @param lateColumns returns the late values of a table's rows, at each SELECT
   */
  plugins(
    namesInCore: (spec: TableSpec) => readonly TableSpec[],
    core: CoreView,
    source: RowSource,
    lateColumns: (table: string, context: QueryContext) => LateColumns | undefined,
  ): Plugin[] {
    return [...this.#stores.values()].flatMap(store => {
      const { spec: standard } = store;
      const specs = namesInCore(standard);
      // A query sees a row once, under whichever name it asks.
      const names = specs.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
      store.names = names;
      const generate: TableHandlers<TableSpec['columns']>['generate'] = (
        context,
        { signal, fd, requestBytes },
      ) =>
        selectEvents({
          spec: standard,
          buffer: store.buffer,
          cursors: store.cursors,
          environment: {
            execution: () => core.execution({ tableNames: names, columns: context.colsUsed, fd }),
            readers: () => core.readers(names),
            saved: core.saved,
            upToDate: () => source.upToDate(standard.name, context),
            completed: () => source.completed(standard.name, context),
            returned: store.returned,
            eventsOptimize: this.#settings.eventsOptimize,
            eventsExpiry: this.#settings.eventsExpiry,
            now: age => this.#clock?.now(age),
          },
          context,
          signal,
          lateColumns: lateColumns(standard.name, context),
          part: requestedPart(requestBytes),
        });
      return specs.map(spec => new TablePlugin(spec, { generate }));
    });
  }
}

const emptyTable = (
  spec: TableSpec,
  settings: AuditSettings,
  spill?: SpillFile,
): Pick<Store, 'buffer' | 'cursors' | 'returned'> => {
  const buffer = new EventBuffer(storedNames(spec.columns), bufferLimits(settings), spill);
  return { buffer, cursors: new QueryCursors(), returned: new ReturnedRows(buffer) };
};

const bufferLimits = (settings: AuditSettings): EventBufferLimits => ({
  rows: settings.eventsMax,
  bytes: settings.limits.bufferBytes,
});
