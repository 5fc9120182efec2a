/** Messages between the main thread and a SQL worker, and the shared words by which they wait for each other. */
import type { MessagePort } from 'node:worker_threads';
import type { EncodedRowList } from './row-cursor.ts';
import type { TableDefinition } from './table-definition.ts';
import type { TableRequest } from './table-update.ts';

/** Words of the shared control array (Int32Array). */
export const CONTROL_REPLY = 0;
/** Not 0: the running statement must end with SQLITE_INTERRUPT. */
export const CONTROL_INTERRUPT = 1;
/** Batches that the worker may still post before the main thread takes one. */
export const CONTROL_CREDITS = 2;
export const CONTROL_WORDS = 4;

/** Most batches between worker and main thread: bounds memory if the reader is slow. */
export const MAX_BATCHES_IN_FLIGHT = 8;

export interface WorkerSetup {
  readonly control: SharedArrayBuffer;
  /** Carries the replies that the worker receives synchronously. */
  readonly replies: MessagePort;
  /** The flag `extensions_default_index`. */
  readonly defaultIndex: boolean;
  /** Event-based tables warn when events are disabled. */
  readonly eventsEnabled: boolean;
  /** Bytes of an event table's rows that are asked for at a time; undefined: all of them. */
  readonly partBytes: number | undefined;
  /** Disabled tables (`--disable_tables`) are not sent at all. */
  readonly tables: readonly TableDefinition[];
}

export type ToWorker =
  | { readonly kind: 'attach'; readonly id: number; readonly table: TableDefinition }
  | { readonly kind: 'detach'; readonly id: number; readonly name: string }
  | { readonly kind: 'run'; readonly id: number; readonly sql: string }
  | { readonly kind: 'columns'; readonly id: number; readonly sql: string }
  | { readonly kind: 'close'; readonly id: number };

/** What the worker waits for on the reply port. */
export type ToWorkerReply =
  | ({ readonly kind: 'rows' } & EncodedRowList)
  | { readonly kind: 'error'; readonly message: string; readonly interrupted: boolean };

export interface QueryColumn {
  readonly name: string;
  readonly type: string;
}

export type FromWorker =
  | { readonly kind: 'ready' }
  /** Call the table's plugin with `request` and answer on the reply port. */
  | { readonly kind: 'call'; readonly table: string; readonly request: TableRequest }
  | { readonly kind: 'statement'; readonly id: number; readonly columns: readonly string[] }
  | {
      readonly kind: 'rows';
      readonly id: number;
      readonly bytes: Uint8Array;
      readonly rows: number;
    }
  | { readonly kind: 'statementEnd'; readonly id: number }
  | { readonly kind: 'warning'; readonly message: string }
  | {
      readonly kind: 'done';
      readonly id: number;
      readonly error: string | undefined;
      readonly interrupted: boolean;
      /** Whether a table with the EVENT_BASED attribute took part. */
      readonly eventBased: boolean;
      readonly columns: readonly QueryColumn[];
    };
