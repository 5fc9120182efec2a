import { MIN_RECORD_BYTES, TRAILER_BYTES, TRAILER_ID, TRAILER_MAGIC } from './header.ts';
import { type BsmLimits, DEFAULT_BSM_LIMITS } from './limits.ts';

/** A stretch of a trail. Offsets and lengths are bytes from the start of the trail. */
export type Frame =
  /** A record: header and trailer agree on its length. */
  | { readonly kind: 'record'; readonly offset: number; readonly bytes: Uint8Array }
  /** A bare file token, which audit daemons write between records where one trail follows another. */
  | { readonly kind: 'file'; readonly offset: number; readonly bytes: Uint8Array }
  /** Bytes that are neither. Reported once, up to the place where reading continues. */
  | { readonly kind: 'damage'; readonly offset: number; readonly length: number; readonly reason: string };

const FILE_ID = 0x11;
/** Id, seconds, milliseconds, name length. */
const FILE_START_BYTES = 11;
/** Id and length of any header. */
const HEADER_START_BYTES = 5;
/** By id. Damage is searched byte by byte, so this is a table. */
const BEGINS_HEADER = Array.from({ length: 256 }, (_, id) => MIN_RECORD_BYTES.has(id));

/** What was found at a position: a whole frame, the beginning of one, or neither. */
type Finding =
  | { readonly kind: 'whole'; readonly frame: 'record' | 'file'; readonly length: number }
  /** `reason` is the problem if no more bytes come. */
  | { readonly kind: 'more'; readonly reason: string }
  | { readonly kind: 'bad'; readonly reason: string };

const cutOff = (what: string, length: number, there: number): Finding => ({
  kind: 'more',
  reason: `the trail ends inside a ${what} of ${length} bytes: ${length - there} are missing`,
});

/**
 * Cuts a byte stream into records, however the reads split it.
 *
 * Behind damage it continues at the next place where a header and a trailer agree. A length alone is never believed:
 * a false one costs only the damaged bytes, and no record behind them. Memory holds at most one record
 * (`maxRecordBytes`) and the bytes of one `push`.
 */
export class TrailFramer {
  readonly #limits: BsmLimits;
  #buffer = new Uint8Array();
  /** Where the unread bytes begin in the buffer. */
  #start = 0;
  #end = 0;
  /** Position of `#start` in the trail. */
  #offset = 0;
  #damage: { readonly offset: number; readonly reason: string } | undefined;

  constructor(limits: BsmLimits = DEFAULT_BSM_LIMITS) {
    this.#limits = limits;
  }

  /** Bytes read and not yet returned. */
  get pending(): number {
    return this.#end - this.#start;
  }

  /** @returns the frames that the chunk completes; they do not share memory with it */
  push(chunk: Uint8Array): Frame[] {
    this.#append(chunk);
    return this.#cut(false);
  }

  /** No more bytes will come. @returns what is left, the beginning of a record as damage */
  end(): Frame[] {
    const frames = this.#cut(true);
    this.#closeDamage(frames);
    return frames;
  }

  #append(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#buffer.length) {
      const needed = this.pending + chunk.length;
      // Doubling keeps the copying linear while a long record arrives in many reads.
      const target = needed > this.#buffer.length / 2 ? new Uint8Array(2 * needed) : this.#buffer;
      target.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = target;
      this.#end = this.pending;
      this.#start = 0;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  #cut(final: boolean): Frame[] {
    const frames: Frame[] = [];
    while (this.#start < this.#end) {
      const finding = this.#examine();
      if (finding.kind === 'whole') {
        this.#closeDamage(frames);
        const bytes = this.#buffer.slice(this.#start, this.#start + finding.length);
        frames.push({ kind: finding.frame, offset: this.#offset, bytes });
        this.#advance(finding.length);
        continue;
      }
      if (finding.kind === 'more' && !final) break;
      this.#damage ??= { offset: this.#offset, reason: finding.reason };
      this.#skipToCandidate();
    }
    return frames;
  }

  #advance(length: number): void {
    this.#start += length;
    this.#offset += length;
  }

  #closeDamage(frames: Frame[]): void {
    if (this.#damage === undefined) return;
    const { offset, reason } = this.#damage;
    frames.push({ kind: 'damage', offset, length: this.#offset - offset, reason });
    this.#damage = undefined;
  }

  /** Goes to the next byte that may begin a header. */
  #skipToCandidate(): void {
    let at = this.#start + 1;
    while (at < this.#end && !BEGINS_HEADER[this.#buffer[at]!]) at++;
    this.#advance(at - this.#start);
  }

  #examine(): Finding {
    const id = this.#buffer[this.#start]!;
    if (MIN_RECORD_BYTES.has(id)) return this.#examineRecord(id);
    // A file token has no trailer to confirm it, so among damaged bytes it may be a chance match.
    if (id === FILE_ID && this.#damage === undefined) return this.#examineFile();
    return {
      kind: 'bad',
      reason: `byte 0x${id.toString(16).padStart(2, '0')} begins neither a header (0x14, 0x15, 0x74, 0x79) nor a file token (0x11)`,
    };
  }

  #examineRecord(id: number): Finding {
    if (this.pending < HEADER_START_BYTES) {
      return { kind: 'more', reason: 'the trail ends inside a header' };
    }
    const length = this.#u32(this.#start + 1);
    const least = MIN_RECORD_BYTES.get(id)!;
    if (length < least) {
      return { kind: 'bad', reason: `record length ${length}, but the shortest possible is ${least}` };
    }
    if (length > this.#limits.maxRecordBytes) {
      return {
        kind: 'bad',
        reason: `record length ${length}, but the limit is ${this.#limits.maxRecordBytes} bytes (maxRecordBytes)`,
      };
    }
    if (length > this.pending) return cutOff('record', length, this.pending);
    const trailer = this.#start + length - TRAILER_BYTES;
    const agrees =
      this.#buffer[trailer] === TRAILER_ID &&
      this.#u16(trailer + 1) === TRAILER_MAGIC &&
      this.#u32(trailer + 3) === length;
    return agrees
      ? { kind: 'whole', frame: 'record', length }
      : {
          kind: 'bad',
          reason: `the header announces ${length} bytes, but there is no matching trailer at their end`,
        };
  }

  #examineFile(): Finding {
    if (this.pending < FILE_START_BYTES) {
      return { kind: 'more', reason: 'the trail ends inside a file token' };
    }
    const nameLength = this.#u16(this.#start + FILE_START_BYTES - 2);
    const length = FILE_START_BYTES + nameLength;
    const name = this.#start + FILE_START_BYTES;
    // The name's only NUL must be its last byte. If it is not, waiting for more bytes is useless.
    const nul = this.#buffer.subarray(name, Math.min(name + nameLength, this.#end)).indexOf(0);
    if (nameLength === 0 || (nul >= 0 && nul !== nameLength - 1)) {
      return {
        kind: 'bad',
        reason: `file token with a name of ${nameLength} bytes, whose only NUL must be its last byte`,
      };
    }
    if (length > this.pending) return cutOff('file token', length, this.pending);
    return nul < 0
      ? { kind: 'bad', reason: `file token with a name of ${nameLength} bytes without a NUL` }
      : { kind: 'whole', frame: 'file', length };
  }

  #u16(at: number): number {
    return (this.#buffer[at]! << 8) | this.#buffer[at + 1]!;
  }

  #u32(at: number): number {
    return this.#u16(at) * 0x10000 + this.#u16(at + 2);
  }
}
