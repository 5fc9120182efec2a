import { setImmediate } from 'node:timers/promises';
import { OsqueryError, shown } from '../errors.ts';
import { DEFAULT_MAX_REPLY_BYTES } from '../limits.ts';
import { checkPlugin } from '../plugins/check-plugin.ts';
import type { Plugin, PluginCall, PluginContext, PluginHooks } from '../plugins/plugin.ts';
import { ByteWriter } from '../wire/byte-writer.ts';
import type { ColumnSpec } from './column.ts';
import { ContextParser } from './context-parser.ts';
import { decodeRows, type EncodedRows, type PluginRow, type ResponseRows } from './encoded-rows.ts';
import type { Awaitable, CheckGenerated, GeneratedRow, GeneratedRows } from './generated-rows.ts';
import { EMPTY_CONTEXT } from './query-context.ts';
import { TableRowEncoder } from './row-encoder.ts';
import { RowIdentity } from './row-identity.ts';
import { TableContext } from './table-context.ts';
import { columnRoutes, type TableSpec } from './table-spec.ts';
import { answerWrite, type CurrentRow, type TableWrites } from './table-writes.ts';

/** The handlers of a table. */
export interface TableHandlers<
  Columns extends readonly ColumnSpec[],
  Generated = Awaitable<GeneratedRows<Columns>>,
> extends TableWrites<Columns>,
    PluginHooks {
  /**
   * Answers a SELECT. Called once per table and query, or more often (see {@link TableContext}). An error makes the
   * query fail with its message.
   */
  generate(context: TableContext<Columns>, call: PluginCall): Generated;
}

const ROWID: ColumnSpec = { name: 'rowid', type: 'BIGINT' };

/** Rows are encoded into pieces of this size, in bytes. */
const CHUNK_BYTES = 256 * 1024;
/** By how much the last row of a piece may exceed it without a new allocation. */
const CHUNK_ROOM = CHUNK_BYTES + 16 * 1024;
/** Most sets of columns for which an encoder is kept: queries are few, and ask for the same sets again. */
const MAX_ENCODERS = 32;

/** A table that core can query; with `insert`, `update` or `remove`, one that it can write to. */
export class TablePlugin<
  const Columns extends readonly ColumnSpec[] = readonly ColumnSpec[],
  Generated = Awaitable<GeneratedRows<Columns>>,
> implements Plugin
{
  readonly registry = 'table';
  readonly name: string;
  /** The spec as given. */
  readonly spec: TableSpec<Columns>;
  readonly #handlers: TableHandlers<Columns, Generated>;
  readonly #routes: readonly PluginRow[];
  /** The columns, and last `rowid`, which core looks for even if it is not a column. */
  readonly #columns: readonly ColumnSpec[];
  readonly #contexts = new ContextParser();
  /** By the names of the columns that are written. */
  readonly #encoders = new Map<string, TableRowEncoder<readonly ColumnSpec[]>>();

  /** @throws OsqueryError OSQUERY_INVALID when the definition is invalid */
  constructor(
    spec: TableSpec<Columns>,
    handlers: TableHandlers<Columns, Generated & CheckGenerated<Columns, Generated>>,
  ) {
    const isWritable = handlers?.insert !== undefined || handlers?.update !== undefined;
    this.#routes = columnRoutes(spec, { isWritable });
    this.name = spec.name;
    checkHandlers(spec.name, handlers);
    this.spec = spec;
    this.#handlers = handlers;
    const columns: readonly ColumnSpec[] = spec.columns;
    this.#columns = [
      ...columns.filter(({ name }) => name !== 'rowid'),
      columns.find(({ name }) => name === 'rowid') ?? ROWID,
    ];
  }

  routes(): readonly PluginRow[] {
    return this.#routes;
  }

  async start(context: PluginContext): Promise<void> {
    await this.#handlers.start?.(context);
  }

  async stop(): Promise<void> {
    await this.#handlers.stop?.();
  }

  async call(request: PluginRow, call: PluginCall): Promise<ResponseRows> {
    switch (request.action) {
      case 'columns':
        return this.#routes;
      case 'generate':
        return this.#generate(new TableContext(this.spec, this.#contexts.parse(request.context)), call);
      case 'insert':
      case 'update':
      case 'delete':
        return answerWrite({
          spec: this.spec,
          writes: this.#handlers,
          request,
          call,
          currentRow: rowid => this.#currentRow(rowid, call),
        });
      default:
        throw new OsqueryError(
          'OSQUERY_INVALID',
          `table ${this.name}: unknown action ${JSON.stringify(request.action ?? '')}; ` +
            'expected generate, columns, insert, update or delete',
        );
    }
  }

  async #generate(context: TableContext<Columns>, call: PluginCall): Promise<EncodedRows> {
    const generated: unknown = await this.#handlers.generate(context, call);
    if (isEncoded(generated)) return generated;
    // A query that reads no column only counts rows, and has no OR. A query with comparisons may have one, even if
    // core passes none: it passes nothing for a branch with IS NULL.
    const identity = context.colsUsed?.size === 0 ? undefined : new RowIdentity();
    const writer = new ReplyWriter({
      table: this.name,
      encoder: this.#encoder(context.colsUsed, identity !== undefined),
      identity,
      needsRowid: this.#handlers.update !== undefined || this.#handlers.remove !== undefined,
      maxBytes: call.maxReplyBytes ?? DEFAULT_MAX_REPLY_BYTES,
    });
    if (isAsyncIterable(generated)) {
      for await (const row of generated) {
        call.signal.throwIfAborted();
        if (writer.add(row)) await setImmediate();
      }
    } else if (isIterable(generated)) {
      for (const row of generated) {
        if (!writer.add(row)) continue;
        // A table of millions of rows must not delay core's pings.
        await setImmediate();
        call.signal.throwIfAborted();
      }
    } else {
      const got = shown(generated);
      const expected = 'expected rows: a list, another iterable or an async one';
      throw new OsqueryError('OSQUERY_INVALID', `table ${this.name}: generate gave ${got}; ${expected}`);
    }
    return writer.finish();
  }

  async #currentRow(rowid: bigint, call: PluginCall): Promise<CurrentRow | undefined> {
    const blobs = this.spec.columns.filter(({ type }) => type === 'BLOB').map(({ name }) => name);
    const rows = decodeRows(await this.#generate(new TableContext(this.spec, EMPTY_CONTEXT), call), {
      blobs,
    });
    return rows.find(row => row.rowid === String(rowid));
  }

  /** An encoder that numbers rows keeps earlier numbers, and so is not shared. */
  #encoder(
    used: ReadonlySet<string> | undefined,
    isNumbering: boolean,
  ): TableRowEncoder<readonly ColumnSpec[]> {
    const only =
      used &&
      new Set(this.#columns.map(({ name }) => name).filter(name => used.has(name) || name === 'rowid'));
    const key = `${isNumbering}:${only === undefined ? '' : [...only].join()}`;
    let encoder = this.#encoders.get(key);
    if (encoder === undefined) {
      if (this.#encoders.size >= MAX_ENCODERS) this.#encoders.clear();
      encoder = new TableRowEncoder(this.#columns, {
        table: this.name,
        ...(only === undefined ? {} : { only }),
      });
      this.#encoders.set(key, encoder);
    }
    return encoder;
  }
}

/** Encodes the rows of one answer. */
class ReplyWriter {
  readonly #table: string;
  readonly #encoder: TableRowEncoder<readonly ColumnSpec[]>;
  readonly #identity: RowIdentity | undefined;
  readonly #needsRowid: boolean;
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #out = new ByteWriter();
  #count = 0;
  #bytes = 0;

  constructor(options: {
    readonly table: string;
    readonly encoder: TableRowEncoder<readonly ColumnSpec[]>;
    /** Numbers rows without a number; undefined to leave them without. */
    readonly identity: RowIdentity | undefined;
    /** Whether every row must have a number. */
    readonly needsRowid: boolean;
    readonly maxBytes: number;
  }) {
    this.#table = options.table;
    this.#encoder = options.encoder;
    this.#identity = options.identity;
    this.#needsRowid = options.needsRowid;
    this.#maxBytes = options.maxBytes;
  }

  /** @returns whether a chunk is full */
  add(row: unknown): boolean {
    const out = this.#out;
    const given = row as GeneratedRow<readonly ColumnSpec[]>;
    this.#bytes +=
      this.#identity === undefined
        ? this.#encoder.append(given, out)
        : this.#encoder.appendNumbered(given, out, this.#identity);
    if (this.#needsRowid && (given.rowid ?? null) === null) {
      const what =
        'UPDATE and DELETE name rows by their rowid; expected a number in each row that generate gives';
      throw new OsqueryError('OSQUERY_INVALID', `table ${this.#table}: a row without rowid. ${what}`);
    }
    this.#count += 1;
    if (this.#bytes > this.#maxBytes) {
      const what = `table ${this.#table}: more than ${this.#maxBytes} bytes of rows`;
      throw new OsqueryError('OSQUERY_TOO_LARGE', `${what}; ask for fewer columns or rows`);
    }
    if (out.length < CHUNK_BYTES) return false;
    this.#chunks.push(out.take());
    this.#out = new ByteWriter(CHUNK_ROOM);
    return true;
  }

  finish(): EncodedRows<Uint8Array> {
    if (this.#out.length > 0) this.#chunks.push(this.#out.take());
    return { count: this.#count, chunks: this.#chunks };
  }
}

function checkHandlers(table: string, handlers: unknown): void {
  const given = handlers as Readonly<Record<string, unknown>> | null | undefined;
  if (given?.delete !== undefined) {
    throw new OsqueryError(
      'OSQUERY_INVALID',
      `table ${table}: handler delete does not exist; expected remove`,
    );
  }
  checkPlugin('table', table, handlers, {
    known: ['generate', 'insert', 'update', 'remove'],
    required: ['generate'],
  });
}

function isEncoded(rows: unknown): rows is EncodedRows {
  return typeof rows === 'object' && rows !== null && 'chunks' in rows;
}

function isIterable(rows: unknown): rows is Iterable<unknown> {
  return typeof rows === 'object' && rows !== null && Symbol.iterator in rows;
}

function isAsyncIterable(rows: unknown): rows is AsyncIterable<unknown> {
  return typeof rows === 'object' && rows !== null && Symbol.asyncIterator in rows;
}
