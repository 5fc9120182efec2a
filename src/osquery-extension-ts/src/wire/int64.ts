import thrift from 'thrift';
import type { ExtensionUuid } from '../errors.ts';
import { ByteCursor } from './byte-cursor.ts';

/** An i64 for the generated code, which would round a number beyond 2^53. */
export function int64Of(value: number | bigint): object {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt(value));
  return new thrift.Int64(buffer);
}

/** Converts an i64 from the generated code; 0 if there was none. */
export function uuidOf(value: unknown): ExtensionUuid {
  if (value === null || value === undefined) return 0;
  const { buffer, offset } = value as { readonly buffer: Buffer; readonly offset: number };
  return new ByteCursor(buffer, offset).i64();
}
