import { parseDouble, parseInteger } from './integer-text.ts';
import type { ColumnType } from './table-definition.ts';
import { type Database, SQLITE_TRANSIENT } from './wasm.ts';

/** A column's value in the current row of a reply. */
export interface ResultValue {
  readonly type: ColumnType;
  /** The reply. */
  readonly bytes: Uint8Array;
  /** Address of the reply's copy in SQLite's memory. */
  readonly memory: number;
  /** Where the value is in the reply; -1 if the row lacks it. */
  readonly offset: number;
  readonly length: number;
}

/** Gives SQLite the value that xColumn asked for, converted from text to the column's type as core does. */
export const setResult = (
  { raw }: Database,
  context: number,
  { type, bytes, memory, offset, length }: ResultValue,
): void => {
  if (offset < 0 || type === 'UNKNOWN') {
    raw.sqlite3_result_null(context);
  } else if (type === 'TEXT' || type === 'BLOB') {
    raw.sqlite3_result_text(context, memory + offset, length, SQLITE_TRANSIENT);
  } else if (type === 'DOUBLE') {
    const value = parseDouble(latin1(bytes, offset, length));
    if (value === undefined) raw.sqlite3_result_null(context);
    else raw.sqlite3_result_double(context, value);
  } else {
    const value = parseInteger(bytes, offset, offset + length);
    if (value === undefined) raw.sqlite3_result_null(context);
    // Core passes a C `long` to sqlite3_result_int, which keeps the low 32 bits.
    else if (type === 'INTEGER') raw.sqlite3_result_int(context, Number(BigInt.asIntN(32, BigInt(value))));
    else raw.sqlite3_result_int64(context, BigInt(value));
  }
};

export const latin1 = (bytes: Uint8Array, offset: number, length: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString('latin1');
