import type { AuditEvent, ProcessEvent, SocketEvent } from '../audit/audit-event.ts';
import { boundArguments } from '../audit/bound-arguments.ts';
import {
  Correlator,
  type CorrelatorCounters,
  type CorrelatorLimits,
  type RecordGroup,
} from '../audit/correlator.ts';
import type { FileContext } from '../audit/file-paths.ts';
import { Interpreter, type InterpreterCounters } from '../audit/interpreter.ts';
import type { KindOfTask } from '../audit/process-event.ts';
import { RecordParser } from '../audit/record.ts';
import { SerialGaps } from '../audit/serial-gaps.ts';
import {
  EventPublisher,
  interestsOf,
  type PublisherCounters,
  type TableBatch,
} from '../events/event-publisher.ts';
import type { EventTable, RowLookups } from '../events/event-table.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import { Fifo } from '../model/fifo.ts';
import { createTrailCounters, type TrailCounters } from '../openbsm/counters.ts';
import { type ExcludedCounters, ExcludedEvents } from './excluded-events.ts';
import { type LoggedCounters, newLoggedCounters } from './replay/log-grouper.ts';
import { type LiveTargets, TargetPaths } from './target-paths.ts';

export interface PipelineOptions {
  readonly tables: readonly EventTable[];
  readonly settings: AuditSettings;
  readonly context: Omit<RowLookups, 'targetPath'>;
  /** Finds what a living process has open; absent for recorded events. */
  readonly openDirectory?: FileContext['openDirectory'] | undefined;
  /** Finds processes that get signals; undefined for recorded events. */
  readonly targets?: LiveTargets | undefined;
  readonly kindOfTask: KindOfTask;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Whether a gap in the serials is a loss: only if every event of one kernel is received. */
  readonly countGaps?: boolean;
  /** The last serial that a previous process has taken; serials missing since then are losses. */
  readonly lastSerial?: number | undefined;
  /** Number of the next row by table name; 1 if absent. */
  readonly nextEids?: ReadonlyMap<string, number> | undefined;
  /** Looks up process events before they become rows; rows keep their order. */
  readonly looks?: EventLooks | undefined;
  /**
   * Completes the socket events of a batch by what other sources tell.
   *
   * @param gaps events that never arrived
   */
  readonly completeSockets?:
    | ((events: readonly SocketEvent[], gaps: number) => readonly SocketEvent[])
    | undefined;
  /** The family of an accept's socket if the event does not have it; undefined if it cannot be determined. */
  readonly familyOfAccept?: ((event: SocketEvent) => number | undefined) | undefined;
  /** Receives every process event with the number of its row, if it has one. */
  readonly onProcess?: (event: ProcessEvent, eid: number | undefined) => void;
  /** Receives every socket event that has a row, with its number. */
  readonly onSocket?: (event: SocketEvent, eid: number) => void;
}

/** Looks up something about events, while others come in. */
export interface EventLooks {
  ask(event: ProcessEvent): void;
  /** Whether nothing more is to be expected for an event. */
  isReady(event: ProcessEvent): boolean;
}

/** Most process events that wait for a look; beyond it the oldest goes without … */
const MAX_WAITING = 4_096;
/** … as it does if the texts of all are longer than this. */
const MAX_WAITING_UNITS = 8_388_608;

/** Position in the kernel's events up to which there are rows. */
export interface PipelineProgress {
  /** The highest serial seen. */
  readonly serial: number;
  /** Events that wait for their last record, or for a look. */
  readonly inFlight: number;
  /** Events that never arrived. */
  readonly gaps: number;
}

export interface PipelineCounters
  extends CorrelatorCounters,
    InterpreterCounters,
    PublisherCounters,
    ExcludedCounters {
  records: number;
  /** Records without a readable header, and damaged ones; in a BSM trail, all that could not be read to their end. */
  malformedRecords: number;
  events: number;
  /** Events whose row has only the first arguments. */
  cutCommandLines: number;
  /** Events that never arrived, by gaps in their serials; undefined if gaps mean nothing, as in logs. */
  serialGaps: number | undefined;
  /** Records of logs that came again, and were dropped. */
  repeated: number;
}

/** Turns records into encoded rows: lexer, correlator, interpreter and publisher in a row, without any I/O. */
export class EventPipeline {
  readonly #tables: readonly EventTable[];
  readonly #correlator: Correlator;
  readonly #parser = new RecordParser();
  readonly #interpreter: Interpreter;
  readonly #publisher: EventPublisher;
  readonly #targets: TargetPaths;
  /** Whether rows of signals are wanted, which show what the receivers run. */
  #wantsSignals: boolean;
  readonly #now: () => number;
  readonly #onProcess: PipelineOptions['onProcess'];
  readonly #onSocket: PipelineOptions['onSocket'];
  readonly #familyOfAccept: PipelineOptions['familyOfAccept'];
  readonly #completeSockets: PipelineOptions['completeSockets'];
  /** Events that wait for the end of their batch. */
  #sockets: SocketEvent[] = [];
  readonly #gaps: SerialGaps | undefined;
  readonly #looks: EventLooks | undefined;
  /** Events that wait for a look, in order, each with the length of its texts. */
  readonly #waiting = new Fifo<readonly [event: ProcessEvent, units: number]>();
  #waitingUnits = 0;
  /** Counters of the BSM trails whose events are published here; their reader updates them. */
  readonly trails: TrailCounters = createTrailCounters();
  /** The same for logs. */
  logged: LoggedCounters = newLoggedCounters();
  /** When the current batch began. Reading the clock for each record would cost more than parsing its header. */
  #batchTime: number | undefined;
  #records = 0;
  #malformedRecords = 0;
  #events = 0;
  #cutCommandLines = 0;
  #rowBytes: number;
  readonly #excluded: ExcludedEvents;

  constructor(options: PipelineOptions) {
    const { tables, settings, context, kindOfTask, now, countGaps = false } = options;
    this.#tables = tables;
    this.#now = now;
    this.#rowBytes = settings.limits.rowBytes;
    this.#excluded = new ExcludedEvents(settings.exclude);
    this.#onProcess = options.onProcess;
    this.#onSocket = options.onSocket;
    this.#familyOfAccept = options.familyOfAccept;
    this.#completeSockets = options.completeSockets;
    this.#looks = options.looks;
    this.#gaps = countGaps ? new SerialGaps(options.lastSerial) : undefined;
    this.#interpreter = new Interpreter(interestsOf(tables, settings), kindOfTask, options.openDirectory);
    this.#interpreter.argumentBytes = settings.limits.rowBytes;
    this.#targets = new TargetPaths(options.targets);
    this.#wantsSignals = settings.allowKillProcessEvents;
    const targetPath: RowLookups['targetPath'] = target => this.#targets.pathOf(target);
    this.#publisher = new EventPublisher(tables, { ...context, targetPath, settings }, options.nextEids);
    this.#correlator = new Correlator(group => this.publishGroup(group), correlatorLimits(settings));
    this.#correlator.argumentBytes = this.#rowBytes;
  }

  setSettings(settings: AuditSettings): void {
    this.#excluded.set(settings.exclude);
    this.#interpreter.interests = interestsOf(this.#tables, settings);
    this.#wantsSignals = settings.allowKillProcessEvents;
    this.#publisher.setSettings(settings);
    this.#rowBytes = settings.limits.rowBytes;
    this.#interpreter.argumentBytes = this.#rowBytes;
    this.#correlator.argumentBytes = this.#rowBytes;
  }

  /** Takes one record's payload; the bytes may be overwritten after the next `settle`. */
  push(type: number, bytes: Buffer, start: number, end: number): void {
    this.#records++;
    const record = this.#parser.parse(type, bytes, start, end);
    if (record === undefined) {
      this.#malformedRecords++;
      return;
    }
    this.#gaps?.see(record.serial);
    this.#batchTime ??= this.#now();
    this.#correlator.push(record, this.#batchTime);
  }

  /** Whether the event with this serial is finished: another record of it would be a repetition. */
  isFinished(serial: number): boolean {
    return this.#gaps?.hasSeen(serial) === true && !this.#correlator.has(serial);
  }

  /** Whether every event in progress has its last record. */
  get hasAllRecords(): boolean {
    return this.#correlator.size === 0;
  }

  /** Whether more records may come for events in progress, or some wait for a look. */
  get expectsMore(): boolean {
    return this.#waiting.size > 0 || this.#correlator.expectsMore(this.#now());
  }

  /** Takes the records of one event; they may be overwritten afterwards. */
  publishGroup(group: RecordGroup): void {
    for (const event of this.#interpreter.interpret(group)) this.publish(event);
  }

  /** Takes an event that another source has made. */
  publish(whole: AuditEvent): void {
    this.#events++;
    if (this.#excluded.has(whole)) return;
    if (whole.kind === 'socket' && this.#completeSockets !== undefined) {
      this.#sockets.push(whole);
      return;
    }
    const event = whole.kind === 'process' ? boundArguments(whole, this.#rowBytes) : whole;
    if (event !== whole) this.#cutCommandLines++;
    if (this.#looks === undefined || event.kind !== 'process') {
      this.#makeRow(event);
      return;
    }
    this.#looks.ask(event);
    const units = unitsOf(event);
    this.#waiting.push([event, units]);
    this.#waitingUnits += units;
    while (this.#waiting.size > MAX_WAITING || this.#waitingUnits > MAX_WAITING_UNITS) this.#makeNextRow();
  }

  /** Makes rows of the events that waited for a look, as far as the looks are done. */
  publishLooked(): void {
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      if (!this.#looks!.isReady(next[0])) return;
      this.#makeNextRow();
    }
  }

  #makeNextRow(): void {
    const [event, units] = this.#waiting.shift()!;
    this.#waitingUnits -= units;
    this.#makeRow(event);
  }

  #makeRow(made: AuditEvent): void {
    const event = made.kind === 'socket' ? this.#withFamily(made) : made;
    const eid = this.#publisher.publish(event);
    if (event.kind === 'process') {
      if (this.#wantsSignals) this.#targets.see(event);
      this.#onProcess?.(event, eid);
    } else if (event.kind === 'socket' && eid !== undefined) this.#onSocket?.(event, eid);
  }

  /** The family of a socket decides whether its row is wanted. */
  #withFamily(event: SocketEvent): SocketEvent {
    if (event.family !== undefined || this.#familyOfAccept === undefined) return event;
    const family = this.#familyOfAccept(event);
    return family === undefined ? event : { ...event, family };
  }

  /** Ends a batch of records: unfinished events no longer need its bytes. */
  settle(): void {
    this.#correlator.settle();
    this.#correlator.expire(this.#now());
    this.#batchTime = undefined;
    this.#publishSockets();
  }

  #publishSockets(): void {
    if (this.#sockets.length === 0) return;
    const events = this.#sockets;
    this.#sockets = [];
    for (const event of this.#completeSockets!(events, this.#gaps?.count ?? 0)) this.#makeRow(event);
  }

  /** Ends all unfinished events, because nothing more will come. */
  flush(): void {
    this.#correlator.flush();
    this.#publishSockets();
    while (this.#waiting.size > 0) this.#makeNextRow();
  }

  /** Bytes of the rows made since the last `take`. */
  get byteCount(): number {
    return this.#publisher.byteCount;
  }

  /** The rows made since the last `take`. */
  take(): TableBatch[] {
    return this.#publisher.take();
  }

  /** undefined while there is none, or if serials mean nothing. */
  get progress(): PipelineProgress | undefined {
    const serial = this.#gaps?.highest;
    if (serial === undefined) return undefined;
    return { serial, inFlight: this.#correlator.size + this.#waiting.size, gaps: this.#gaps!.count };
  }

  /** The first unknown system call. */
  get firstUnknown(): Interpreter['firstUnknown'] {
    return this.#interpreter.firstUnknown;
  }

  counters(): PipelineCounters {
    const { filtered, unusable, ...interpreter } = this.#interpreter.counters;
    const publisher = this.#publisher.counters;
    return {
      records: this.#records + this.trails.records + this.logged.records,
      malformedRecords:
        this.#malformedRecords +
        this.#interpreter.damagedRecords +
        this.trails.malformed +
        this.trails.unknownTokens,
      events: this.#events,
      cutCommandLines: this.#cutCommandLines,
      serialGaps: this.#gaps?.count,
      repeated: this.logged.repeated,
      unterminated: this.#correlator.counters.unterminated + this.logged.unterminated,
      overLimit: this.#correlator.counters.overLimit + this.logged.overLimit,
      ...interpreter,
      ...publisher,
      ...this.#excluded.counters,
      filtered: filtered + publisher.filtered,
      unusable: unusable + this.trails.unusable,
    };
  }
}

/** Memory of a text besides its characters. */
const TEXT_UNITS = 24;

/** Approximate memory of an event's texts. */
const unitsOf = ({ argv }: ProcessEvent): number =>
  argv?.reduce((sum, argument) => sum + argument.length + TEXT_UNITS, 0) ?? 0;

const correlatorLimits = ({ limits }: AuditSettings): CorrelatorLimits => ({
  ageMs: limits.incompleteMilliseconds,
  events: limits.eventsInFlight,
  recordsPerEvent: limits.eventRecords,
  bytesPerEvent: limits.eventBytes,
  bytes: limits.inFlightBytes,
});
