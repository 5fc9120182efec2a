import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import type { Worker } from 'node:worker_threads';
import type { TableBatch } from '../events/event-publisher.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import { LookKeeper } from '../model/looks/look-keeper.ts';
import type { FoundEnds } from '../model/sockets/found-ends.ts';
import { CodedError } from '../runtime/coded-error.ts';
import { eventDescriptor } from '../runtime/socket-calls.ts';
import { startWorker, warmWorker } from '../runtime/start-worker.ts';
import type { PipelineProgress } from './event-pipeline.ts';
import {
  buffersOf,
  type IngestCommand,
  type IngestCounters,
  type IngestEvents,
  type IngestReport,
  type IngestSource,
  type IngestStart,
  type IngestWorkerData,
  type SocketProcesses,
} from './ingest-messages.ts';
import { OUTBOX_BYTES, Outbox } from './outbox.ts';
import type { ProcessBatch } from './process-batch.ts';
import type { ReplayProgress } from './replay/read-logs.ts';
import { startImageLook } from './start-image-look.ts';
import { WakeSignal } from './wake-signal.ts';
import type { WitnessPrograms } from './witness-programs.ts';

export interface IngestOptions extends IngestStart {
  /** Whether to send process events from the start. */
  readonly processes?: boolean;
}

/** What the handlers receive is valid only during the call. */
export interface IngestHandlers {
  onRows(batches: readonly TableBatch[]): void;
  /** Process events, as soon as they are asked for. */
  onProcesses(batch: ProcessBatch): void;
  /** The processes of socket rows, once process events are requested. It follows their rows, and the exec events of those processes. */
  readonly onSockets?: ((sockets: SocketProcesses) => void) | undefined;
  /** What audit does not record about sockets, after their rows; if absent, it is not looked up. */
  readonly onEnds?: ((ends: readonly FoundEnds[]) => void) | undefined;
  onRaw(text: string): void;
  /** Progress of a replay, and the number of events so far. */
  readonly onProgress?: ((progress: ReplayProgress, events: number) => void) | undefined;
  onWarning(message: string): void;
  /** Reports that the subject of a warning is over; if absent, it is reported as a warning. */
  readonly onNotice?: ((message: string) => void) | undefined;
  /** The BPF programs of sockets do not tell what they should, and are not used. */
  readonly onProgramsRejected?: ((why: string) => void) | undefined;
  /** Somebody, perhaps this program, has changed the rules or the status of audit. */
  readonly onConfigChange?: (() => void) | undefined;
  /** A process has asked the kernel for the stream that is ours. */
  readonly onWanted?: ((pid: number) => void) | undefined;
  /** The worker ended by itself, because the stream broke. */
  onFailed(error: IngestError): void;
}

/** `code` is that of an AuditError or ReplayError, or `internal`. */
export class IngestError extends CodedError {
  override readonly name = 'IngestError';
}

const { ECANCELED } = constants.errno;
const WORKER = new URL('./ingest-worker.ts', import.meta.url);
/** Milliseconds during which a new request is not sent again. */
const FRESH_MS = 10;
/** Most milliseconds for the worker's answer; in a flood it has much at hand. */
const ANSWER_MS = 100;

/** Starts the worker thread of the next Ingest before it is known what that thread will read. */
export const warmIngest = (): AsyncDisposable => warmWorker(WORKER);

/** The main thread's view of the worker thread that turns a source into rows. */
export class Ingest {
  readonly #worker: Worker;
  readonly #ready = Promise.withResolvers<void>();
  #fd: number | undefined;
  readonly #ended = Promise.withResolvers<void>();
  #claim: PromiseWithResolvers<number> | undefined;
  #shared: PromiseWithResolvers<void> | undefined;
  #counters: IngestCounters | undefined;
  #progress: PipelineProgress | undefined;
  readonly #wakeSignal: WakeSignal;
  readonly #wakeDescriptor: number | undefined;
  readonly #outbox = new Outbox(OUTBOX_BYTES);
  readonly #looker: LookKeeper<number> | undefined;
  #freshUntil = Number.NEGATIVE_INFINITY;
  /** The settings that were sent last. */
  #settingsText = '';
  #watched: AuditSettings['watched'];
  /** Callers that wait for an answer, by the number of their signal. */
  readonly #called = new Map<number, () => void>();
  readonly #handlers: IngestHandlers;
  readonly #isReplay: boolean;
  readonly #isKernel: boolean;
  /** Whether `ready` has resolved: later failures go to `onFailed`. */
  #isReady = false;

  constructor(
    source: IngestSource,
    settings: AuditSettings,
    handlers: IngestHandlers,
    { processes = false, ...start }: IngestOptions = {},
  ) {
    this.#handlers = handlers;
    this.#isReplay = source.kind === 'replay';
    this.#isKernel = source.kind === 'kernel';
    const ends = this.#isKernel && handlers.onEnds !== undefined;
    this.#wakeDescriptor = this.#isKernel ? openEventDescriptor() : undefined;
    this.#wakeSignal = new WakeSignal(undefined, this.#wakeDescriptor);
    const data: IngestWorkerData = {
      source,
      settings,
      processes,
      start,
      wakeSignal: this.#wakeSignal.shared,
      wakeDescriptor: this.#wakeDescriptor,
      outbox: this.#outbox.shared,
      ends,
    };
    this.#worker = startWorker(WORKER, { workerData: data });
    if (source.kind === 'kernel') {
      this.#looker = new LookKeeper({
        start: startImageLook,
        attach: fd => this.#send({ kind: 'looker', fd }),
        warn: handlers.onWarning,
      });
      if (readsProcesses(settings)) this.#looker.start();
    }
    this.#ready.promise.catch(() => {});
    this.#worker.on('message', (message: IngestReport) => this.#receive(message));
    this.#worker.on('error', error =>
      this.#fail(new IngestError('internal', `the audit reader failed: ${error}`)),
    );
    this.#worker.on('exit', () => this.#onExit());
  }

  #fail(error: IngestError): void {
    if (this.#isReady) this.#handlers.onFailed(error);
    this.#ready.reject(error);
  }

  #onExit(): void {
    this.#looker?.close();
    if (this.#wakeDescriptor !== undefined) closeSync(this.#wakeDescriptor);
    this.#ready.reject(new IngestError('internal', 'the audit reader ended before it was ready'));
    this.#ended.resolve();
    this.#claim?.resolve(ECANCELED);
    this.#shared?.resolve();
    for (const answer of this.#called.values()) answer();
  }

  #receive(message: IngestReport): void {
    const handlers = this.#handlers;
    switch (message.kind) {
      case 'ready':
      case 'ended':
        this.#isReady = true;
        if (message.kind === 'ready') this.#fd = message.fd;
        this.#ready.resolve();
        break;
      case 'events':
        this.#take(message);
        break;
      case 'counters':
        this.#counters = message.counters;
        this.#progress = message.progress;
        break;
      case 'up-to-date':
        this.#freshUntil = performance.now() + FRESH_MS;
        for (const [signal, answer] of this.#called) if (signal <= message.signal) answer();
        break;
      case 'progress':
        handlers.onProgress?.(message.replay, message.events);
        break;
      case 'raw':
        handlers.onRaw(message.text);
        break;
      case 'warning':
        handlers.onWarning(message.message);
        break;
      case 'claimed':
        this.#claim?.resolve(message.errno);
        this.#claim = undefined;
        break;
      case 'programs-rejected':
        handlers.onProgramsRejected?.(message.why);
        break;
      case 'shared':
        this.#shared?.resolve();
        this.#shared = undefined;
        break;
      case 'looker-stuck':
        if (message.isStuck) this.#looker?.giveUp();
        else this.#looker?.relent();
        break;
      case 'config-changed':
        handlers.onConfigChange?.();
        break;
      case 'wanted':
        handlers.onWanted?.(message.pid);
        break;
      case 'failed':
        this.#fail(new IngestError(message.code, message.message));
        break;
    }
  }

  #take(events: IngestEvents): void {
    const handlers = this.#handlers;
    this.#progress = events.progress;
    if (events.batches.length > 0) handlers.onRows(events.batches);
    if (events.ends.length > 0) handlers.onEnds?.(events.ends);
    if (events.processes !== undefined) handlers.onProcesses(events.processes);
    if (events.sockets !== undefined) handlers.onSockets?.(events.sockets);
    this.#outbox.taken(events.bytes);
    // Freed at once. The garbage collector would run more often, the more there is to free.
    for (const buffer of buffersOf(events)) buffer.transfer(0);
    if (this.#isReplay) this.#send({ kind: 'taken' });
  }

  /** Resolves when the stream is ours, or when every replayed file was read. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** The socket that the kernel is read from, once it is. */
  get fd(): number | undefined {
    return this.#fd;
  }

  /** As of the last second, or of the last `freshCounters`. */
  get counters(): IngestCounters | undefined {
    return this.#counters;
  }

  /** As of the last rows, which are all rows of the events up to there. */
  get progress(): PipelineProgress | undefined {
    return this.#progress;
  }

  /**
   * Resolves when the rows of everything that the kernel had delivered are here; in a flood, after ANSWER_MS without
   * them.
   *
   * @returns undefined if they are here already
   */
  upToDate(): Promise<void> | undefined {
    if (performance.now() < this.#freshUntil) return undefined;
    const signal = this.#wakeSignal.send();
    return signal === undefined ? undefined : this.#answerTo(signal);
  }

  /** Resolves when the counters are those of now; without an answer, after ANSWER_MS. */
  async freshCounters(): Promise<void> {
    if (this.#isKernel) await this.#answerTo(this.#wakeSignal.askForCounters());
  }

  /** Resolves when the worker has answered a signal; in a flood, after ANSWER_MS. */
  #answerTo(signal: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ANSWER_MS);
    this.#called.set(signal, resolve);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#called.delete(signal);
    });
  }

  /** Tells what BPF programs there are. */
  usePrograms(programs: WitnessPrograms): void {
    this.#send({ kind: 'programs', programs });
  }

  /** From now on, process events are sent besides the rows. */
  sendProcesses(): void {
    this.#send({ kind: 'processes' });
  }

  /**
   * Asks the kernel for the unicast stream and, if it is granted, reads it instead of the multicast copy. No record
   * is lost or taken twice in between.
   *
   * @returns 0, or a positive errno: EEXIST if another process has it
   */
  claim(): Promise<number> {
    if (this.#claim === undefined) {
      this.#claim = Promise.withResolvers();
      this.#send({ kind: 'claim' });
    }
    return this.#claim.promise;
  }

  /** Reads the multicast copy; with `release` also gives up the unicast stream. Resolves when that is done. */
  share({ release }: { readonly release: boolean }): Promise<void> {
    this.#shared ??= Promise.withResolvers();
    this.#send({ kind: 'share', release });
    return this.#shared.promise;
  }

  /** Processes that looked at files and were given up because a look hung. */
  get looksGivenUp(): number {
    return this.#looker?.givenUp ?? 0;
  }

  setSettings(settings: AuditSettings): void {
    if (readsProcesses(settings)) this.#looker?.start();
    const { watched, ...plain } = settings;
    const text = JSON.stringify(plain);
    // Settings are compared every few seconds, and a configuration can name very many files.
    if (text === this.#settingsText && watched === this.#watched) return;
    this.#settingsText = text;
    this.#watched = watched;
    this.#send({ kind: 'settings', settings });
  }

  /**
   * Takes what is still waiting and closes the stream. With `leave`, another process has the socket too, and what is
   * waiting stays there. May be called any number of times.
   */
  async stop({ leave = false }: { readonly leave?: boolean } = {}): Promise<void> {
    this.#send({ kind: 'stop', leave });
    await this.#ended.promise;
  }

  #send(command: IngestCommand): void {
    this.#worker.postMessage(command);
  }
}

/** Without one, a SELECT waits until gathered records are passed on. */
const openEventDescriptor = (): number | undefined => {
  const descriptor = eventDescriptor();
  return descriptor < 0 ? undefined : descriptor;
};

const readsProcesses = (settings: AuditSettings): boolean =>
  settings.allowProcessEvents || settings.allowForkProcessEvents || settings.allowKillProcessEvents;
