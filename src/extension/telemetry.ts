import type { QueryContext } from 'osquery-extension-ts';
import { tableOn } from '../../tables/platform-table.ts';
import { processEventExtras, processEvents } from '../../tables/process_events.ts';
import { processTelemetryEvents } from '../../tables/process_telemetry_events.ts';
import { storedColumns } from '../events/encoded-row.ts';
import type { EventBuffer } from '../events/event-buffer.ts';
import { LateColumns } from '../events/late-columns.ts';
import { releaseBatch } from '../events/row-batch.ts';
import { RowBatchWriter } from '../events/row-batch-writer.ts';
import { ownerOf } from '../events/row-owner.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import type { SocketProcesses } from '../ingest/ingest-messages.ts';
import { type ProcessBatch, ProcessBatchReader } from '../ingest/process-batch.ts';
import type { ConnectPrograms } from '../model/process/open-process-programs.ts';
import { KernelProcessConnector } from '../model/process/process-connector.ts';
import { type TelemetryCounters, telemetryCounters } from '../model/telemetry-counters.ts';
import { createTelemetryModel, type TelemetryEvent, type TelemetryModel } from '../model/telemetry-model.ts';
import { SocketContainers } from './socket-containers.ts';

const EXTRA_NAMES = Object.keys(processEventExtras) as readonly (keyof typeof processEventExtras)[];
const EXTRA_FIELDS = Object.values(processEventExtras);
/** Milliseconds that events gather, if they are completed later than they come, before they become rows. */
const GATHER_MS = 10;
/** Length of texts beside a row that is too short to count, and the most bytes of one unit. */
const FREE_UNITS = 256;
const BYTES_PER_UNIT = 2;

export interface TelemetryOptions {
  readonly origin: 'live' | 'replay';
  readonly settings: AuditSettings;
  /** The buffer of process_events, whose rows get values from here. */
  readonly processBuffer: EventBuffer;
  /** The buffer of process_telemetry_events. */
  readonly telemetryBuffer: EventBuffer;
  readonly warn?: (message: string) => void;
  /** Asks the source for process events. Called once, when they are first needed after the start. */
  readonly requestProcesses: () => void;
  /** Takes values in the order of socketContainerExtras for a row of socket_events. */
  readonly onSocketContainer?: (eid: number, values: readonly (string | undefined)[]) => void;
  /** Reads BPF programs that tell about processes, if they are loaded already. */
  readonly connectPrograms?: ConnectPrograms | undefined;
  /** The late values of a former Telemetry. */
  readonly lateColumns?: LateColumns | undefined;
}

/**
 * Connects the Event Model: it takes process events, and makes the rows of process_telemetry_events and the last
 * columns of process_events. With telemetry off, nothing runs until a query asks for one of those columns, and then
 * only what the requested columns need.
 */
export class Telemetry {
  readonly #options: TelemetryOptions;
  readonly #writer: RowBatchWriter;
  readonly #lateColumns: LateColumns;
  /** Fields that are read. */
  readonly #wanted: Set<string>;
  /** The values of one row, reused. */
  readonly #values: (string | undefined)[] = EXTRA_FIELDS.map(() => undefined);
  #reader = new ProcessBatchReader();
  #telemetry: TelemetryModel | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOffering = false;
  #connectPrograms: ConnectPrograms | undefined;
  #socketContainers: SocketContainers | undefined;

  constructor(options: TelemetryOptions) {
    this.#options = options;
    this.#connectPrograms = options.connectPrograms;
    this.#wanted = new Set(
      options.settings.telemetry ? [...processTelemetryEvents.fields, ...EXTRA_FIELDS] : [],
    );
    const columns = storedColumns(processTelemetryEvents.spec.columns);
    this.#writer = new RowBatchWriter(columns, options.telemetryBuffer.range.to);
    const names = tableOn(process.platform, processEvents).spec.columns.map(({ name }) => name);
    this.#lateColumns = options.lateColumns ?? new LateColumns(names, EXTRA_NAMES);
  }

  /** Number of fields that are read. */
  get wantedFields(): number {
    return this.#wanted.size;
  }

  /** Whether it takes process events. */
  get isActive(): boolean {
    return this.#telemetry !== undefined;
  }

  /** From now on reads BPF programs instead of the kernel's process connector; undefined: the other way round. */
  useProcessPrograms(connect: ConnectPrograms | undefined): void {
    this.#connectPrograms = connect;
    this.#telemetry?.services?.connector.replace?.(connect ?? KernelProcessConnector.open);
  }

  /** Batches now come from another source, and refer to none of the earlier texts. */
  sourceChanged(): void {
    this.#reader = new ProcessBatchReader();
  }

  /** Starts the model if telemetry is on. */
  async start(): Promise<void> {
    if (this.#options.settings.telemetry) await this.#activate();
  }

  /** Starts the model with the fields wanted by now. A former one with fewer fields still finishes its events. */
  async #activate(): Promise<void> {
    const { origin, settings } = this.#options;
    const former = this.#telemetry;
    this.#socketContainers?.close();
    this.#telemetry = createTelemetryModel({
      origin,
      wanted: this.#wanted,
      emit: event => this.#emit(event),
      limits: { budgetMs: settings.limits.telemetryBudgetMilliseconds },
      services: {
        forkEvents: settings.allowForkProcessEvents,
        hashLimits: {
          maxFileBytes: settings.limits.hashFileBytes,
          cpuPercent: settings.limits.hashCpuPercent,
        },
        warn: this.#options.warn,
        openConnector: this.#connectPrograms,
      },
    });
    const { services } = this.#telemetry;
    const { onSocketContainer } = this.#options;
    if (services !== undefined && onSocketContainer !== undefined)
      this.#socketContainers = new SocketContainers(services, onSocketContainer);
    await this.#telemetry.model.start();
    await former?.model.close();
  }

  /** The late values of process_events. */
  get lateColumns(): LateColumns {
    return this.#lateColumns;
  }

  /** undefined while the model does not run. */
  get counters(): TelemetryCounters | undefined {
    return this.#telemetry && telemetryCounters(this.#telemetry);
  }

  /**
   * Takes the process events of a batch.
   *
   * @param upTo number of a row: the events from this one on are left out
   * @returns false if events were left out
   */
  offer(batch: ProcessBatch, upTo = Number.POSITIVE_INFINITY): boolean {
    const model = this.#telemetry?.model;
    let isBefore = true;
    this.#isOffering = true;
    // Unwanted batches are read too, because later ones refer to their texts.
    this.#reader.read(
      batch,
      model &&
        ((event, eid) => {
          if (eid !== undefined && eid >= upTo) isBefore = false;
          if (isBefore) model.offer(event, eid);
        }),
    );
    this.#isOffering = false;
    this.#flush();
    return isBefore;
  }

  /** Finds the containers of processes that have sockets. Their exec events must have been taken before. */
  offerSockets(sockets: SocketProcesses): void {
    this.#socketContainers?.offer(sockets);
  }

  /** Starts the model if it is not running, with the sources that determine containers. */
  wantContainers(): void {
    if (this.#wanted.has('container_id')) return;
    this.#wanted.add('container_id');
    if (this.#telemetry === undefined) this.#options.requestProcesses();
    void this.#activate();
  }

  #emit(enriched: TelemetryEvent): void {
    const { event, eid, fields } = enriched;
    if (eid !== undefined) {
      for (let i = 0; i < EXTRA_FIELDS.length; i++) this.#values[i] = textOf(fields[EXTRA_FIELDS[i]!]);
      this.#lateColumns.set(eid, this.#values);
      this.#chargeFor(eid);
    }
    if (this.#options.settings.telemetry) {
      this.#writer.append(
        processTelemetryEvents.toRow(enriched),
        event.seconds,
        ownerOf(event.auid, event.uid),
      );
    }
    // Results that are ready are taken at once: waking up again costs more than taking them.
    if (!this.#isOffering) this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  /** Long texts beside a row count as its memory: they are not packed, and a user chooses them. */
  #chargeFor(eid: number): void {
    let units = 0;
    for (const value of this.#values) units += value?.length ?? 0;
    if (units > FREE_UNITS) this.#options.processBuffer.charge(eid, BYTES_PER_UNIT * units);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#writer.take();
    if (batch !== undefined) {
      this.#options.telemetryBuffer.append(batch);
      releaseBatch(batch);
    }
    this.#lateColumns.dropGone(this.#options.processBuffer);
  }

  /** Whether a query names one of the columns that come from here. */
  static asksForLateColumns({ colsUsed }: QueryContext): boolean {
    return colsUsed !== undefined && EXTRA_NAMES.some(name => colsUsed.has(name));
  }

  /** The late values of process_events, if the query uses one of their columns. */
  lateColumnsOf(context: QueryContext): LateColumns | undefined {
    const { colsUsed } = context;
    // A query that names no columns wants all of them. That alone does not start the model.
    if (colsUsed === undefined) return this.#lateColumns;
    const asked = EXTRA_NAMES.filter(name => colsUsed.has(name));
    if (asked.length === 0) return undefined;
    const before = this.#wanted.size;
    for (const name of asked) this.#wanted.add(processEventExtras[name]);
    if (this.#wanted.size > before) {
      if (this.#telemetry === undefined) this.#options.requestProcesses();
      void this.#activate();
    }
    return this.#lateColumns;
  }

  /** Resolves when every offered event is finished. May be called any number of times. */
  async close(): Promise<void> {
    this.#socketContainers?.close();
    await this.#telemetry?.model.close();
    this.#flush();
  }
}

const textOf = (value: string | number | undefined): string | undefined =>
  typeof value === 'number' ? String(value) : value;
