import { messageOf, OsqueryError, shown } from '../errors.ts';
import type { PluginCall } from '../plugins/plugin.ts';
import type { ColumnSpec } from './column.ts';
import type { PluginRow } from './encoded-rows.ts';
import type { Awaitable } from './generated-rows.ts';
import { columnAliasesOf, type TableSpec } from './table-spec.ts';
import {
  isSameValue,
  type StoredValue,
  storedValue,
  type WrittenValue,
  writtenValue,
} from './written-value.ts';

/**
 * Values that SQLite can put into a column of each type, as they arrive from core. Integers beyond 2^53 are bigint.
 */
interface WrittenValues {
  TEXT: string;
  INTEGER: number | bigint;
  BIGINT: number | bigint;
  'UNSIGNED BIGINT': number | bigint;
  DOUBLE: number;
  BLOB: Uint8Array;
}

/** The values of an INSERT or UPDATE: every column, null where the statement gives NULL or nothing. */
export type WrittenRow<Columns extends readonly ColumnSpec[]> = {
  readonly [C in Columns[number] as C['name']]: WrittenValues[C['type']] | null;
};

/**
 * The answer to a write. `readonly`: the table must not be modified; `constraint`: SQLite's constraint error;
 * `failure`: the statement fails with the message.
 */
export type WriteResult =
  | { readonly kind: 'success' }
  | { readonly kind: 'readonly' }
  | { readonly kind: 'constraint' }
  | { readonly kind: 'failure'; readonly message: string };

/** The answer to an INSERT: the new row's number, alone or with a success. Core may have numbered the row itself. */
export type InsertResult =
  | bigint
  | number
  | { readonly kind: 'success'; readonly rowid?: bigint | number }
  | Exclude<WriteResult, { kind: 'success' }>;

/**
 * Writing to a table; a missing handler makes the operation read-only. UPDATE and DELETE name rows by the `rowid`
 * from `generate`. An error makes the statement fail with its message; returning nothing means success.
 */
export interface TableWrites<Columns extends readonly ColumnSpec[]> {
  /** @param rowid the number given by the statement or core; undefined if the table must choose one */
  insert?(row: WrittenRow<Columns>, rowid: bigint | undefined, call: PluginCall): Awaitable<InsertResult>;
  /** @param newRowid the row's new number, when the statement changes it */
  update?(
    rowid: bigint,
    row: WrittenRow<Columns>,
    newRowid: bigint | undefined,
    call: PluginCall,
    // biome-ignore lint/suspicious/noConfusingVoidType: a handler without a return statement
  ): Awaitable<WriteResult | void>;
  /** Answers DELETE of one row. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler without a return statement
  remove?(rowid: bigint, call: PluginCall): Awaitable<WriteResult | void>;
}

/** What answers a write. */
interface Write<Columns extends readonly ColumnSpec[]> {
  readonly spec: TableSpec<Columns>;
  readonly writes: TableWrites<Columns>;
  readonly request: PluginRow;
  readonly call: PluginCall;
  /** The row with that number; undefined if there is none. */
  readonly currentRow: (rowid: bigint) => Promise<CurrentRow | undefined>;
}

/** A row in its present state: texts, and bytes for BLOB columns. An absent name is NULL. */
export type CurrentRow = Readonly<Record<string, string | Uint8Array | undefined>>;

/** Answers an insert, update or delete request with the one row that core expects. */
export async function answerWrite<Columns extends readonly ColumnSpec[]>(
  options: Write<Columns>,
): Promise<readonly PluginRow[]> {
  const { spec, request } = options;
  const failure = (message: string): readonly PluginRow[] => [{ status: 'failure', message }];
  try {
    const result = await write(options);
    if (result.kind === 'failure') return failure(result.message);
    if (result.kind !== 'success' || request.action !== 'insert') return [{ status: result.kind }];
    const id = result.rowid ?? (request.auto_rowid === 'true' ? request.id : undefined);
    return id === undefined
      ? failure(`table ${spec.name}: insert gave no row id`)
      : [{ status: 'success', id: String(id) }];
  } catch (error) {
    return failure(messageOf(error));
  }
}

type CheckedResult = Exclude<InsertResult, bigint | number>;

async function write<Columns extends readonly ColumnSpec[]>(options: Write<Columns>): Promise<CheckedResult> {
  const { spec, writes, request, call } = options;
  switch (request.action) {
    case 'insert': {
      if (writes.insert === undefined) return { kind: 'readonly' };
      const rowid = request.auto_rowid === 'true' ? rowId(spec, request, 'id') : undefined;
      const row = insertedRow(spec, sentValues(spec, request, call));
      return checkedResult(spec, 'insert', await writes.insert(row as WrittenRow<Columns>, rowid, call));
    }
    case 'update': {
      if (writes.update === undefined) return { kind: 'readonly' };
      const newRowid = request.new_id === undefined ? undefined : rowId(spec, request, 'new_id');
      const rowid = rowId(spec, request, 'id');
      const row = await updatedRow(options, rowid, sentValues(spec, request, call));
      return checkedResult(
        spec,
        'update',
        await writes.update(rowid, row as WrittenRow<Columns>, newRowid, call),
      );
    }
    default:
      if (writes.remove === undefined) return { kind: 'readonly' };
      return checkedResult(spec, 'remove', await writes.remove(rowId(spec, request, 'id'), call));
  }
}

const KINDS = ['success', 'readonly', 'constraint', 'failure'];

function checkedResult(spec: TableSpec, handler: string, result: unknown): CheckedResult {
  if (result === undefined) return { kind: 'success' };
  if (handler === 'insert' && (typeof result === 'bigint' || Number.isSafeInteger(result))) {
    return { kind: 'success', rowid: result as number | bigint };
  }
  const { kind } = (result ?? {}) as { readonly kind?: unknown };
  if (typeof kind === 'string' && KINDS.includes(kind)) return result as CheckedResult;
  throw new OsqueryError(
    'OSQUERY_INVALID',
    `table ${spec.name}: ${handler} gave ${kind === undefined ? shown(result) : `kind ${shown(kind)}`}; ` +
      `expected nothing, { kind } of ${KINDS.join(', ')}${handler === 'insert' ? ', or the row id' : ''}`,
  );
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

/** The values of a request: of each column, and of each column alias if core sends them. */
interface SentValues {
  readonly columns: ReadonlyMap<string, WrittenValue>;
  readonly aliases: readonly {
    readonly alias: string;
    readonly column: ColumnSpec;
    readonly value: WrittenValue;
  }[];
}

/** Core sends the values as a JSON array: the columns in order, then the column aliases. */
function sentValues(spec: TableSpec, request: PluginRow, call: PluginCall): SentValues {
  const text = request.json_value_array ?? '';
  // As bytes, because a BLOB is in it unchanged, whatever its bytes are as text.
  const bytes = call.requestBytes?.('json_value_array') ?? Buffer.from(text);
  let values: unknown;
  try {
    values = JSON.parse(Buffer.from(bytes).toString('latin1'), exactIntegers);
  } catch (cause) {
    throw new OsqueryError(
      'OSQUERY_INVALID',
      `table ${spec.name}: values are not JSON: ${messageOf(cause)}`,
      { cause },
    );
  }
  const { columns } = spec;
  if (!Array.isArray(values) || values.length < columns.length) {
    throw new OsqueryError(
      'OSQUERY_INVALID',
      `table ${spec.name}: expected a JSON array of ${columns.length} values, got ${text.slice(0, 100)}`,
    );
  }
  const sent: readonly unknown[] = values;
  return {
    columns: new Map(columns.map((column, index) => [column.name, writtenValue(column, sent[index])])),
    aliases: columnAliasesOf(spec).map(([alias, name], index) => {
      const column = columns.find(known => known.name === name)!;
      return { alias, column, value: writtenValue(column, sent[columns.length + index]) };
    }),
  };
}

function conflict(spec: TableSpec, alias: string, column: ColumnSpec): OsqueryError {
  return new OsqueryError(
    'OSQUERY_INVALID',
    `table ${spec.name}: the statement gives ${column.name} and its alias ${alias} different values`,
  );
}

/** INSERT may name a column by its alias; columns that it does not name are NULL. */
function insertedRow(spec: TableSpec, { columns, aliases }: SentValues): object {
  const row = new Map(columns);
  for (const { alias, column, value } of aliases) {
    if (value === null) continue;
    const own = row.get(column.name) ?? null;
    if (own !== null && !isSameValue(own, value)) throw conflict(spec, alias, column);
    row.set(column.name, value);
  }
  return Object.fromEntries(row);
}

/**
 * UPDATE may name a column by its alias, too. For columns that it does not name it repeats the values from
 * `generate`: if a column and its alias differ, the present row tells which of them comes from the statement.
 */
async function updatedRow<Columns extends readonly ColumnSpec[]>(
  { spec, currentRow }: Write<Columns>,
  rowid: bigint,
  { columns, aliases }: SentValues,
): Promise<object> {
  const row = new Map(columns);
  const differing = aliases.filter(
    ({ column, value }) => !isSameValue(value, columns.get(column.name) ?? null),
  );
  if (differing.length === 0) return Object.fromEntries(row);
  const before = await currentRow(rowid);
  if (before === undefined) {
    throw new OsqueryError('OSQUERY_INVALID', `table ${spec.name}: there is no row ${rowid} any more`);
  }
  for (const { alias, column, value } of differing) {
    const old: StoredValue = storedValue(column, before[column.name]);
    if (isSameValue(value, old)) continue;
    if (!isSameValue(row.get(column.name) ?? null, old)) throw conflict(spec, alias, column);
    row.set(column.name, value);
  }
  return Object.fromEntries(row);
}

/** A JSON.parse reviver that keeps integers beyond 2^53 exact, if the runtime passes the number's text. */
function exactIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}
