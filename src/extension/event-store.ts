import { type Plugin, TablePlugin, type TableSpec } from 'osquery-extension-ts';
import { EventBuffer, type EventBufferLimits } from '../events/event-buffer.ts';
import type { TableBatch } from '../events/event-publisher.ts';
import type { EventTable } from '../events/event-table.ts';
import { QueryCursors, type QueryExecution } from '../events/query-cursors.ts';
import { selectEvents, type TableReader } from '../events/select-events.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';

interface Store {
  readonly table: EventTable;
  readonly buffer: EventBuffer;
  readonly cursors: QueryCursors;
}

/** What the tables ask of the core they are registered with. */
export interface CoreView {
  execution(): Promise<QueryExecution | undefined>;
  readers(tableNames: readonly string[]): readonly TableReader[];
}

/** The buffers of all event tables, and the plugins that answer from them. */
export class EventStore {
  readonly #stores: ReadonlyMap<string, Store>;
  /** Recorded events are as old as their log: age says nothing about them. */
  readonly #ageless: boolean;
  #settings: AuditSettings;

  constructor(
    tables: readonly EventTable[],
    settings: AuditSettings,
    options: { readonly ageless: boolean },
  ) {
    this.#settings = settings;
    this.#ageless = options.ageless;
    this.#stores = new Map(
      tables.map(table => [
        table.spec.name,
        {
          table,
          buffer: new EventBuffer(
            table.spec.columns.map(({ name }) => name),
            bufferLimits(settings),
          ),
          cursors: new QueryCursors(),
        },
      ]),
    );
  }

  append(batches: readonly TableBatch[]): void {
    for (const { table, batch } of batches) this.#stores.get(table)!.buffer.append(batch);
  }

  setSettings(settings: AuditSettings): void {
    this.#settings = settings;
    for (const { buffer } of this.#stores.values()) buffer.setLimits(bufferLimits(settings));
  }

  /** Forgets the cursors of queries that are gone. */
  retainQueries(names: ReadonlySet<string>): void {
    for (const { cursors } of this.#stores.values()) cursors.retain(names);
  }

  buffers(): ReadonlyMap<string, EventBuffer> {
    return new Map([...this.#stores].map(([name, { buffer }]) => [name, buffer]));
  }

  /** @param nameTable the names a table gets in this core */
  plugins(nameTable: (spec: TableSpec) => TableSpec, core: CoreView): Plugin[] {
    return [...this.#stores.values()].map(({ table, buffer, cursors }) => {
      const spec = nameTable(table.spec);
      const names = [spec.name, ...(spec.aliases ?? [])];
      return new TablePlugin(spec, {
        generate: context =>
          selectEvents(
            spec,
            buffer,
            cursors,
            {
              execution: async () => {
                const execution = await core.execution();
                // While a scheduled query runs, a distributed one may too; only the reader of this table is meant.
                const reads = core.readers(names).some(({ query }) => query === execution?.query);
                return reads ? execution : undefined;
              },
              readers: () => core.readers(names),
              eventsOptimize: this.#settings.eventsOptimize,
              eventsExpiry: this.#settings.eventsExpiry,
              now: () => (this.#ageless ? undefined : Date.now() / 1000),
            },
            context,
          ),
      });
    });
  }
}

const bufferLimits = (settings: AuditSettings): EventBufferLimits => ({
  rows: settings.eventsMax,
  bytes: settings.limits.bufferBytes,
});
