import { OsqueryError, shown } from '../errors.ts';
import { DEFAULT_MAX_EVENT_BYTES } from '../limits.ts';
import type { Plugin, PluginCall, PluginContext } from '../plugins/plugin.ts';
import type { ColumnSpec, Row } from '../table/column.ts';
import type { PluginRow, ResponseRows } from '../table/encoded-rows.ts';
import type { GeneratedRow } from '../table/generated-rows.ts';
import { createRowEncoder, type RowEncoder } from '../table/row-encoder.ts';
import type { TableContext } from '../table/table-context.ts';
import { TablePlugin } from '../table/table-plugin.ts';
import { checkTableSpec, type TableSpec } from '../table/table-spec.ts';
import { ByteWriter } from '../wire/byte-writer.ts';
import { AgeClock } from './age-clock.ts';
import { DEFAULT_FLAGS, EventCore, type EventFlags } from './event-core.ts';
import type { EventCounters } from './event-rows.ts';
import { KeptEvents } from './kept-events.ts';
import { QueryCursors } from './query-cursors.ts';
import { type ReadEnvironment, readEvents } from './read-events.ts';
import { ReturnedRows } from './returned-rows.ts';
import type { RowRange } from './row-ranges.ts';

/** A row of an event table. `time` is in seconds since the epoch; if absent, the time of the append. */
export type EventRow<Columns extends readonly ColumnSpec[]> = Row<Columns> & {
  readonly time?: number | bigint | null | undefined;
};

/** Options of an event table that override core's flags. */
export interface EventTableOptions<Columns extends readonly ColumnSpec[]> {
  /** Most rows kept; the newest stay. Default: core's `events_max`. */
  readonly max?: number;
  /** Most bytes of them in wire format. Default: {@link DEFAULT_MAX_EVENT_BYTES}. */
  readonly maxBytes?: number;
  /**
   * Seconds after its `time` at which a row is dropped, but not before the scheduled queries have had three chances
   * to see it; 1 drops rows that were read, 0 drops nothing because of its age. Default: core's `events_expiry`.
   */
  readonly expiry?: number;
  /** Whether a scheduled query gets each row once. Default: core's `events_optimize`. */
  readonly optimize?: boolean;
  /** Starts watching, before the extension registers. `append` is the table's. */
  start?(
    context: PluginContext & { readonly append: (row: EventRow<Columns>) => void },
  ): void | Promise<void>;
  /** Stops watching, when core makes no more calls. */
  stop?(): void | Promise<void>;
}

/** A table of events that core can query. */
export interface EventTable<Columns extends readonly ColumnSpec[] = readonly ColumnSpec[]> extends Plugin {
  /** The spec with `time` and `eid`, as core has it. */
  readonly spec: TableSpec;
  /** Counters of the rows so far. */
  readonly counters: Readonly<EventCounters>;
  /**
   * Adds a row.
   *
   * @throws OsqueryError OSQUERY_INVALID for a row that the columns cannot hold
   */
  append(row: EventRow<Columns>): void;
}

/**
 * Makes an event table. Core keeps no cursor for event tables of extensions, and would log every row again at each
 * run of a scheduled query. So the table keeps its rows and gives each scheduled query those that it has not read;
 * all reads of one execution (a self-join, `IN`, `OR`) get the same rows. A query with a constraint on `time`, or
 * outside the schedule, gets all rows. Rows are in memory, and lost when the extension ends.
 *
 * The columns `time` (BIGINT) and `eid` (TEXT, hidden: the number of the row) are added if the spec does not have
 * them.
 *
 * @throws OsqueryError OSQUERY_INVALID when the definition is invalid
 */
export function eventTable<const Columns extends readonly ColumnSpec[]>(
  spec: TableSpec<Columns>,
  options: EventTableOptions<Columns> = {},
): EventTable<Columns> {
  return new BufferedTable<Columns>(spec, options);
}

/** Digits of `eid`, with leading zeros, so that texts sort like the numbers; as many as in osquery. */
const EID_DIGITS = 10;

type KeptRow = GeneratedRow<readonly ColumnSpec[]> & Readonly<Record<string, unknown>>;

class BufferedTable<Columns extends readonly ColumnSpec[]> implements EventTable<Columns> {
  readonly registry = 'table';
  readonly name: string;
  readonly spec: TableSpec;
  readonly #options: EventTableOptions<Columns>;
  readonly #plugin: TablePlugin;
  readonly #encoder: RowEncoder<readonly ColumnSpec[]>;
  readonly #encoded = new ByteWriter();
  readonly #events: KeptEvents<KeptRow>;
  readonly #cursors = new QueryCursors();
  readonly #returned: ReturnedRows;
  readonly #clock = new AgeClock();
  #core: EventCore | undefined;
  #unfollow: (() => Promise<void>) | undefined;

  constructor(spec: TableSpec<Columns>, options: EventTableOptions<Columns>) {
    this.spec = completed(spec);
    checkOptions(spec.name, options);
    this.name = spec.name;
    this.#options = options;
    this.#plugin = new TablePlugin(this.spec, { generate: (context, call) => this.#generate(context, call) });
    this.#encoder = createRowEncoder(this.spec.columns, { table: spec.name });
    this.#events = new KeptEvents(this.#limits(DEFAULT_FLAGS));
    this.#returned = new ReturnedRows(this.#events);
  }

  get counters(): Readonly<EventCounters> {
    return this.#events.counters;
  }

  append(row: EventRow<Columns>): void {
    const eid = this.#events.range.to;
    const time = row.time ?? Math.floor(Date.now() / 1000);
    // A copy, because the caller may change its object.
    const kept = { ...row, time, eid: String(eid).padStart(EID_DIGITS, '0'), rowid: eid } as KeptRow;
    const { rowid: _rowid, ...columns } = kept;
    this.#encoded.length = 0;
    const bytes = this.#encoder.append(columns, this.#encoded);
    this.#events.append({ row: kept, time: Number(time), bytes });
  }

  routes(): readonly PluginRow[] {
    return this.#plugin.routes();
  }

  call(request: PluginRow, call: PluginCall): Promise<ResponseRows> {
    return this.#plugin.call(request, call);
  }

  async start(context: PluginContext): Promise<void> {
    const core = EventCore.of(context.client);
    this.#core = core;
    this.#unfollow = core.follow(look => this.#follow(core, look));
    try {
      await this.#options.start?.({ ...context, append: row => this.append(row) });
    } catch (error) {
      await this.#unfollow();
      throw error;
    }
  }

  async stop(): Promise<void> {
    try {
      await this.#options.stop?.();
    } finally {
      await this.#unfollow?.();
      this.#core = undefined;
    }
  }

  get #names(): readonly string[] {
    return [this.name, ...(this.spec.aliases ?? [])];
  }

  #limits(flags: EventFlags): { readonly rows: number; readonly bytes: number } {
    const { max, maxBytes = DEFAULT_MAX_EVENT_BYTES } = this.#options;
    return { rows: max ?? flags.max, bytes: maxBytes };
  }

  /** Takes over the result of a look at core: its flags, and its queries. */
  #follow(core: EventCore, look: number): void {
    const { schedule, flags } = core;
    this.#events.setLimits(this.#limits(flags));
    this.#cursors.settle(new Set((schedule.readersOf(this.#names) ?? []).map(({ query }) => query)), look);
    this.#cursors.retain(schedule.names, this.#events.range);
  }

  async #generate(context: TableContext, call: PluginCall): Promise<readonly KeptRow[]> {
    const columns = this.spec.columns
      .map(({ name }) => name)
      .filter(name => context.comparisons(name).length > 0);
    return await readEvents(this.#events, this.#cursors, this.#environment(context, call), {
      isTimed: columns.includes('time'),
      hasAll: columns.length === 0,
      signal: call.signal,
      select: (range, consumed) =>
        this.#events.select(
          narrowed(range, context),
          row => columns.every(name => context.matches(name, row[name])),
          consumed,
        ),
    });
  }

  #environment({ colsUsed }: TableContext, { fd }: PluginCall): ReadEnvironment {
    const core = this.#core;
    const flags = core?.flags ?? DEFAULT_FLAGS;
    const { expiry = flags.expiry, optimize = flags.optimize } = this.#options;
    const names = this.#names;
    return {
      execution: async () => core?.execution({ tableNames: names, columns: colsUsed, fd }),
      readers: () => core?.schedule.readersOf(names),
      returned: this.#returned,
      eventsOptimize: optimize,
      eventsExpiry: expiry,
      now: age => this.#clock.now(age),
    };
  }
}

/** The part of a range that comparisons of `eid` leave: a join asks for one row at a time. */
const narrowed = (range: RowRange, context: TableContext): RowRange => {
  const [first, ...others] = context.comparisons('eid').filter(({ operator }) => operator === '=');
  // Beside a column of numbers, texts are compared as numbers: '77' may be '0000000077'.
  const eid = Number(first?.value);
  if (first === undefined || others.length > 0 || !Number.isSafeInteger(eid)) return range;
  return { from: Math.max(range.from, eid), to: Math.min(range.to, eid + 1) };
};

/** The spec with the columns of every event table, and as event-based. */
const completed = (spec: TableSpec): TableSpec => {
  checkTableSpec(spec);
  const fail = (what: string): never => {
    throw new OsqueryError('OSQUERY_INVALID', `table ${spec.name}: ${what}`);
  };
  const time = spec.columns.find(({ name }) => name === 'time');
  if (time !== undefined && time.type !== 'BIGINT') {
    fail(`column time is ${time.type}; expected BIGINT, seconds since the epoch`);
  }
  if (spec.columns.some(({ name }) => name === 'eid' || name === 'rowid')) {
    fail('columns eid and rowid are the numbers that an event table gives; expected other names');
  }
  return {
    ...spec,
    columns: [
      ...spec.columns,
      ...(time === undefined ? [{ name: 'time', type: 'BIGINT', additional: true } as const] : []),
      { name: 'eid', type: 'TEXT', hidden: true },
    ],
    attributes: { ...spec.attributes, eventBased: true },
  };
};

const NUMBERS = ['max', 'maxBytes', 'expiry'] as const;
const OTHERS: readonly string[] = ['optimize', 'start', 'stop'];

const checkOptions = (table: string, options: EventTableOptions<readonly ColumnSpec[]>): void => {
  const fail = (what: string): never => {
    throw new OsqueryError('OSQUERY_INVALID', `table ${table}: ${what}`);
  };
  for (const name of NUMBERS) {
    const value = options[name];
    if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) continue;
    fail(`${name}: expected a whole number from 0, got ${shown(value)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if ((NUMBERS as readonly string[]).includes(name) || value === undefined) continue;
    if (!OTHERS.includes(name)) {
      fail(`option ${name} does not exist; expected any of ${[...NUMBERS, ...OTHERS].join(', ')}`);
    }
    const expected = name === 'optimize' ? 'boolean' : 'function';
    if (typeof value !== expected) fail(`${name}: expected a ${expected}, got ${shown(value)}`);
  }
};
