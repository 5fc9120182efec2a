import type { ExtensionEnd, QueryContext } from 'osquery-extension-ts';
import type { AuditLossRow } from '../../tables/audit_losses.ts';
import type { AuditStatusRow } from '../../tables/audit_status.ts';
import { eventTables } from '../../tables/index.ts';
import { processEvents } from '../../tables/process_events.ts';
import { processTelemetryEvents } from '../../tables/process_telemetry_events.ts';
import { socketEvents } from '../../tables/socket_events.ts';
import type { LoaderProcess } from '../bpf/loader-process.ts';
import type { LateColumns } from '../events/late-columns.ts';
import { Persistence } from '../events/persistence/persistence.ts';
import { SpillFile } from '../events/spill-file.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import { needsNewStart } from '../flags/start-settings.ts';
import { openLiveSource, openReplaySource } from '../ingest/audit-source.ts';
import { ChangeableSource } from '../ingest/changeable-source.ts';
import type { EventSource, LiveOptions, SourceStatus } from '../ingest/event-source.ts';
import type { IngestHandlers } from '../ingest/ingest.ts';
import type { ReplayTimes } from '../ingest/replay/replay-times.ts';
import type { WitnessPrograms } from '../ingest/witness-programs.ts';
import { type ConnectPrograms, openProcessPrograms } from '../model/process/open-process-programs.ts';
import { ProcfsReader } from '../model/procfs/reader.ts';
import { auditsFromBootHere } from '../runtime/kernel-command-line.ts';
import { residentBytes } from '../runtime/memory.ts';
import { messageOf } from '../runtime/message-of.ts';
import { BpfPrograms } from './bpf-programs.ts';
import { type BridgeKeeper, Bridging } from './bridging.ts';
import { CarriedCounters } from './carried-counters.ts';
import { EventStore, type RowSource } from './event-store.ts';
import { HealthReport, type ProcessUse } from './health-report.ts';
import { LocalEndpoints } from './local-endpoints.ts';
import { LossHistory } from './loss-history.ts';
import { LossReport } from './loss-report.ts';
import type { CoreSettings } from './osquery/core-settings.ts';
import type { OperatorLog } from './osquery/operator-log.ts';
import { canReadAgain } from './replay-telemetry.ts';
import { countersOf, statusRow } from './status-row.ts';
import { Telemetry } from './telemetry.ts';
import { UnauditedProcesses, type UnauditedStatus } from './unaudited-processes.ts';

/** The tables that hold events, by osquery's names. */
export const eventSpecs = [...eventTables.map(({ spec }) => spec), processTelemetryEvents.spec];

/** How to read recorded files. */
export interface ReplayReading {
  /** The time range; undefined: all. */
  readonly times: ReplayTimes | undefined;
  /** Ends the reading: the events read so far are all there are. */
  readonly enough: AbortSignal;
  /** Progress, and the number of events so far. */
  readonly onProgress: NonNullable<IngestHandlers['onProgress']>;
  /** Called when all files were read; again after a second reading. */
  readonly onRead: () => void;
}

export interface EventFlowOptions {
  /** Files to read instead of the kernel. */
  readonly replay: readonly string[];
  readonly reading?: ReplayReading | undefined;
  readonly log: OperatorLog;
  /** How to start this program once more. */
  readonly bridgeKeeper: BridgeKeeper;
  /** Raw records, for audit_debug. */
  readonly onRaw: (text: string) => void;
  /** Loads BPF programs; undefined if there can be none. */
  readonly loader?: LoaderProcess | undefined;
  /** Called when the source breaks off. */
  readonly onFailed: (error: unknown) => void;
}

/** Persistence. Without it events are only in memory, as in osquery itself. */
interface Keeping {
  readonly persistence?: Persistence;
  /** The reason, if there should be persistence and there is none. */
  readonly whyNot?: string;
}
const NOT_KEPT: Keeping = {};

/**
 * Moves events from their source into the buffers, with telemetry and persistence. It survives changes of settings:
 * parts that read a setting only at their start are restarted, without losing an event or taking one twice.
 */
export class EventFlow implements RowSource {
  readonly store: EventStore;
  readonly #options: EventFlowOptions;
  #core: CoreSettings;
  #bridging: Bridging | undefined;
  #persistence: Persistence | undefined;
  #accounts = new CarriedCounters(undefined);
  #losses = new LossReport();
  #lossHistory = new LossHistory({}, secondsNow());
  #health = new HealthReport({ row: {}, use: processUse(), now: monotonicSeconds() });
  #telemetry: Telemetry | undefined;
  #endpoints: LocalEndpoints | undefined;
  readonly #programs: BpfPrograms;
  #connectPrograms: ConnectPrograms | undefined;
  #unaudited: UnauditedProcesses | undefined;
  /** As of the last status. */
  #unauditedStatus: UnauditedStatus | undefined;
  #source: ChangeableSource | undefined;
  #lastError: string | undefined;
  #hasEnded = false;
  /** Whether telemetry of recorded events waits until a query needs it. */
  #isDeferred = false;
  /** The second reading, for a number of fields. */
  #readAgain: { readonly fields: number; readonly done: Promise<void> } | undefined;

  /** Takes recorded rows that do not fit into memory: queries on a file are answered from the whole file. */
  readonly #spill: SpillFile | undefined;
  /** Aborted when there is no room left for recorded rows. */
  readonly #full = new AbortController();

  private constructor(core: CoreSettings, options: EventFlowOptions) {
    this.#core = core;
    this.#options = options;
    this.#programs = new BpfPrograms(options.loader);
    const { log, replay } = options;
    const isReplay = replay.length > 0;
    this.#spill = isReplay ? openSpill(log, () => this.#full.abort()) : undefined;
    this.store = new EventStore(eventSpecs, core.settings, { ageless: isReplay, spill: this.#spill });
  }

  /**
   * Begins with the present settings.
   *
   * @throws the source's error if it cannot be opened; then audit is as it was found
   */
  static async begin(core: CoreSettings, options: EventFlowOptions): Promise<EventFlow> {
    const flow = new EventFlow(core, options);
    try {
      await flow.#begin();
    } catch (error) {
      await flow.close(undefined);
      throw error;
    }
    return flow;
  }

  get #settings(): AuditSettings {
    return this.#core.settings;
  }

  get #isReplay(): boolean {
    return this.#options.replay.length > 0;
  }

  /** Fires when reading of the files must end. */
  get #enough(): AbortSignal {
    const { reading } = this.#options;
    return AbortSignal.any([this.#full.signal, ...(reading === undefined ? [] : [reading.enough])]);
  }

  async #begin(): Promise<void> {
    const { log } = this.#options;
    if (!this.#isReplay) this.#bridging = await Bridging.open(this.#settings, log);
    const { persistence, whyNot } = this.#isReplay ? NOT_KEPT : await this.#openPersistence();
    this.#persistence = persistence;
    this.#accounts = new CarriedCounters(this.#persistence?.accounts);
    this.#losses = new LossReport(this.#accounts.carried);
    this.#lossHistory.skip(this.#accounts.carried, secondsNow());
    this.#health = new HealthReport({
      row: this.#accounts.carried,
      use: processUse(),
      now: monotonicSeconds(),
    });
    // Most queries of a log need no telemetry, which costs as much as the rest of the replay.
    this.#isDeferred = this.#isReplay && (await canReadAgain(this.#options.replay));
    await this.#startTelemetry();
    this.#startEndpoints();
    this.#source = await ChangeableSource.open(
      (settings, start) => this.#openSource(settings, start),
      this.#settings,
      {
        ...this.#sourceStart(),
        lastSerial: this.#accounts.lastSerial,
        inherited: this.#bridging?.inherited,
      },
    );
    // Not earlier: another instance that has the directory has the source too, and then that error should be
    // reported.
    if (whyNot !== undefined) log.warn(whyNot);
    await this.#buildBridge();
    // Every recorded event was read; nothing more will come.
    if (this.#isReplay) {
      await this.#telemetry?.close();
      this.#options.reading?.onRead();
      warnAboutLeftOut(this.store, log);
    }
    this.#startKeeping();
  }

  /** Takes over settings, whichever have changed. */
  async changeTo(core: CoreSettings): Promise<void> {
    const before = this.#core;
    this.#core = core;
    this.store.setSettings(core.settings);
    if (this.#programs.setMode(core.settings.bpf)) this.#leavePrograms();
    const isNewStart =
      !this.#isReplay &&
      (needsNewStart(before.settings, core.settings) || yieldsSocket(before) !== yieldsSocket(core));
    if (isNewStart) await this.#beginAnew(before.settings);
    else await this.#source?.setSettings(core.settings);
  }

  /** Loads BPF programs, if they are wanted. Never rejects: without them events come from audit alone. */
  async loadPrograms(): Promise<void> {
    if (this.#isReplay) return;
    for (const line of await this.#programs.load(this.#settings.bpf)) this.#options.log.inform(line);
    const { unaudited = auditsFromBootHere() ? [] : undefined } = this.#programs;
    this.#source?.usePrograms(this.#witnessPrograms());
    if (unaudited !== undefined)
      this.#unaudited = new UnauditedProcesses(unaudited, new ProcfsReader(), () => performance.now());
    await this.#openProcessPrograms();
  }

  async #openProcessPrograms(): Promise<void> {
    // Each fork and exec of the host would cost a little for nothing.
    if (!this.#settings.telemetry && this.#telemetry?.isActive !== true)
      this.#programs.leave('processes', 'nobody has asked for what they tell');
    const { processes } = this.#programs;
    if (processes === undefined) return;
    const opened = await openProcessPrograms(processes);
    if (typeof opened === 'string') this.#options.log.inform(this.#programs.reject('processes', opened));
    // They may have been switched off in the meantime.
    if (typeof opened === 'string' || this.#programs.processes !== processes) return;
    this.#connectPrograms = opened;
    this.#telemetry?.useProcessPrograms(opened);
  }

  #leavePrograms(): void {
    this.#source?.usePrograms(this.#witnessPrograms());
    this.#connectPrograms = undefined;
    this.#telemetry?.useProcessPrograms(undefined);
  }

  async #beginAnew(before: AuditSettings): Promise<void> {
    const settings = this.#settings;
    const source = this.#source!;
    // If audit may no longer be configured, it is put back first.
    const how = before.allowConfig && !settings.allowConfig ? 'restore' : 'leave';
    this.#bridging?.remove();
    await source.reopen(settings, how, async () => {
      const counted = countersOf(this.#row(undefined, {}));
      const former = this.#persistence;
      const moved = before.stateDirectory === settings.stateDirectory ? undefined : await this.#move();
      await this.#remakeParts(before, moved);
      this.#accounts.add(lessThan(countersOf(this.#row(undefined, {})), counted));
      if (moved !== undefined) await this.#leave(former);
      this.#bridging = await Bridging.open(settings, this.#options.log);
      const { inherited } = this.#bridging;
      return { ...this.#sourceStart(), ...(inherited && { inherited }) };
    });
    await this.#buildBridge();
  }

  /** @param moved maps a table's old row numbers to new ones; undefined if none have changed */
  async #remakeParts(
    before: AuditSettings,
    moved: ReadonlyMap<string, (eid: number) => number> | undefined,
  ): Promise<void> {
    const hasChanged = (name: string): boolean => settingOf(before, name) !== settingOf(this.#settings, name);
    const [telemetry, endpoints] = [this.#telemetry, this.#endpoints];
    if (moved !== undefined || TELEMETRY_SETTINGS.some(hasChanged)) {
      await telemetry?.close();
      await this.#startTelemetry(moved === undefined ? telemetry?.lateColumns : undefined);
    }
    if (moved !== undefined || hasChanged('socketLookup')) {
      this.#startEndpoints(moved === undefined ? endpoints?.lateColumns : undefined);
    }
    if (moved !== undefined) {
      moveLate(telemetry?.lateColumns, this.#telemetry?.lateColumns, moved.get(processEvents.spec.name)!);
      moveLate(endpoints?.lateColumns, this.#endpoints?.lateColumns, moved.get(socketEvents.spec.name)!);
    }
    this.#telemetry?.sourceChanged();
  }

  /**
   * From now on keeps the state in another directory. Rows that are already there come first.
   *
   * @returns maps a table's old row numbers to new ones; undefined if none have changed
   */
  async #move(): Promise<ReadonlyMap<string, (eid: number) => number> | undefined> {
    // Its values must get the new row numbers.
    await this.#telemetry?.close();
    const rows = this.store.empty();
    const { persistence, whyNot } = await this.#openPersistence();
    if (whyNot !== undefined) {
      this.store.putBack(rows);
      const former = this.#persistence;
      // The current directory stays in use.
      this.#options.log.warn(
        former === undefined ? whyNot : `${whyNot}; until then state stays in ${former.path}`,
      );
      await this.#startTelemetry(this.#telemetry?.lateColumns);
      return undefined;
    }
    this.#persistence = persistence;
    return this.store.putBehind(rows);
  }

  /** From now on the state is in another directory, and only there. */
  async #leave(former: Persistence | undefined): Promise<void> {
    this.#accounts.adopt(this.#persistence?.accounts);
    this.#losses = new LossReport(this.#row(undefined));
    this.#lossHistory.skip(this.#row(undefined), secondsNow());
    this.#startKeeping();
    await this.#persistence?.save();
    await former?.discard();
  }

  async #openPersistence(): Promise<Keeping> {
    const { stateDirectory } = this.#settings;
    if (stateDirectory === '') return NOT_KEPT;
    try {
      const warn = (message: string): void => this.#options.log.warn(message);
      const persistence = await Persistence.open(stateDirectory, this.store.tables(), warn);
      persistence.onAnew(() => void this.#bridging?.rebuild());
      return { persistence };
    } catch (error) {
      const why = messageOf(error);
      return {
        whyNot: `no state is kept, so a restart loses the events in memory: ${why}; set custom_audit_state_dir to another directory, or to none`,
      };
    }
  }

  #startKeeping(): void {
    this.#persistence?.start(
      () =>
        this.#accounts.save(
          this.#row(undefined),
          this.#source!.progress,
          this.#source!.kernelLostBefore,
          this.#hasEnded,
        ),
      () => this.#source!.progress,
    );
  }

  async #startTelemetry(lateColumns?: LateColumns): Promise<void> {
    this.#telemetry = new Telemetry({
      origin: this.#isReplay ? 'replay' : 'live',
      settings: this.#settings,
      processBuffer: this.store.buffer(processEvents.spec.name),
      telemetryBuffer: this.store.buffer(processTelemetryEvents.spec.name),
      warn: message => this.#options.log.warn(message),
      requestProcesses: () => this.#source?.sendProcesses(),
      connectPrograms: this.#connectPrograms,
      onSocketContainer: (eid, values) => this.#endpoints?.addContainer(eid, values),
      lateColumns,
    });
    if (!this.#isDeferred) await this.#telemetry.start();
    this.#persistence?.keepLate(processEvents.spec.name, this.#telemetry.lateColumns);
  }

  #startEndpoints(lateColumns?: LateColumns): void {
    this.#endpoints = undefined;
    if (this.#isReplay || process.platform !== 'linux') return;
    this.#endpoints = new LocalEndpoints(this.store.buffer(socketEvents.spec.name), lateColumns);
    this.#persistence?.keepLate(socketEvents.spec.name, this.#endpoints.lateColumns);
  }

  #witnessPrograms(): WitnessPrograms {
    const { sockets, unauditedExecs } = this.#programs;
    return { sockets, unauditedExecs };
  }

  #sourceStart(): LiveOptions {
    return {
      processes: !this.#isDeferred && (this.#settings.telemetry || this.#telemetry?.isActive === true),
      nextEids: this.store.nextEids(),
      programs: this.#witnessPrograms(),
    };
  }

  #openSource(settings: AuditSettings, start: LiveOptions): Promise<EventSource> {
    const { replay, reading } = this.#options;
    const handlers = this.#handlers();
    if (replay.length > 0) {
      return openReplaySource(replay, settings, handlers, {
        ...start,
        times: reading?.times,
        enough: this.#enough,
      });
    }
    return openLiveSource(
      yieldsSocket(this.#core) ? { ...settings, mode: 'multicast' } : settings,
      handlers,
      start,
    );
  }

  #handlers(): IngestHandlers {
    const { log, onRaw, onFailed } = this.#options;
    return {
      onRows: batches => {
        this.store.append(batches);
        if (batches.some(({ table }) => table === socketEvents.spec.name)) this.#endpoints?.noteRows();
      },
      onProcesses: batch => this.#telemetry?.offer(batch),
      onSockets: sockets => this.#telemetry?.offerSockets(sockets),
      onEnds:
        this.#settings.socketLookup && this.#endpoints ? found => this.#endpoints?.add(found) : undefined,
      onRaw,
      onWarning: message => {
        this.#lastError = message;
        log.warn(message);
      },
      onNotice: message => log.inform(message),
      onProgramsRejected: why => log.inform(this.#programs.reject('sockets', why)),
      onProgress: this.#options.reading?.onProgress,
      onFailed,
    };
  }

  async #buildBridge(): Promise<void> {
    await this.#bridging?.build(this.#source!, this.#persistence?.path, this.#options.bridgeKeeper);
  }

  /** See ChangeableSource. For recorded events, waits for telemetry if the query needs it. */
  upToDate(table: string, context: QueryContext): Promise<void> | undefined {
    if (!this.#isDeferred) return this.#source?.upToDate();
    const isOfTelemetry =
      (table === processTelemetryEvents.spec.name && this.#settings.telemetry) ||
      (table === processEvents.spec.name && Telemetry.asksForLateColumns(context));
    if (!isOfTelemetry) return undefined;
    const { wantedFields } = this.#telemetry!;
    if (this.#readAgain === undefined || this.#readAgain.fields < wantedFields)
      this.#readAgain = { fields: wantedFields, done: this.#readForTelemetry() };
    return this.#readAgain.done;
  }

  /** Waits for the ends and the containers of sockets. */
  completed(table: string, context: QueryContext): Promise<void> | undefined {
    if (this.#isReplay || table !== socketEvents.spec.name) return undefined;
    return this.#endpoints?.completed(context, this.#settings.socketLookup);
  }

  /** Reads the files once more, only for telemetry. */
  async #readForTelemetry(): Promise<void> {
    const { replay, reading, log } = this.#options;
    const telemetry = this.#telemetry!;
    if (this.#full.signal.aborted) {
      log.warn(
        'there is no room for rows of process_telemetry_events, or for columns that depend on them: none are made',
      );
      return;
    }
    // Telemetry ends where the reading for rows ended.
    const upTo = this.#enough.aborted
      ? this.store.buffer(processEvents.spec.name).range.to
      : Number.POSITIVE_INFINITY;
    const isBehind = new AbortController();
    await telemetry.start();
    const handlers: IngestHandlers = {
      onRows: () => {},
      onProcesses: batch => {
        if (!telemetry.offer(batch, upTo)) isBehind.abort();
      },
      onRaw: () => {},
      // These were reported in the first reading.
      onWarning: () => {},
      onProgress: reading?.onProgress,
      onFailed: error => log.warn(`the files cannot be read a second time: ${error.message}`),
    };
    const source = await openReplaySource(replay, this.#settings, handlers, {
      processes: true,
      times: reading?.times,
      enough: AbortSignal.any([this.#full.signal, isBehind.signal]),
    });
    await source.close();
    await telemetry.close();
    reading?.onRead();
    warnAboutLeftOut(this.store, log);
  }

  /** The late values of a table's rows, if a query uses them. */
  lateColumnsOf(table: string, context: QueryContext): LateColumns | undefined {
    switch (table) {
      case processEvents.spec.name:
        return this.#telemetry?.lateColumnsOf(context);
      case socketEvents.spec.name:
        if (LocalEndpoints.asksForContainers(context)) this.#telemetry?.wantContainers();
        return this.#endpoints?.lateColumnsOf(context);
      default:
        return undefined;
    }
  }

  /** The row of audit_status. */
  async status(): Promise<AuditStatusRow> {
    const kernel = await this.#source!.status();
    this.#unauditedStatus = await this.#unaudited?.status();
    const row = this.#row(kernel);
    this.#accounts.see(row);
    return row;
  }

  /** A sentence about losses since the last call; undefined if there were none. */
  async losses(): Promise<string | undefined> {
    const row = await this.status();
    this.#lossHistory.look(row, secondsNow());
    return this.#losses.next(row);
  }

  /** The line about this extension's health, at the interval that the operator wants. */
  async health(): Promise<string | undefined> {
    const { healthSeconds } = this.#settings.limits;
    if (healthSeconds === 0) return undefined;
    return this.#health.next(
      { row: await this.status(), use: processUse(), now: monotonicSeconds() },
      healthSeconds,
    );
  }

  /** The rows of audit_losses, up to now. */
  async lossRows(): Promise<readonly AuditLossRow[]> {
    this.#lossHistory.look(await this.status(), secondsNow());
    return this.#lossHistory.rows();
  }

  #stateOf(programs: string): string | undefined {
    return this.#isReplay || process.platform !== 'linux' ? undefined : this.#programs.state(programs);
  }

  #row(kernel: SourceStatus | undefined, carried = this.#accounts.carried): AuditStatusRow {
    const source = this.#source!;
    return statusRow({
      mode: source.mode,
      kernel: kernel?.kernel,
      kernelLostBefore: this.#accounts.lostSince(source.kernelLostBefore),
      rules: kernel?.rules,
      buffers: this.store.buffers(),
      ingest: source.counters,
      telemetry: this.#telemetry?.counters,
      bpf: this.#stateOf('sockets'),
      bpfProcesses: this.#stateOf('processes'),
      unaudited: this.#unauditedStatus,
      persistence: this.#persistence,
      carried,
      lastError: this.#lastError,
    });
  }

  /** Resolves when the cursors are saved. */
  async saved(): Promise<void> {
    await this.#persistence?.save();
  }

  /**
   * Closes the source, so that audit is as it was found or left to the next instance, and writes the rest of the
   * state.
   *
   * @param end of the extension; undefined if it was not orderly
   */
  async close(end: ExtensionEnd | undefined): Promise<void> {
    if (this.#source !== undefined) {
      const how = this.#bridging?.end(this.#source, end) ?? 'restore';
      await this.#source.close(how);
      this.#hasEnded = how === 'restore';
    }
    await this.#telemetry?.close();
    await this.#persistence?.close();
    this.#programs.close();
    this.#spill?.close();
  }
}

const monotonicSeconds = (): number => performance.now() / 1000;

/** Of all threads of this process. */
const processUse = (): ProcessUse => {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, memoryBytes: residentBytes() };
};

const secondsNow = (): number => Math.floor(Date.now() / 1000);

/** A directory for large files that need not survive a reboot. */
const SPILL_DIRECTORY = process.env.TMPDIR ?? '/var/tmp';

const openSpill = (log: OperatorLog, stop: () => void): SpillFile =>
  new SpillFile(SPILL_DIRECTORY, {
    open: () => log.inform(`rows that do not fit into memory go to a temporary file in ${SPILL_DIRECTORY}`),
    full: why => {
      log.warn(
        `rows fit neither into memory nor into a temporary file in ${SPILL_DIRECTORY} (${why}): reading stops. Make room, name another directory in TMPDIR, or ask for less with --since and --until`,
      );
      stop();
    },
  });

/** A query of a log must be answered from all of it. */
const warnAboutLeftOut = (store: EventStore, log: OperatorLog): void => {
  for (const [table, { counters, rowCount }] of store.buffers()) {
    if (counters.evicted === 0) continue;
    log.warn(
      `${counters.evicted} of ${counters.appended} rows of ${table} were dropped: --events_max and custom_audit_buffer_bytes leave room for the newest ${rowCount}`,
    );
  }
};

/** The late values of rows whose numbers have changed. */
const moveLate = (
  from: LateColumns | undefined,
  to: LateColumns | undefined,
  moved: (eid: number) => number,
): void =>
  to?.restore(from?.names ?? [], from?.all().map(([eid, values]) => [moved(eid), values] as const) ?? []);

/** The settings that Telemetry reads at its start. */
const TELEMETRY_SETTINGS = [
  'telemetry',
  'allowForkProcessEvents',
  'telemetryBudgetMilliseconds',
  'hashFileBytes',
] as const;

const settingOf = (settings: AuditSettings, name: string): unknown =>
  (settings as unknown as Readonly<Record<string, unknown>>)[name] ??
  (settings.limits as Readonly<Record<string, unknown>>)[name];

type Counts = Readonly<Record<string, number>>;

/** By how much counters fell when their part was restarted. */
const lessThan = (counts: Counts, before: Counts): Counts =>
  Object.fromEntries(
    Object.entries(before).flatMap(([name, count]) => {
      const less = count - (counts[name] ?? 0);
      return less > 0 ? [[name, less] as const] : [];
    }),
  );

/** Core wants the socket itself and would keep taking it. With multicast, both get the events. */
const yieldsSocket = ({ settings, options }: CoreSettings): boolean =>
  options.get('disable_audit') === 'false' && settings.mode === 'auto';
