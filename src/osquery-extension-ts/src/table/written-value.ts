import type { ColumnSpec } from './column.ts';
import { exactNumber, sqliteNumber } from './sqlite-number.ts';

/** A value of an INSERT or UPDATE; whole numbers beyond 2^53 are bigint, a BLOB is bytes. */
export type WrittenValue = string | number | bigint | Uint8Array | null;

/** A present value of a row. */
export type StoredValue = WrittenValue;

/** Characters that are not bytes, in a text that was read byte by byte: they came as escapes, `\u20ac`. */
const BEYOND_BYTES = /[\u0100-\uffff]+/g;

/** @param sent a value in core's JSON array, whose texts were read byte by byte (latin1) */
export function writtenValue(column: ColumnSpec, sent: unknown): WrittenValue {
  if (typeof sent === 'number' || typeof sent === 'bigint') return sent;
  if (typeof sent !== 'string') return null;
  const bytes = bytesOfText(sent);
  return column.type === 'BLOB' ? bytes : bytes.toString('utf8');
}

function bytesOfText(text: string): Buffer {
  if (text.search(BEYOND_BYTES) < 0) return Buffer.from(text, 'latin1');
  const pieces: Buffer[] = [];
  let end = 0;
  for (const { 0: escaped, index } of text.matchAll(BEYOND_BYTES)) {
    pieces.push(Buffer.from(text.slice(end, index), 'latin1'), Buffer.from(escaped, 'utf8'));
    end = index + escaped.length;
  }
  pieces.push(Buffer.from(text.slice(end), 'latin1'));
  return Buffer.concat(pieces);
}

/** @param text as it is in an encoded row; undefined for NULL */
export function storedValue(column: ColumnSpec, text: string | Uint8Array | undefined): StoredValue {
  if (text === undefined) return null;
  if (typeof text !== 'string' || column.type === 'TEXT' || column.type === 'BLOB') return text;
  if (column.type === 'DOUBLE') return Number(text);
  const number = sqliteNumber(text);
  return number?.kind === 'integer' ? exactNumber(number.value) : null;
}

/**
 * Whether two values are equal in SQL: a missing text or BLOB is an empty text there (DynamicTableRow::get_column in
 * osquery's sql/dynamic_table_row.cpp).
 */
export function isSameValue(a: WrittenValue, b: WrittenValue): boolean {
  if (isEmpty(a) || isEmpty(b)) return isEmpty(a) && isEmpty(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return a === b;
}

function isEmpty(value: WrittenValue): boolean {
  return value === null || value === '' || (value instanceof Uint8Array && value.length === 0);
}
