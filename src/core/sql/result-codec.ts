/**
 * Encodes result rows on their way from the SQL worker to the main thread: cell after cell, row after row, in one
 * buffer per batch. A cell is a tag, followed by nothing (NULL), an int64 or a double in little endian, or a u32
 * length and bytes.
 */

const CELL_NULL = 0;
const CELL_INTEGER = 1;
const CELL_FLOAT = 2;
const CELL_TEXT = 3;

const INITIAL_BYTES = 64 * 1024;

/** Grows as needed. `take()` returns the bytes and starts a new batch. */
export class ResultEncoder {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  rows = 0;

  get length(): number {
    return this.#length;
  }

  null(): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = CELL_NULL;
  }

  integer(value: bigint): void {
    this.#reserve(9);
    this.#bytes[this.#length] = CELL_INTEGER;
    this.#view.setBigInt64(this.#length + 1, value, true);
    this.#length += 9;
  }

  float(value: number): void {
    this.#reserve(9);
    this.#bytes[this.#length] = CELL_FLOAT;
    this.#view.setFloat64(this.#length + 1, value, true);
    this.#length += 9;
  }

  /** Text or blob: `length` bytes of `source` from `start`. */
  text(source: Uint8Array, start: number, length: number): void {
    this.#reserve(5 + length);
    this.#bytes[this.#length] = CELL_TEXT;
    this.#view.setUint32(this.#length + 1, length, true);
    this.#bytes.set(source.subarray(start, start + length), this.#length + 5);
    this.#length += 5 + length;
  }

  take(): { readonly bytes: Uint8Array<ArrayBuffer>; readonly rows: number } {
    const taken = { bytes: this.#bytes.slice(0, this.#length), rows: this.rows };
    this.#length = 0;
    this.rows = 0;
    return taken;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Decodes a batch into rows of text; NULL stays null. */
export const decodeRows = (
  bytes: Uint8Array,
  columns: number,
  rows: number,
  format: {
    readonly float: (value: number) => string;
    readonly text: (bytes: Buffer, start: number, end: number) => string;
  },
): (string | null)[][] => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoded: (string | null)[][] = [];
  let at = 0;
  for (let row = 0; row < rows; row += 1) {
    const cells: (string | null)[] = [];
    for (let column = 0; column < columns; column += 1) {
      const tag = buffer[at++];
      if (tag === CELL_NULL) {
        cells.push(null);
      } else if (tag === CELL_INTEGER) {
        const high = buffer.readInt32LE(at + 4);
        // Up to 52 bits a number is exact, and much cheaper than a bigint.
        const value =
          high >= -0x100000 && high < 0x100000 ? high * 0x1_0000_0000 + buffer.readUInt32LE(at) : undefined;
        cells.push(value === undefined ? buffer.readBigInt64LE(at).toString() : String(value));
        at += 8;
      } else if (tag === CELL_FLOAT) {
        cells.push(format.float(buffer.readDoubleLE(at)));
        at += 8;
      } else {
        const length = buffer.readUInt32LE(at);
        cells.push(format.text(buffer, at + 4, at + 4 + length));
        at += 4 + length;
      }
    }
    decoded.push(cells);
  }
  return decoded;
};
