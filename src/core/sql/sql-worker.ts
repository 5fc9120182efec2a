/**
 * The SQL worker: one SQLite database in memory, controlled by messages. It may block: while it calls a table's
 * plugin, the whole thread waits for the main thread's reply.
 */

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../runtime/message-of.ts';
import { openDatabase } from './open-database.ts';
import {
  CONTROL_CREDITS,
  CONTROL_INTERRUPT,
  CONTROL_REPLY,
  type FromWorker,
  type QueryColumn,
  type ToWorker,
  type ToWorkerReply,
  type WorkerSetup,
} from './protocol.ts';
import { queryColumns } from './query-columns.ts';
import { ResultEncoder } from './result-codec.ts';
import { TABLE_EVENT_BASED, type TableDefinition } from './table-definition.ts';
import { VirtualTables } from './virtual-tables.ts';
import {
  cString,
  heap,
  SQLITE_DONE,
  SQLITE_FLOAT,
  SQLITE_INTEGER,
  SQLITE_INTERRUPT,
  SQLITE_NULL,
  SQLITE_OK,
  SQLITE_ROW,
  withCString,
} from './wasm.ts';

/** A batch goes to the main thread when it holds this many rows or bytes. */
const BATCH_ROWS = 512;
const BATCH_BYTES = 64 * 1024;

const setup = workerData as WorkerSetup;
const control = new Int32Array(setup.control);
const port = parentPort!;
const post = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

/** A statement failed with SQLite's message, or was interrupted. */
class StatementError extends Error {
  readonly interrupted: boolean;
  constructor(message: string, interrupted: boolean) {
    super(message);
    this.interrupted = interrupted;
  }
}

const tables = new Map<string, TableDefinition>();

const database = await openDatabase({
  interrupted: () => Atomics.load(control, CONTROL_INTERRUPT) !== 0,
  denied: message => post({ kind: 'warning', message }),
});
const { raw, db, sqlite } = database;
const { wasm } = sqlite;

const virtualTables = new VirtualTables(database, {
  definition: name => tables.get(name),
  call(table, request) {
    post({ kind: 'call', table, request });
    Atomics.wait(control, CONTROL_REPLY, 0);
    Atomics.store(control, CONTROL_REPLY, 0);
    const received = receiveMessageOnPort(setup.replies)?.message as ToWorkerReply | undefined;
    if (received === undefined) return { kind: 'error', message: 'core sent no reply', interrupted: false };
    if (received.kind === 'error') return received;
    return { kind: 'rows', rows: received };
  },
  warn: message => post({ kind: 'warning', message }),
  defaultIndex: setup.defaultIndex,
  eventsEnabled: setup.eventsEnabled,
  partBytes: setup.partBytes,
  isRoot: process.getuid?.() === 0,
});

const attach = (table: TableDefinition): void => {
  tables.set(table.name, table);
  try {
    virtualTables.attach(table);
  } catch (error) {
    tables.delete(table.name);
    throw error;
  }
};

const encoder = new ResultEncoder();

const flush = (id: number): void => {
  if (encoder.rows === 0) return;
  while (Atomics.load(control, CONTROL_CREDITS) <= 0) Atomics.wait(control, CONTROL_CREDITS, 0);
  Atomics.sub(control, CONTROL_CREDITS, 1);
  const { bytes, rows } = encoder.take();
  post({ kind: 'rows', id, bytes, rows }, [bytes.buffer]);
};

const encodeRow = (statement: number, columns: number): void => {
  for (let column = 0; column < columns; column += 1) {
    const type = raw.sqlite3_column_type(statement, column);
    if (type === SQLITE_NULL) {
      encoder.null();
    } else if (type === SQLITE_INTEGER) {
      encoder.integer(raw.sqlite3_column_int64(statement, column));
    } else if (type === SQLITE_FLOAT) {
      encoder.float(raw.sqlite3_column_double(statement, column));
    } else {
      const text = raw.sqlite3_column_blob(statement, column);
      encoder.text(heap(database), text, raw.sqlite3_column_bytes(statement, column));
    }
  }
  encoder.rows += 1;
};

const runStatement = (id: number, statement: number): void => {
  const columns = raw.sqlite3_column_count(statement);
  const names = Array.from({ length: columns }, (_, column) =>
    cString(database, raw.sqlite3_column_name(statement, column)),
  );
  post({ kind: 'statement', id, columns: names });
  let rc = raw.sqlite3_step(statement);
  while (rc === SQLITE_ROW) {
    encodeRow(statement, columns);
    if (encoder.rows >= BATCH_ROWS || encoder.length >= BATCH_BYTES) {
      flush(id);
      // Rows that were fetched already need few of SQLite's own steps, so its progress callback may never run.
      if (Atomics.load(control, CONTROL_INTERRUPT) !== 0) {
        throw new StatementError('interrupted', true);
      }
    }
    rc = raw.sqlite3_step(statement);
  }
  flush(id);
  if (rc !== SQLITE_DONE) {
    throw new StatementError(cString(database, raw.sqlite3_errmsg(db)), rc === SQLITE_INTERRUPT);
  }
};

/** Runs every statement of the text in turn; the first error ends it. */
const run = (id: number, sql: string): void => {
  const bytes = Buffer.byteLength(sql);
  withCString(database, sql, start => {
    const scope = wasm.pstack.pointer;
    try {
      const out = wasm.pstack.alloc(16);
      let at = start;
      while (at < start + bytes) {
        const rc = raw.sqlite3_prepare_v2(db, at, -1, out, out + 8);
        const statement = wasm.peekPtr(out);
        if (rc !== SQLITE_OK) throw new StatementError(cString(database, raw.sqlite3_errmsg(db)), false);
        at = wasm.peekPtr(out + 8);
        // Blanks and comments compile to no statement.
        if (statement === 0) continue;
        try {
          runStatement(id, statement);
        } finally {
          encoder.take();
          raw.sqlite3_finalize(statement);
        }
        post({ kind: 'statementEnd', id });
      }
    } finally {
      wasm.pstack.restore(scope);
    }
  });
};

const handle = (message: ToWorker): readonly QueryColumn[] => {
  switch (message.kind) {
    case 'attach':
      attach(message.table);
      return [];
    case 'detach':
      tables.delete(message.name);
      virtualTables.detach(message.name);
      return [];
    case 'columns':
      return queryColumns(database, message.sql);
    case 'run':
      run(message.id, message.sql);
      return [];
    case 'close':
      sqlite.capi.sqlite3_close_v2(db);
      return [];
  }
};

port.on('message', (message: ToWorker) => {
  let error: string | undefined;
  let interrupted = false;
  let columns: readonly QueryColumn[] = [];
  try {
    columns = handle(message);
  } catch (thrown) {
    error = messageOf(thrown);
    interrupted = thrown instanceof StatementError && thrown.interrupted;
  }
  const eventBased = (virtualTables.endStatement() & TABLE_EVENT_BASED) !== 0;
  post({ kind: 'done', id: message.id, error, interrupted, eventBased, columns });
  if (message.kind === 'close') port.close();
});

for (const table of setup.tables) attach(table);
post({ kind: 'ready' });
