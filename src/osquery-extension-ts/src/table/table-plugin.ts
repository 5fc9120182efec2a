import { setImmediate } from 'node:timers/promises';
import { OsqueryError } from '../errors.ts';
import { DEFAULT_MAX_REPLY_BYTES } from '../limits.ts';
import type { Plugin, PluginCall } from '../plugins/plugin.ts';
import { ByteWriter } from '../wire/byte-writer.ts';
import type { ColumnSpec, Row } from './column.ts';
import type { EncodedRows, PluginRow, ResponseRows } from './encoded-rows.ts';
import { parseQueryContext, type QueryContext } from './query-context.ts';
import { createRowEncoder, type RowEncoder } from './row-encoder.ts';
import { columnRoutes, type TableSpec } from './table-spec.ts';
import { answerWrite, type TableWrites } from './table-writes.ts';

type Awaitable<T> = T | Promise<T>;

/**
 * A row of a SELECT. A `rowid` is the number by which core knows it: in writes, and in a WHERE with OR, for which core asks
 * once per branch. Rows without one are numbered by their place in each answer, so that such a query takes different rows
 * of the same place for one.
 */
export type GeneratedRow<Columns extends readonly ColumnSpec[]> = Row<Columns> & {
  readonly rowid?: number | bigint | null | undefined;
};

/**
 * What a table generates: rows as objects, in any kind of sequence, or already encoded.
 *
 * `R` is the type of the rows as written. TypeScript looks for names that are not columns only in annotated
 * literals; asking for `never` under every such name finds them wherever the rows come from.
 */
export type GeneratedRows<Columns extends readonly ColumnSpec[], R = GeneratedRow<Columns>> =
  | Iterable<CheckedRow<Columns, R>>
  | AsyncIterable<CheckedRow<Columns, R>>
  | EncodedRows;

type CheckedRow<Columns extends readonly ColumnSpec[], R> = R &
  GeneratedRow<Columns> & { readonly [N in Exclude<NamesOf<R>, keyof GeneratedRow<Columns>>]?: never };
type NamesOf<R> = R extends unknown ? keyof R : never;

/** What a table does. */
export interface TableHandlers<Columns extends readonly ColumnSpec[], R = GeneratedRow<Columns>>
  extends TableWrites<Columns> {
  /**
   * Answers a SELECT. Called once per table and query, or more often (see {@link QueryContext}). What it throws
   * makes the query fail with the error's message.
   */
  generate(context: QueryContext, call: PluginCall): Awaitable<GeneratedRows<Columns, R>>;
}

const ROWID: ColumnSpec = { name: 'rowid', type: 'BIGINT' };

/** Rows are encoded into pieces of this size, in bytes. */
const CHUNK_BYTES = 256 * 1024;

/** A table that core can query; with `insert`, `update` or `remove`, one that it can write to. */
export class TablePlugin<
  const Columns extends readonly ColumnSpec[] = readonly ColumnSpec[],
  R = GeneratedRow<Columns>,
> implements Plugin
{
  readonly registry = 'table';
  readonly name: string;
  readonly spec: TableSpec<Columns>;
  readonly #handlers: TableHandlers<Columns, R>;
  readonly #routes: readonly PluginRow[];
  readonly #encoder: RowEncoder<readonly ColumnSpec[]>;

  /** @throws OsqueryError OSQUERY_INVALID when the definition cannot be right */
  constructor(spec: TableSpec<Columns>, handlers: TableHandlers<Columns, R>) {
    this.name = spec.name;
    this.spec = spec;
    this.#handlers = handlers;
    this.#routes = columnRoutes(spec);
    const columns: readonly ColumnSpec[] = spec.columns;
    // Core looks for the row's number in this entry whether or not it is a column.
    const numbered = columns.some(column => column.name === 'rowid');
    this.#encoder = createRowEncoder(numbered ? columns : [...columns, ROWID]);
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
    if (typeof generated !== 'object' || generated === null) {
      throw new OsqueryError(
        'OSQUERY_INVALID',
        `table ${this.name}: generate gave ${String(generated)}; expected rows`,
      );
    }
    if (isEncoded(generated)) return generated;
    const maxBytes = call.maxReplyBytes ?? DEFAULT_MAX_REPLY_BYTES;
    const chunks: Buffer[] = [];
    const out = new ByteWriter();
    let count = 0;
    let bytes = 0;
    /** True when a chunk is full. */
    const add = (row: GeneratedRow<Columns>): boolean => {
      bytes += this.#encoder.append(row, out);
      count += 1;
      if (bytes > maxBytes) {
        const what = `table ${this.name}: more than ${maxBytes} bytes of rows`;
        throw new OsqueryError('OSQUERY_TOO_LARGE', `${what}; ask for fewer columns or rows`);
      }
      if (out.length < CHUNK_BYTES) return false;
      chunks.push(out.take());
      return true;
    };
    if (Symbol.asyncIterator in generated) {
      for await (const row of generated) {
        call.signal.throwIfAborted();
        add(row);
      }
    } else {
      for (const row of generated) {
        if (!add(row)) continue;
        // A table of millions of rows must not keep core's pings waiting.
        await setImmediate();
        call.signal.throwIfAborted();
      }
    }
    if (out.length > 0) chunks.push(out.take());
    return { count, chunks };
  }
}

function isEncoded(rows: object): rows is EncodedRows {
  return 'chunks' in rows;
}
