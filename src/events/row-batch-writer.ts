import type { ColumnSpec, Row } from 'osquery-extension-ts';
import { ByteWriter, createRowEncoder, type RowEncoder } from 'osquery-extension-ts/encoded';
import { ROWID } from './encoded-row.ts';
import type { RowBatch } from './row-batch.ts';

const INITIAL_ROWS = 64;
const INITIAL_BYTES = 16 * 1024;

/** The text of a row's number in column `eid`. */
export const eidText = (number: number): string => String(number).padStart(10, '0');

/** The last three digits of a number, as text. */
const LAST_DIGITS = Array.from({ length: 1000 }, (_, digits) => String(digits).padStart(3, '0'));

/** A row that is given its number here. */
export type NumberedRow = Row<readonly ColumnSpec[]> & { eid?: string; [ROWID]?: number };

/** Encodes the rows of one table into batches and numbers them. */
export class RowBatchWriter {
  readonly #encoder: RowEncoder<readonly ColumnSpec[]>;
  #bytes = new ByteWriter(INITIAL_BYTES);
  #ends = new Uint32Array(INITIAL_ROWS);
  #times = new Float64Array(INITIAL_ROWS);
  #masks = new Uint32Array(2 * INITIAL_ROWS);
  #owners = new Uint32Array(INITIAL_ROWS);
  #rows = 0;
  #nextEid: number;
  /** The number of the last row without its last three digits, and its text. */
  #thousand = -1;
  #thousandText = '';

  /** @param columns what the rows hold */
  constructor(columns: readonly ColumnSpec[], nextEid = 1) {
    this.#encoder = createRowEncoder(columns);
    this.#nextEid = nextEid;
  }

  /** Bytes waiting to be taken. */
  get byteCount(): number {
    return this.#bytes.length;
  }

  /** Ten digits, joined from two existing strings: this happens for every event. */
  #eidOf(number: number): string {
    const thousand = Math.floor(number / 1000);
    if (thousand !== this.#thousand) {
      this.#thousand = thousand;
      this.#thousandText = String(thousand).padStart(7, '0');
    }
    return this.#thousandText + LAST_DIGITS[number % 1000]!;
  }

  /**
   * Adds a row and gives it its `eid` and `rowid`.
   *
   * @param row made for this call
   * @param time seconds since the epoch of its event
   * @param owner as returned by `ownerOf`
   * @returns the number behind its `eid`
   * @throws OsqueryError for a value that its column cannot hold; the batch stays as it was
   */
  append(row: NumberedRow, time: number, owner = 0): number {
    const number = this.#nextEid + this.#rows;
    row.eid = this.#eidOf(number);
    row[ROWID] = number;
    this.#encoder.append(row, this.#bytes);
    if (this.#rows === this.#ends.length) this.#grow();
    this.#ends[this.#rows] = this.#bytes.length;
    this.#times[this.#rows] = time;
    this.#masks[2 * this.#rows] = this.#encoder.presentLow;
    this.#masks[2 * this.#rows + 1] = this.#encoder.presentHigh;
    this.#owners[this.#rows] = owner;
    this.#rows++;
    return number;
  }

  /** Returns what was added since the last call; undefined if nothing was. */
  take(): RowBatch | undefined {
    if (this.#rows === 0) return undefined;
    const batch: RowBatch = {
      bytes: this.#takeBytes(),
      ends: this.#ends.slice(0, this.#rows),
      times: this.#times.slice(0, this.#rows),
      masks: this.#masks.slice(0, 2 * this.#rows),
      owners: this.#owners.slice(0, this.#rows),
      firstEid: this.#nextEid,
    };
    this.#nextEid += this.#rows;
    this.#rows = 0;
    return batch;
  }

  #takeBytes(): Uint8Array {
    const { bytes, length } = this.#bytes;
    if (length < bytes.length / 2) {
      this.#bytes.length = 0;
      return Uint8Array.prototype.slice.call(bytes, 0, length);
    }
    // The buffer is passed on with its spare room. The next batch is most likely about as large.
    this.#bytes = new ByteWriter(Math.max(INITIAL_BYTES, length + (length >>> 3)));
    return bytes.subarray(0, length);
  }

  #grow(): void {
    const rows = this.#rows * 2;
    const ends = new Uint32Array(rows);
    ends.set(this.#ends);
    this.#ends = ends;
    const times = new Float64Array(rows);
    times.set(this.#times);
    this.#times = times;
    const masks = new Uint32Array(2 * rows);
    masks.set(this.#masks);
    this.#masks = masks;
    const owners = new Uint32Array(rows);
    owners.set(this.#owners);
    this.#owners = owners;
  }
}
