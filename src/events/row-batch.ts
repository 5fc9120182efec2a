/** Where the rows of a batch are, oldest first. */
interface RowIndex {
  readonly ends: Uint32Array;
  /** Seconds since the epoch of each row's event. */
  readonly times: Float64Array;
  /** Two words per row: bit `c % 32` of word `c >> 5` says that column `c` is present. */
  readonly masks: Uint32Array;
  /** Number of the first row; the others follow without a gap. It is the row's `eid`. */
  readonly firstEid: number;
}

/**
 * Rows of one table.
 *
 * Row `i` is `bytes[ends[i-1]..ends[i])` (from 0 for the first): a Thrift `map<string,string>` with its entries in
 * column order, absent columns left out.
 */
export interface StoredBatch extends RowIndex {
  readonly bytes: Uint8Array;
}

/** Rows of one table on their way to its buffer; sent between threads by transfer. */
export interface RowBatch extends StoredBatch {
  /** Whose each row is, as `ownerOf` tells it. */
  readonly owners: Uint32Array;
}

/** A batch whose rows are packed. */
export interface PackedBatch extends RowIndex {
  /** What `packRows` made of the rows. */
  readonly packed: Uint8Array;
  /** Bytes that they come to. */
  readonly length: number;
}

export const isPackedBatch = (batch: StoredBatch | PackedBatch): batch is PackedBatch => 'packed' in batch;

/** Memory that is given back at once where there is so much of it: it costs as much as what waits for V8 to look. */
const LARGE_BYTES = 65_536;

/** Gives back the memory of a batch's rows. Nobody may look at them any more. */
export const releaseBatch = ({ bytes }: StoredBatch): void => {
  const { buffer } = bytes;
  // What has been put into Node's pool lies beside others' bytes, and is smaller.
  if (bytes.byteOffset === 0 && buffer instanceof ArrayBuffer && buffer.byteLength >= LARGE_BYTES)
    buffer.transfer(0);
};
