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
  /** The owner of each row, see `ownerOf`. */
  readonly owners: Uint32Array;
}

/** A batch whose rows are packed. */
export interface PackedBatch extends RowIndex {
  /** The rows as packed by `packRows`. */
  readonly packed: Uint8Array;
  /** Their unpacked bytes. */
  readonly length: number;
}

export const isPackedBatch = (batch: StoredBatch | PackedBatch): batch is PackedBatch => 'packed' in batch;

/** Rows of this size are freed at once; for smaller ones that costs as much as leaving them to V8. */
const LARGE_BYTES = 65_536;

/** Frees the memory of a batch's rows. They must not be used any more. */
export const releaseBatch = ({ bytes }: StoredBatch): void => {
  const { buffer } = bytes;
  // A buffer in Node's pool shares its memory with others, and is smaller.
  if (bytes.byteOffset === 0 && buffer instanceof ArrayBuffer && buffer.byteLength >= LARGE_BYTES)
    buffer.transfer(0);
};
