import { OsqueryError } from '../errors.ts';
import { MAX_METHOD_NAME_BYTES, MAX_SCANNED_DEPTH } from '../limits.ts';
import {
  fixedSize,
  M_CALL,
  M_ONEWAY,
  minimumSize,
  T_LIST,
  T_MAP,
  T_SET,
  T_STOP,
  T_STRING,
  T_STRUCT,
  VERSION_1,
} from './thrift-types.ts';

const AT_HEADER = 0;
const IN_BODY = 1;

/** The state of a frame on the scanner's stack. */
const IN_STRUCT = 0;
const IN_LIST = 1;
const IN_MAP_KEY = 2;
const IN_MAP_VALUE = 3;

/** Levels of nested values for which there is room at first. */
const INITIAL_LEVELS = 16;

/**
 * Finds where a TBinaryProtocol message ends. The protocol has no frames, so the end is known only by walking through
 * the message. The walk continues where it stopped when more bytes have come (a request that arrives byte by byte
 * costs no more than one that arrives at once), and refuses an impossible length as soon as it is read, before any
 * memory is reserved for it. The reader of a message limits the nesting; the scanner refuses only extreme depth.
 */
export class MessageScanner {
  readonly #maxBytes: number;
  #position = 0;
  #state = AT_HEADER;
  #depth = 0;
  #kind = new Uint8Array(INITIAL_LEVELS);
  #first = new Uint8Array(INITIAL_LEVELS);
  #second = new Uint8Array(INITIAL_LEVELS);
  #left = new Float64Array(INITIAL_LEVELS);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Starts again at offset 0, for the next message. */
  reset(): void {
    this.#position = 0;
    this.#state = AT_HEADER;
    this.#depth = 0;
    if (this.#kind.length > INITIAL_LEVELS) this.#resize(INITIAL_LEVELS);
  }

  /**
   * @param bytes the message from its first byte on; between calls it may only have grown
   * @param length how many of `bytes` have arrived
   * @returns the offset of the first byte after the message, or undefined if more bytes are needed
   * @throws OsqueryError OSQUERY_PROTOCOL or OSQUERY_TOO_LARGE; then the connection can only be closed
   */
  scan(bytes: Uint8Array, length: number): number | undefined {
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    if (this.#state === AT_HEADER && !this.#header(view)) return undefined;
    while (this.#depth > 0) {
      if (!this.#step(view)) return undefined;
    }
    return this.#position <= length ? this.#position : undefined;
  }

  #header(view: DataView): boolean {
    // Another protocol, such as HTTP, is recognized by its first two bytes, before it sends more.
    const isStrict = view.byteLength < 2 || view.getUint16(0) === VERSION_1;
    if (!isStrict && view.getUint16(0) !== 0) {
      throw garbage(`expected a Thrift message (80 01), got ${hex(view.getUint16(0), 4)}`, 0);
    }
    if (view.byteLength < 8) return false;
    // Without a version a message begins with its name, and the type follows.
    const nameAt = isStrict ? 4 : 0;
    const nameLength = view.getInt32(nameAt);
    if (nameLength < 0 || nameLength > MAX_METHOD_NAME_BYTES) {
      throw garbage(`method name of ${nameLength} bytes (at most ${MAX_METHOD_NAME_BYTES})`, nameAt);
    }
    const typeAt = isStrict ? 3 : 4 + nameLength;
    if (!has(view, typeAt, 1)) return false;
    const type = view.getUint8(typeAt);
    if (type < M_CALL || type > M_ONEWAY) throw garbage(`unknown message type ${type}`, typeAt);
    this.#advance(isStrict ? 8 + nameLength + 4 : typeAt + 5);
    this.#state = IN_BODY;
    this.#push(IN_STRUCT, 0, 0, 0);
    return true;
  }

  /** Skips one field or element; false if its bytes have not arrived (then the position is unchanged). */
  #step(view: DataView): boolean {
    const top = this.#depth - 1;
    const kind = this.#kind[top]!;
    if (kind === IN_STRUCT) {
      if (!has(view, this.#position, 1)) return false;
      const type = view.getUint8(this.#position);
      if (type === T_STOP) {
        this.#depth = top;
        this.#advance(1);
        return true;
      }
      return this.#value(view, type, 3);
    }
    if (this.#left[top] === 0) {
      this.#depth = top;
      return true;
    }
    if (kind === IN_LIST && this.#first[top] === T_STRING) return this.#strings(view, top);
    const type = kind === IN_MAP_VALUE ? this.#second[top]! : this.#first[top]!;
    if (!this.#value(view, type, 0)) return false;
    // The value may have pushed its own frame; ours is still at `top`.
    if (kind === IN_MAP_KEY) {
      this.#kind[top] = IN_MAP_VALUE;
    } else {
      this.#left[top]! -= 1;
      if (kind === IN_MAP_VALUE) this.#kind[top] = IN_MAP_KEY;
    }
    return true;
  }

  /** Skips the remaining strings of a list; false if one has not arrived. */
  #strings(view: DataView, top: number): boolean {
    const end = view.byteLength;
    let at = this.#position;
    let left = this.#left[top]!;
    while (left > 0 && at + 4 <= end) {
      const bytes = view.getInt32(at);
      if (bytes < 0) throw garbage(`string of ${bytes} bytes`, at);
      at += 4 + bytes;
      left -= 1;
    }
    this.#left[top] = left;
    this.#advance(at - this.#position);
    return left === 0;
  }

  /** Skips one value that begins after `prefix` bytes, or opens a frame for its content. */
  #value(view: DataView, type: number, prefix: number): boolean {
    const at = this.#position + prefix;
    const size = fixedSize(type);
    if (size > 0) {
      this.#advance(prefix + size);
      return true;
    }
    switch (type) {
      case T_STRING: {
        if (!has(view, at, 4)) return false;
        const bytes = view.getInt32(at);
        if (bytes < 0) throw garbage(`string of ${bytes} bytes`, at);
        this.#advance(prefix + 4 + bytes);
        return true;
      }
      case T_STRUCT:
        this.#advance(prefix);
        this.#push(IN_STRUCT, 0, 0, 0);
        return true;
      case T_LIST:
      case T_SET: {
        if (!has(view, at, 5)) return false;
        const element = view.getUint8(at);
        const count = view.getInt32(at + 1);
        this.#container(at, count, minimumSize(element), element);
        this.#advance(prefix + 5);
        this.#push(IN_LIST, element, 0, count);
        return true;
      }
      case T_MAP: {
        if (!has(view, at, 6)) return false;
        const key = view.getUint8(at);
        const value = view.getUint8(at + 1);
        const count = view.getInt32(at + 2);
        // An empty map may name no types.
        if (count !== 0 && minimumSize(key) === 0) throw garbage(`map key of unknown type ${key}`, at);
        this.#container(at, count, minimumSize(key) + minimumSize(value), value);
        this.#advance(prefix + 6);
        // Nearly all maps are text to text: their bytes are those of a list with twice as many texts.
        if (key === T_STRING && value === T_STRING) this.#push(IN_LIST, T_STRING, 0, count * 2);
        else this.#push(IN_MAP_KEY, key, value, count);
        return true;
      }
      default:
        throw garbage(`value of unknown type ${type}`, at);
    }
  }

  #container(at: number, count: number, elementBytes: number, type: number): void {
    if (count < 0) throw garbage(`container of ${count} elements`, at);
    if (count === 0) return;
    if (minimumSize(type) === 0) throw garbage(`container of unknown type ${type}`, at);
    if (at + count * elementBytes > this.#maxBytes) throw this.#tooLarge(at + count * elementBytes);
  }

  #push(kind: number, first: number, second: number, left: number): void {
    if (this.#depth === MAX_SCANNED_DEPTH) {
      throw garbage(`values nested more than ${MAX_SCANNED_DEPTH} deep`, this.#position);
    }
    if (this.#depth === this.#kind.length) this.#resize(this.#depth * 2);
    this.#kind[this.#depth] = kind;
    this.#first[this.#depth] = first;
    this.#second[this.#depth] = second;
    this.#left[this.#depth] = left;
    this.#depth += 1;
  }

  #resize(levels: number): void {
    const { min } = Math;
    const copy = <T extends Uint8Array | Float64Array>(to: T, from: T): T => {
      to.set(from.subarray(0, min(from.length, levels)));
      return to;
    };
    this.#kind = copy(new Uint8Array(levels), this.#kind);
    this.#first = copy(new Uint8Array(levels), this.#first);
    this.#second = copy(new Uint8Array(levels), this.#second);
    this.#left = copy(new Float64Array(levels), this.#left);
  }

  /** The position may pass the end of what has arrived; then the next `has` returns false. */
  #advance(bytes: number): void {
    this.#position += bytes;
    if (this.#position > this.#maxBytes) throw this.#tooLarge(this.#position);
  }

  #tooLarge(bytes: number): OsqueryError {
    return new OsqueryError(
      'OSQUERY_TOO_LARGE',
      `Thrift message of at least ${bytes} bytes; the limit is ${this.#maxBytes}`,
    );
  }
}

function has(view: DataView, position: number, bytes: number): boolean {
  return position + bytes <= view.byteLength;
}

function garbage(what: string, offset: number): OsqueryError {
  return new OsqueryError('OSQUERY_PROTOCOL', `not a Thrift message: ${what} at byte ${offset}`);
}

function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}
