import { OsqueryError } from '../errors.ts';
import { MAX_NESTING_DEPTH } from '../limits.ts';
import { fixedSize, T_LIST, T_MAP, T_SET, T_STOP, T_STRING, T_STRUCT } from './thrift-types.ts';

/** Reads TBinaryProtocol values from bytes; every read is checked against the end. */
export class ByteCursor {
  readonly #bytes: Buffer;
  position: number;

  constructor(bytes: Buffer, position = 0) {
    this.#bytes = bytes;
    this.position = position;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  i16(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  i32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  /** A number if that is exact, else a bigint. */
  i64(): number | bigint {
    const exact = this.#bytes.readBigInt64BE(this.#take(8));
    const value = Number(exact);
    return Number.isSafeInteger(value) ? value : exact;
  }

  /** A count or a length: never negative. */
  count(): number {
    const value = this.i32();
    if (value < 0) throw this.#error(`negative length ${value}`);
    return value;
  }

  string(): string {
    const length = this.count();
    const start = this.#take(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  /** A string's bytes, without a copy. */
  binary(): Buffer {
    const length = this.count();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Skips the bytes of `encoded` (a string with its length) if they come next; else stays where it is. */
  skipIfString(encoded: Buffer): boolean {
    const { position } = this;
    const bytes = this.#bytes;
    if (position + encoded.length > bytes.length) return false;
    for (let i = 0; i < encoded.length; i += 1) {
      if (bytes[position + i] !== encoded[i]) return false;
    }
    this.position = position + encoded.length;
    return true;
  }

  skipString(): void {
    this.#take(this.count());
  }

  /**
   * Skips one value of the type, whatever it contains.
   *
   * @throws OsqueryError OSQUERY_PROTOCOL also for values that are nested too deeply
   */
  skip(type: number, depth = 1): void {
    const size = fixedSize(type);
    if (size > 0) {
      this.#take(size);
      return;
    }
    if (depth > MAX_NESTING_DEPTH) throw this.#error(`values nested more than ${MAX_NESTING_DEPTH} deep`);
    switch (type) {
      case T_STRING:
        this.skipString();
        return;
      case T_STRUCT:
        this.struct((_, field) => {
          this.skip(field, depth + 1);
          return true;
        });
        return;
      case T_LIST:
      case T_SET: {
        const element = this.byte();
        for (let left = this.count(); left > 0; left -= 1) this.skip(element, depth + 1);
        return;
      }
      case T_MAP: {
        const key = this.byte();
        const value = this.byte();
        for (let left = this.count(); left > 0; left -= 1) {
          this.skip(key, depth + 1);
          this.skip(value, depth + 1);
        }
        return;
      }
      default:
        throw this.#error(`unknown type ${type}`);
    }
  }

  /**
   * Reads a struct: `field(id, type)` is called for each field. It reads the value and returns true, or returns false
   * to skip it (fields of later versions, fields of another type than expected).
   */
  struct(field: (id: number, type: number) => boolean): void {
    for (;;) {
      const type = this.byte();
      if (type === T_STOP) return;
      const id = this.i16();
      if (!field(id, type)) this.skip(type);
    }
  }

  #take(bytes: number): number {
    const start = this.position;
    if (start + bytes > this.#bytes.length) throw this.#error(`${bytes} bytes expected`);
    this.position = start + bytes;
    return start;
  }

  #error(what: string): OsqueryError {
    return new OsqueryError(
      'OSQUERY_PROTOCOL',
      `not the expected Thrift message: ${what} at byte ${this.position} of ${this.#bytes.length}`,
    );
  }
}
