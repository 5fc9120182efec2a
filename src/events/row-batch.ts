/**
 * Rows of one table on their way to its buffer, oldest first; sent between threads by transfer.
 *
 * Row `i` is `bytes[ends[i-1]..ends[i])` (from 0 for the first): a Thrift `map<string,string>` with its entries in
 * column order, absent columns left out.
 */
export interface RowBatch {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
  /** Seconds since the epoch of each row's event. */
  readonly times: Float64Array;
  /** Two words per row: bit `c % 32` of word `c >> 5` says that column `c` is present. */
  readonly masks: Uint32Array;
  /** Number of the first row; the others follow without a gap. It is the row's `eid`. */
  readonly firstEid: number;
}

/** A batch whose rows are packed. */
export interface PackedBatch extends Omit<RowBatch, 'bytes'> {
  /** What `packRows` made of the rows. */
  readonly packed: Uint8Array;
  /** Bytes that they come to. */
  readonly length: number;
}

export const isPackedBatch = (batch: RowBatch | PackedBatch): batch is PackedBatch => 'packed' in batch;
