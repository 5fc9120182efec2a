/** The main thread's side of one SQL worker: runs statements one after the other and answers the worker's calls. */

import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { CodedError } from '../../runtime/coded-error.ts';
import { messageOf } from '../../runtime/message-of.ts';
import { startWorker } from '../../runtime/start-worker.ts';
import {
  CONTROL_CREDITS,
  CONTROL_INTERRUPT,
  CONTROL_REPLY,
  CONTROL_WORDS,
  type FromWorker,
  MAX_BATCHES_IN_FLIGHT,
  type QueryColumn,
  type ToWorker,
  type ToWorkerReply,
  type WorkerSetup,
} from './protocol.ts';
import type { EncodedRowList } from './row-cursor.ts';
import type { TableDefinition } from './table-definition.ts';
import type { TableRequest } from './table-update.ts';

/** A statement failed; the message is SQLite's or the table's. */
export class SqlError extends CodedError<'sql'> {
  override readonly name = 'SqlError';
  readonly interrupted: boolean;
  constructor(message: string, interrupted: boolean) {
    super('sql', message);
    this.interrupted = interrupted;
  }
}

/** Rows as the worker encoded them; decode with `decodeRows`. */
export interface ResultBatch {
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly columns: readonly string[];
}

/** A call that a statement made to a table. */
export interface TableCallReport {
  readonly table: string;
  /** The query context as JSON: constraints and columns. */
  readonly context: string;
  readonly rows: number;
  readonly bytes: number;
  readonly milliseconds: number;
}

/** Receives results in order. If it returns a promise, the worker pauses once a few batches wait. */
export interface ResultSink {
  readonly statement?: (columns: readonly string[]) => void | Promise<void>;
  readonly rows?: (batch: ResultBatch) => void | Promise<void>;
  readonly statementEnd?: (columns: readonly string[]) => void | Promise<void>;
  /** Called when a table has answered. */
  readonly tableCall?: (call: TableCallReport) => void;
}

export interface RunSettings {
  readonly sink?: ResultSink | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether the statement belongs to the schedule. */
  readonly isScheduled?: boolean | undefined;
}

export interface RunOutcome {
  readonly eventBased: boolean;
}

/**
 * Calls a table's plugin for the worker. Rejects with the error message for the statement.
 *
 * @param isScheduled whether the statement belongs to the schedule
 */
export type TableCall = (
  table: string,
  request: TableRequest,
  signal: AbortSignal,
  isScheduled: boolean,
) => Promise<EncodedRowList>;

export interface SqlEngineOptions {
  readonly tables: readonly TableDefinition[];
  readonly defaultIndex: boolean;
  readonly eventsEnabled: boolean;
  /** Bytes of event rows per request; absent: all rows in one request. */
  readonly partBytes?: number | undefined;
  readonly call: TableCall;
  readonly warn: (message: string) => void;
}

type Done = Extract<FromWorker, { kind: 'done' }>;

interface Pending {
  readonly sink: ResultSink;
  readonly abort: AbortController;
  readonly isScheduled: boolean;
  readonly resolve: (done: Done) => void;
  readonly reject: (error: Error) => void;
  columns: readonly string[];
  /** The sink's work so far; later messages wait for it. */
  work: Promise<void>;
}

export class SqlEngine {
  readonly #worker: Worker;
  readonly #replies: MessagePort;
  readonly #control: Int32Array;
  readonly #options: SqlEngineOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #ready: Promise<void>;
  #nextId = 1;
  #running = 0;
  #tail: Promise<unknown> = Promise.resolve();
  #failure: Error | undefined;

  constructor(options: SqlEngineOptions) {
    this.#options = options;
    const control = new SharedArrayBuffer(CONTROL_WORDS * 4);
    this.#control = new Int32Array(control);
    const { port1, port2 } = new MessageChannel();
    this.#replies = port1;
    const setup: WorkerSetup = {
      control,
      replies: port2,
      defaultIndex: options.defaultIndex,
      eventsEnabled: options.eventsEnabled,
      partBytes: options.partBytes,
      tables: options.tables,
    };
    this.#worker = startWorker(new URL('./sql-worker.ts', import.meta.url), {
      workerData: setup,
      transferList: [port2],
      name: 'sql',
    });
    this.#ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') resolve();
        else this.#receive(message);
      });
      const lost = (error: Error): void => {
        this.#failure ??= error;
        reject(error);
        for (const { reject: rejectRun } of this.#pending.values()) rejectRun(error);
        this.#pending.clear();
      };
      this.#worker.on('error', lost);
      this.#worker.on('exit', status => lost(new Error(`the SQL worker ended with status ${status}`)));
    });
    // Callers that run something see this error; by itself it must not end the process.
    this.#ready.catch(() => {});
  }

  /** True while a statement runs or waits. */
  get busy(): boolean {
    return this.#running > 0;
  }

  /** Resolves when SQLite is loaded and the initial tables are attached. */
  ready(): Promise<void> {
    return this.#ready;
  }

  /** Runs every statement of `sql` in turn, or rejects with the first one's SqlError. */
  async run(
    sql: string,
    sink: ResultSink = {},
    signal?: AbortSignal,
    isScheduled = false,
  ): Promise<RunOutcome> {
    if (sql.includes('\0')) throw new SqlError('expected SQL text, got a NUL character in it', false);
    const done = await this.#request({ kind: 'run', sql }, { sink, signal, isScheduled });
    return { eventBased: done.eventBased };
  }

  /** Names and types of the statement's result columns. */
  async columns(sql: string): Promise<readonly QueryColumn[]> {
    if (sql.includes('\0')) throw new SqlError('expected SQL text, got a NUL character in it', false);
    return (await this.#request({ kind: 'columns', sql })).columns;
  }

  async attach(table: TableDefinition): Promise<void> {
    await this.#request({ kind: 'attach', table });
  }

  async detach(name: string): Promise<void> {
    await this.#request({ kind: 'detach', name });
  }

  /** Ends the worker. Statements that still run are interrupted and reject. */
  async close(): Promise<void> {
    this.#failure ??= new Error('the SQL engine is closed');
    this.#interrupt();
    for (const { abort } of this.#pending.values()) abort.abort();
    this.#replies.close();
    await this.#worker.terminate();
  }

  #interrupt(): void {
    Atomics.store(this.#control, CONTROL_INTERRUPT, 1);
    // The worker may be waiting for the reader.
    Atomics.add(this.#control, CONTROL_CREDITS, 1);
    Atomics.notify(this.#control, CONTROL_CREDITS);
  }

  #request(
    message:
      | { readonly kind: 'run' | 'columns'; readonly sql: string }
      | { readonly kind: 'attach'; readonly table: TableDefinition }
      | { readonly kind: 'detach'; readonly name: string },
    settings: RunSettings = {},
  ): Promise<Done> {
    this.#running += 1;
    const outcome = this.#tail.then(() => this.#send(message, settings));
    this.#tail = outcome.catch(() => {});
    return outcome.finally(() => {
      this.#running -= 1;
    });
  }

  async #send(
    message: Omit<ToWorker, 'id'> & { kind: ToWorker['kind'] },
    { sink = {}, signal, isScheduled = false }: RunSettings,
  ): Promise<Done> {
    // The reason why the worker is gone says more than that it never became ready.
    await this.#ready.catch(() => {});
    if (this.#failure !== undefined) throw this.#failure;
    if (signal?.aborted) throw new SqlError('interrupted', true);
    Atomics.store(this.#control, CONTROL_INTERRUPT, 0);
    Atomics.store(this.#control, CONTROL_CREDITS, MAX_BATCHES_IN_FLIGHT);
    const id = this.#nextId++;
    const abort = new AbortController();
    const onAbort = (): void => {
      this.#interrupt();
      abort.abort();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    let pending: Pending | undefined;
    try {
      const done = await new Promise<Done>((resolve, reject) => {
        pending = { sink, abort, isScheduled, resolve, reject, columns: [], work: Promise.resolve() };
        this.#pending.set(id, pending);
        this.#worker.postMessage({ ...message, id });
      });
      // The sink's own failure comes first, because it is the reason for the interruption.
      await pending!.work;
      if (done.error !== undefined) throw new SqlError(done.error, done.interrupted);
      return done;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#pending.delete(id);
    }
  }

  #receive(message: Exclude<FromWorker, { kind: 'ready' }>): void {
    if (message.kind === 'warning') {
      this.#options.warn(message.message);
      return;
    }
    if (message.kind === 'call') {
      void this.#answer(message.table, message.request);
      return;
    }
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    if (message.kind === 'done') {
      pending.resolve(message);
      return;
    }
    const step = async (): Promise<void> => {
      if (message.kind === 'statement') {
        pending.columns = message.columns;
        await pending.sink.statement?.(message.columns);
      } else if (message.kind === 'rows') {
        await pending.sink.rows?.({ bytes: message.bytes, rows: message.rows, columns: pending.columns });
        Atomics.add(this.#control, CONTROL_CREDITS, 1);
        Atomics.notify(this.#control, CONTROL_CREDITS);
      } else {
        await pending.sink.statementEnd?.(pending.columns);
      }
    };
    pending.work = pending.work.then(step);
    // The caller of the statement sees the failure; here it only stops the worker.
    pending.work.catch(() => this.#interrupt());
  }

  async #answer(table: string, request: TableRequest): Promise<void> {
    // The worker runs one message at a time, so the only pending statement is the caller.
    const [pending] = this.#pending.values();
    const signal = pending?.abort.signal ?? AbortSignal.abort();
    let reply: ToWorkerReply;
    const started = performance.now();
    try {
      const rows = await this.#options.call(table, request, signal, pending?.isScheduled === true);
      reply = { kind: 'rows', ...rows };
      pending?.sink.tableCall?.({
        table,
        context: String(request.context ?? ''),
        rows: rows.count,
        bytes: rows.bytes.length,
        milliseconds: performance.now() - started,
      });
    } catch (error) {
      reply = signal.aborted
        ? { kind: 'error', message: 'interrupted', interrupted: true }
        : {
            kind: 'error',
            message: messageOf(error),
            interrupted: false,
          };
    }
    // The memory is handed over, not copied, because part after part can add up to gigabytes.
    this.#replies.postMessage(reply, reply.kind === 'rows' ? [reply.bytes.buffer as ArrayBuffer] : []);
    Atomics.store(this.#control, CONTROL_REPLY, 1);
    Atomics.notify(this.#control, CONTROL_REPLY);
  }
}
