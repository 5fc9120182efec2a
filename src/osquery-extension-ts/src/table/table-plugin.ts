import { OsqueryError } from '../errors.ts';
import { DEFAULT_MAX_REPLY_BYTES } from '../limits.ts';
import type { Plugin, PluginCall } from '../plugin.ts';
import { ByteWriter } from '../wire/byte-writer.ts';
import type { ColumnSpec, Row } from './column.ts';
import type { EncodedRows, PluginRow, ResponseRows } from './encoded-rows.ts';
import { parseQueryContext, type QueryContext } from './query-context.ts';
import { createRowEncoder, type RowEncoder } from './row-encoder.ts';
import { columnRoutes, type TableSpec } from './table-spec.ts';
import { answerWrite, type TableWrites } from './table-writes.ts';

type Awaitable<T> = T | Promise<T>;

/** What a table generates: rows as objects, in any kind of sequence, or already encoded. */
export type GeneratedRows<Columns extends readonly ColumnSpec[]> =
  | Iterable<Row<Columns>>
  | AsyncIterable<Row<Columns>>
  | EncodedRows;

/** What a table does. */
export interface TableHandlers<Columns extends readonly ColumnSpec[]> extends TableWrites<Columns> {
  /**
   * Answers a SELECT. Called once per table and query, or more often (see {@link QueryContext}). What it throws
   * makes the query fail with the error's message.
   */
  generate(context: QueryContext, call: PluginCall): Awaitable<GeneratedRows<Columns>>;
}

/** Rows are encoded into pieces of this size, in bytes. */
const CHUNK_BYTES = 256 * 1024;

/** A table that core can query; with `insert`, `update` or `remove`, one that it can write to. */
export class TablePlugin<const Columns extends readonly ColumnSpec[] = readonly ColumnSpec[]>
  implements Plugin
{
  readonly registry = 'table';
  readonly name: string;
  readonly spec: TableSpec<Columns>;
  readonly #handlers: TableHandlers<Columns>;
  readonly #routes: readonly PluginRow[];
  readonly #encoder: RowEncoder<Columns>;

  /** @throws OsqueryError OSQUERY_INVALID when the definition cannot be right */
  constructor(spec: TableSpec<Columns>, handlers: TableHandlers<Columns>) {
    this.name = spec.name;
    this.spec = spec;
    this.#handlers = handlers;
    this.#routes = columnRoutes(spec);
    this.#encoder = createRowEncoder(spec.columns);
  }

  routes(): readonly PluginRow[] {
    return this.#routes;
  }

  async call(request: PluginRow, call: PluginCall): Promise<ResponseRows> {
    switch (request.action) {
      case 'columns':
        return this.#routes;
      case 'generate':
        return this.#generate(parseQueryContext(request.context), call);
      case 'insert':
      case 'update':
      case 'delete':
        return answerWrite(this.spec, this.#handlers, request, call);
      default:
        throw new OsqueryError(
          'OSQUERY_INVALID',
          `table ${this.name}: unknown action ${JSON.stringify(request.action ?? '')}; ` +
            'expected generate, columns, insert, update or delete',
        );
    }
  }

  async #generate(context: QueryContext, call: PluginCall): Promise<EncodedRows> {
    const generated = await this.#handlers.generate(context, call);
    if (isEncoded(generated)) return generated;
    const chunks: Buffer[] = [];
    const out = new ByteWriter();
    let count = 0;
    let bytes = 0;
    const add = (row: Row<Columns>): void => {
      bytes += this.#encoder.append(row, out);
      count += 1;
      if (bytes > DEFAULT_MAX_REPLY_BYTES) {
        throw new OsqueryError(
          'OSQUERY_TOO_LARGE',
          `table ${this.name}: more than ${DEFAULT_MAX_REPLY_BYTES} bytes of rows; ask for fewer columns or rows`,
        );
      }
      if (out.length >= CHUNK_BYTES) chunks.push(out.take());
    };
    if (Symbol.asyncIterator in generated) {
      for await (const row of generated) {
        call.signal.throwIfAborted();
        add(row);
      }
    } else {
      for (const row of generated) add(row);
    }
    if (out.length > 0) chunks.push(out.take());
    return { count, chunks };
  }
}

function isEncoded<Columns extends readonly ColumnSpec[]>(rows: GeneratedRows<Columns>): rows is EncodedRows {
  return 'chunks' in rows;
}
