import { messageOf, OsqueryError } from '../errors.ts';
import type { PluginCall } from '../plugins/plugin.ts';
import type { ColumnSpec } from './column.ts';
import type { PluginRow } from './encoded-rows.ts';
import type { TableSpec } from './table-spec.ts';

type Awaitable<T> = T | Promise<T>;

/** What SQLite can put into a column of each type, as it arrives from core. Integers beyond 2^53 are bigint. */
interface WrittenValues {
  TEXT: string;
  INTEGER: number | bigint;
  BIGINT: number | bigint;
  'UNSIGNED BIGINT': number | bigint;
  DOUBLE: number;
  BLOB: string;
}

/** The values of an INSERT or UPDATE: every column, null where the statement gives NULL or nothing. */
export type WrittenRow<Columns extends readonly ColumnSpec[]> = {
  readonly [C in Columns[number] as C['name']]: WrittenValues[C['type']] | null;
};

/**
 * The answer to a write. `readonly`: the table may not be modified; `constraint`: SQLite's constraint error;
 * `failure`: the statement fails with the message.
 */
export type WriteResult =
  | { readonly kind: 'success' }
  | { readonly kind: 'readonly' }
  | { readonly kind: 'constraint' }
  | { readonly kind: 'failure'; readonly message: string };

/** The answer to an INSERT; a success names the new row, unless core has numbered it itself. */
export type InsertResult =
  | { readonly kind: 'success'; readonly rowid?: bigint | number }
  | Exclude<WriteResult, { kind: 'success' }>;

/**
 * Writing to a table; what is absent is refused as read-only. UPDATE and DELETE name rows by their rowid, which core
 * has from a column named `rowid` of the generated rows. What a handler throws makes the statement fail.
 */
export interface TableWrites<Columns extends readonly ColumnSpec[]> {
  /** @param rowid the number that the statement or core gives the row; undefined when the table must choose one */
  insert?(row: WrittenRow<Columns>, rowid: bigint | undefined, call: PluginCall): Awaitable<InsertResult>;
  /** @param newRowid the row's new number, when the statement changes it */
  update?(
    rowid: bigint,
    row: WrittenRow<Columns>,
    newRowid: bigint | undefined,
    call: PluginCall,
  ): Awaitable<WriteResult>;
  /** Answers DELETE of one row. */
  remove?(rowid: bigint, call: PluginCall): Awaitable<WriteResult>;
}

/** Answers an insert, update or delete request with the one row that core expects. */
export async function answerWrite<Columns extends readonly ColumnSpec[]>(
  spec: TableSpec<Columns>,
  writes: TableWrites<Columns>,
  request: PluginRow,
  call: PluginCall,
): Promise<readonly PluginRow[]> {
  let result: InsertResult;
  try {
    result = await write(spec, writes, request, call);
  } catch (error) {
    result = { kind: 'failure', message: messageOf(error) };
  }
  if (result.kind === 'failure') return [{ status: 'failure', message: result.message }];
  if (result.kind !== 'success' || request.action !== 'insert') return [{ status: result.kind }];
  const id = result.rowid ?? (request.auto_rowid === 'true' ? request.id : undefined);
  if (id === undefined) return [{ status: 'failure', message: `table ${spec.name}: insert gave no row id` }];
  return [{ status: 'success', id: String(id) }];
}

async function write<Columns extends readonly ColumnSpec[]>(
  spec: TableSpec<Columns>,
  writes: TableWrites<Columns>,
  request: PluginRow,
  call: PluginCall,
): Promise<InsertResult> {
  switch (request.action) {
    case 'insert': {
      if (writes.insert === undefined) return { kind: 'readonly' };
      const rowid = request.auto_rowid === 'true' ? rowId(spec, request, 'id') : undefined;
      return writes.insert(writtenRow(spec, request), rowid, call);
    }
    case 'update': {
      if (writes.update === undefined) return { kind: 'readonly' };
      const newRowid = request.new_id === undefined ? undefined : rowId(spec, request, 'new_id');
      return writes.update(rowId(spec, request, 'id'), writtenRow(spec, request), newRowid, call);
    }
    default:
      if (writes.remove === undefined) return { kind: 'readonly' };
      return writes.remove(rowId(spec, request, 'id'), call);
  }
}

function rowId(spec: TableSpec, request: PluginRow, key: string): bigint {
  const text = request[key] ?? '';
  if (!/^-?\d{1,19}$/.test(text)) {
    throw new OsqueryError(
      'OSQUERY_INVALID',
      `table ${spec.name}: row id ${JSON.stringify(text)} is not a number`,
    );
  }
  return BigInt(text);
}

/** Core sends the values as a JSON array: the columns in order, then the column aliases, which are not ours. */
function writtenRow<Columns extends readonly ColumnSpec[]>(
  spec: TableSpec<Columns>,
  request: PluginRow,
): WrittenRow<Columns> {
  const text = request.json_value_array ?? '';
  let values: unknown;
  try {
    values = JSON.parse(text, exactIntegers);
  } catch (cause) {
    throw new OsqueryError(
      'OSQUERY_INVALID',
      `table ${spec.name}: values are not JSON: ${messageOf(cause)}`,
      { cause },
    );
  }
  if (!Array.isArray(values) || values.length < spec.columns.length) {
    throw new OsqueryError(
      'OSQUERY_INVALID',
      `table ${spec.name}: expected a JSON array of ${spec.columns.length} values, got ${text.slice(0, 100)}`,
    );
  }
  return Object.fromEntries(
    spec.columns.map((column, index) => [column.name, values[index] ?? null]),
  ) as WrittenRow<Columns>;
}

/** A JSON.parse reviver that keeps integers beyond 2^53 exact, where the runtime gives the number's text. */
function exactIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}
