/**
 * Rows in their wire format, for tables that keep their rows encoded and answer without making objects.
 *
 * @packageDocumentation
 */
import './node-version.ts';

export type {
  DecodeOptions,
  EncodedRows,
  LateChunk,
  PluginRow,
  ResponseRows,
  RowWithBlobs,
} from './table/encoded-rows.ts';
export { bytesOf, decodeRows, encodeRows, isEncodedRows } from './table/encoded-rows.ts';
export type { RowEncoder, RowEncoderOptions } from './table/row-encoder.ts';
export { createRowEncoder } from './table/row-encoder.ts';
export { ByteWriter } from './wire/byte-writer.ts';
