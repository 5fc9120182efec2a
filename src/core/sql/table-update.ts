/**
 * INSERT, UPDATE and DELETE on an extension's table, with the requests that core 5.23 sends and the answers that it
 * accepts.
 *
 * Source: osquery 5.23 `sql/virtual_table.cpp` (xUpdate, serializeUpdateParameters).
 */
import { isUtf8 } from 'node:buffer';
import { effectiveOptions } from './query-context.ts';
import { type EncodedRowList, RowCursor } from './row-cursor.ts';
import { COLUMN_INDEX, COLUMN_REQUIRED, type TableDefinition } from './table-definition.ts';
import {
  type Database,
  heap,
  SQLITE_BLOB,
  SQLITE_CONSTRAINT,
  SQLITE_ERROR,
  SQLITE_FLOAT,
  SQLITE_INTEGER,
  SQLITE_MISMATCH,
  SQLITE_NULL,
  SQLITE_RANGE,
  SQLITE_READONLY,
} from './wasm.ts';

export type UpdateRequest =
  | { readonly kind: 'request'; readonly request: TableRequest }
  | { readonly kind: 'refused'; readonly code: number };

/** Bytes where a BLOB is not text: core writes them into its JSON unchanged. */
export type TableRequest = Readonly<Record<string, string | Uint8Array>>;

/** What decides whether core accepts a value for a column. */
export interface UpdatedTable {
  readonly table: TableDefinition;
  /** The flag `extensions_default_index`. */
  readonly defaultIndex: boolean;
  /** Column aliases that were read: core's xColumn then gives them the type of their column permanently. */
  readonly readAliases: ReadonlySet<number>;
}

/** A value's bytes, one character for each. */
const byteText = (database: Database, value: number): string => {
  const pointer = database.raw.sqlite3_value_blob(value);
  const length = database.raw.sqlite3_value_bytes(value);
  return Buffer.from(heap(database).buffer, pointer, length).toString('latin1');
};

/** One value as JSON, one character for each byte; undefined if its type does not fit the column. */
const valueJson = (
  database: Database,
  value: number,
  column: { readonly type: string; readonly options: number },
): string | undefined => {
  const { raw } = database;
  switch (raw.sqlite3_value_type(value)) {
    case SQLITE_INTEGER: {
      const integers: readonly string[] = ['INTEGER', 'BIGINT', 'UNSIGNED BIGINT'];
      // Written from the bigint, because JSON.stringify would round it.
      return integers.includes(column.type) ? raw.sqlite3_value_int64(value).toString() : undefined;
    }
    case SQLITE_FLOAT: {
      if (column.type !== 'DOUBLE') return undefined;
      const double = raw.sqlite3_value_double(value);
      return Number.isInteger(double) ? double.toFixed(1) : JSON.stringify(double);
    }
    case SQLITE_NULL:
      return column.options === COLUMN_INDEX || column.options === COLUMN_REQUIRED ? undefined : 'null';
    case SQLITE_BLOB:
      return column.type === 'BLOB' ? JSON.stringify(byteText(database, value)) : undefined;
    default:
      return column.type === 'TEXT' ? JSON.stringify(byteText(database, value)) : undefined;
  }
};

/** `values` are xUpdate's arguments: old rowid, new rowid, then one for each column. */
export const updateRequest = (
  database: Database,
  { table, defaultIndex, readAliases }: UpdatedTable,
  values: readonly number[],
): UpdateRequest => {
  const { raw } = database;
  const integer = (index: number): string => raw.sqlite3_value_int64(values[index]!).toString();
  if (values.length === 1) return { kind: 'request', request: { action: 'delete', id: integer(0) } };

  if (values.length !== table.columns.length + 2) return { kind: 'refused', code: SQLITE_RANGE };
  const parts: string[] = [];
  for (const [index, column] of table.columns.entries()) {
    const options = effectiveOptions(column.options, table, defaultIndex);
    const type =
      column.aliasOf !== undefined && readAliases.has(index)
        ? table.columns[column.aliasOf]!.type
        : column.type;
    const json = valueJson(database, values[index + 2]!, { type, options });
    if (json === undefined) return { kind: 'refused', code: SQLITE_MISMATCH };
    parts.push(json);
  }
  const json_value_array = textOrBytes(Buffer.from(`[${parts.join(',')}]`, 'latin1'));

  const oldType = raw.sqlite3_value_type(values[0]!);
  const newType = raw.sqlite3_value_type(values[1]!);
  if (oldType === SQLITE_NULL) {
    const id: Record<string, string> =
      newType === SQLITE_NULL ? { auto_rowid: 'false' } : { auto_rowid: 'true', id: integer(1) };
    return { kind: 'request', request: { action: 'insert', json_value_array, ...id } };
  }
  if (oldType !== SQLITE_INTEGER) return { kind: 'refused', code: SQLITE_ERROR };
  const renamed = newType === SQLITE_INTEGER && integer(1) !== integer(0) ? { new_id: integer(1) } : {};
  return { kind: 'request', request: { action: 'update', id: integer(0), json_value_array, ...renamed } };
};

const textOrBytes = (bytes: Buffer): string | Uint8Array => (isUtf8(bytes) ? bytes.toString() : bytes);

export type UpdateResult =
  | { readonly kind: 'done'; readonly rowid: bigint | undefined }
  | { readonly kind: 'failed'; readonly code: number; readonly message: string | undefined };

/** Reads the one row with which a plugin answers a write. */
export const updateResult = (table: string, request: TableRequest, rows: EncodedRowList): UpdateResult => {
  const failed = (message: string | undefined, code = SQLITE_ERROR): UpdateResult => ({
    kind: 'failed',
    code,
    message,
  });
  if (rows.count !== 1) {
    return failed(`expected one row in answer to ${request.action} on ${table}, got ${rows.count}`);
  }
  const cursor = new RowCursor(rows, ['status', 'message', 'id']);
  const field = (index: number): string | undefined => {
    const offset = cursor.offsets[index]!;
    if (offset < 0) return undefined;
    return Buffer.from(rows.bytes.buffer, rows.bytes.byteOffset + offset, cursor.lengths[index]!).toString();
  };
  const status = field(0);
  switch (status) {
    case 'success':
      break;
    case 'readonly':
      return failed(`table ${table} may not be modified`, SQLITE_READONLY);
    case 'constraint':
      return failed(undefined, SQLITE_CONSTRAINT);
    case 'failure':
      return failed(field(1));
    default:
      return failed(
        `expected a status of success, readonly, failure or constraint from ${table}, got ${status}`,
      );
  }
  if (request.action !== 'insert') return { kind: 'done', rowid: undefined };
  const id = request.auto_rowid === 'true' ? request.id : field(2);
  if (typeof id !== 'string' || !/^[+-]?\d+$/.test(id)) {
    return failed(`expected the new row's id from ${table}, got ${id}`);
  }
  return { kind: 'done', rowid: BigInt.asIntN(64, BigInt(id)) };
};
