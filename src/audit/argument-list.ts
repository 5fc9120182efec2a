import { argumentKey } from './argument-key.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { releaseBytes } from './release-bytes.ts';
import { decimal, decodeHexInto, decodeText, isAbsent, isDamaged } from './value.ts';

/** Most arguments that an event may claim. The kernel's MAX_ARG_STRINGS is 2^31; the stack allows about 10^6. */
export const ARGUMENT_LIMIT = 1_000_000;

/**
 * A record that is followed by another has at least this many bytes: the kernel starts a new one when fewer than 104
 * of its 7,500 are left.
 */
export const FULL_RECORD = 7_396;

/** Memory of an argument besides its own bytes: a user chooses the number of empty arguments. */
const ARGUMENT_COST = 3;
const MOST_BYTES_PER_CHARACTER = 4;
/** Initial memory for an argument in fragments. */
const INITIAL_BYTES = 16_384;

const ARGC = keyHash('argc');
const cursor = new FieldCursor();

/** Decides whether arguments without a record are empty ones; receives the list with them filled in. */
export type AreEmpty = (argv: readonly string[]) => boolean;

/** The first arguments of an event. */
export interface FirstArguments {
  readonly argv: string[];
  /** Bytes of all arguments, joined by one byte each; set if these are only some of them. */
  readonly wholeBytes?: number;
}

/**
 * Joins the EXECVE records of one event as they arrive, in the kernel's order. It keeps only the text of the first
 * arguments, so that a long command line takes no more memory than its row.
 */
export class ArgumentList {
  readonly #enough: number;
  /** Damaged records so far. */
  damaged = 0;
  #argv: string[] = [];
  #argc = -1;
  /** Index of the next argument, or of the one in progress. */
  #index = 0;
  #records = 0;
  /** Bytes of all arguments that were read. */
  #bytes = 0;
  /** Arguments that no record contains. */
  #missing = 0;
  /** Whether the end of an argument was left out. */
  #isCut = false;
  /** Whether the argument at `#index` comes in fragments. */
  #isOpen = false;
  #announced: number | undefined;
  /**
   * For the argument in fragments: the number of fragments, their bytes, and the characters they were written with.
   */
  #fragments = 0;
  #fragmentBytes = 0;
  #fragmentsWritten = 0;
  #kept: Buffer = NONE;
  /** Whether a record was so full that another may have followed. */
  #isFull = false;
  /** Damage, contradicting records, or another order. */
  #isBroken = false;
  /** Whether a record ends in hex, of which more may be missing. */
  #endsOpen = false;
  /** Whether there is an empty argument: then this kernel leaves none out. */
  #hasEmpty = false;

  /**
   * @param enough bytes of text that are wanted: arguments that begin behind them are checked but not kept as text
   */
  constructor(enough: number) {
    this.#enough = enough;
  }

  /** Approximate bytes of memory. */
  get size(): number {
    return Math.min(this.#bytes + ARGUMENT_COST * this.#index, this.#enough) + this.#kept.length;
  }

  /** Takes the next record. Its bytes are not used after the call. */
  push(record: AuditRecord): void {
    cursor.reset(record.bytes, record.start, record.end);
    let fields = 0;
    let isWhole = true;
    while (isWhole && cursor.next()) {
      fields++;
      if (cursor.key !== ARGC) isWhole = this.#field();
      else if (!this.#count(decimal(cursor) ?? -1)) return;
    }
    this.#records++;
    if (record.end - record.start >= FULL_RECORD) this.#isFull = true;
    if (fields > 1 && !cursor.quoted) this.#endsOpen = true;
    // A word without a value is the beginning of a field.
    if (!isWhole || (fields > 0 && !cursor.isAtEnd)) {
      this.damaged++;
      this.#isBroken = true;
    }
  }

  /**
   * Takes the count at the beginning of a list. Old kernels write one list for a script and one for its interpreter;
   * the longer one counts.
   *
   * @returns false if the record belongs to the shorter one
   */
  #count(argc: number): boolean {
    if (argc < this.#argc) return false;
    if (argc === this.#argc) this.#isBroken = true;
    else this.#begin();
    this.#argc = argc;
    return true;
  }

  #begin(): void {
    this.damaged = 0;
    this.#argv = [];
    this.#index = 0;
    this.#records = 0;
    this.#bytes = 0;
    this.#missing = 0;
    this.#isCut = false;
    this.#isOpen = false;
    this.#fragments = 0;
    this.#fragmentBytes = 0;
    this.#fragmentsWritten = 0;
    this.#isFull = false;
    this.#isBroken = false;
    this.#endsOpen = false;
    this.#hasEmpty = false;
  }

  /** @returns false if the field is damaged */
  #field(): boolean {
    const key = argumentKey(cursor);
    if (key === undefined) return true;
    if (this.#argc > ARGUMENT_LIMIT || key.index >= this.#argc) {
      this.#isBroken = true;
      return true;
    }
    if (key.kind === 'length') {
      const length = decimal(cursor);
      if (length === undefined || length < 0) return false;
      this.#goTo(key.index);
      if (this.#isOpen) this.#isBroken = true;
      this.#isOpen = true;
      this.#announced = length;
      return true;
    }
    if (!value.read(cursor)) return false;
    if (key.kind === 'fragment') {
      if (!this.#isOpen || key.index !== this.#index || key.fragment !== this.#fragments)
        this.#isBroken = true;
      else this.#addFragment();
      return true;
    }
    if (value.isDamaged(cursor)) return false;
    this.#goTo(key.index);
    if (this.#isOpen) this.#isBroken = true;
    if (value.end === value.start) this.#hasEmpty = true;
    if (!this.#isBroken) this.#add(value.bytes, value.start, value.end);
    return true;
  }

  /** Ends the argument in progress if another one follows. Arguments in between are missing. */
  #goTo(index: number): void {
    if (this.#isOpen && index > this.#index) this.#close();
    if (index < this.#index) this.#isBroken = true;
    while (this.#index < index && !this.#isBroken) {
      this.#missing++;
      this.#add(NONE, 0, 0);
    }
  }

  /** Bytes kept of one argument: enough to see that it is longer than what is wanted. */
  get #most(): number {
    return this.#enough + MOST_BYTES_PER_CHARACTER;
  }

  get #isWanted(): boolean {
    return this.#bytes + ARGUMENT_COST * this.#index <= this.#enough;
  }

  #add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isWanted) this.#argv.push(decodeText(bytes, start, end));
    this.#bytes += end - start;
    this.#index++;
  }

  #addFragment(): void {
    const { bytes, start, end } = value;
    const room = Math.min(end - start, this.#most - this.#fragmentBytes);
    if (this.#isWanted && room > 0) {
      this.#reserve(this.#fragmentBytes + room);
      this.#kept.set(bytes.subarray(start, start + room), this.#fragmentBytes);
    }
    this.#fragments++;
    this.#fragmentBytes += end - start;
    this.#fragmentsWritten += cursor.valueEnd - cursor.valueStart;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#kept.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#kept.length, INITIAL_BYTES));
    this.#kept.copy(grown, 0, 0, this.#fragmentBytes);
    releaseBytes(this.#kept);
    this.#kept = grown;
  }

  #close(): void {
    const bytes = this.#fragmentBytes;
    // The length may be given in characters as written (two per byte in hex) or in bytes.
    if (this.#announced !== bytes && this.#announced !== this.#fragmentsWritten) this.#isBroken = true;
    if (this.#fragments === 0) this.#isBroken = true;
    if (this.#isWanted) {
      const kept = Math.min(bytes, this.#most);
      if (kept < bytes) this.#isCut = true;
      this.#argv.push(decodeText(this.#kept, 0, kept));
    }
    this.#bytes += bytes;
    this.#index++;
    this.#isOpen = false;
    this.#fragments = 0;
    this.#fragmentBytes = 0;
    this.#fragmentsWritten = 0;
  }

  /**
   * Call this after the last record.
   *
   * @param areEmpty asked if arguments are missing that an old kernel could have left out
   * @returns undefined if any argument is missing, incomplete or damaged: half a command line would be an invention
   */
  end(areEmpty: AreEmpty): FirstArguments | undefined {
    if (this.#isOpen) this.#close();
    releaseBytes(this.#kept);
    this.#kept = NONE;
    const argc = this.#argc;
    if (this.#isBroken || argc < 0 || argc > ARGUMENT_LIMIT) return undefined;
    this.#goTo(argc);
    const argv = this.#argv;
    const isWhole = argv.length === argc && !this.#isCut;
    const found = isWhole ? { argv } : { argv, wholeBytes: this.#bytes + Math.max(0, argc - 1) };
    if (this.#missing === 0) return found;
    // If there were several records, or a full one, another one may be lost.
    if (this.#records > 1 || this.#isFull) return undefined;
    if (!this.#endsOpen && !this.#hasEmpty && areEmpty(argv)) return found;
    this.damaged++;
    return undefined;
  }
}

const NONE = Buffer.alloc(0);

/**
 * The bytes of the field that was read last: in its record or, if they are written in hex, in memory that is reused.
 */
class Value {
  bytes: Buffer = NONE;
  start = 0;
  end = 0;
  #decoded = Buffer.allocUnsafeSlow(INITIAL_BYTES);

  /** @returns false if it is damaged: its quote is not closed, or it is not hex */
  read(field: FieldCursor): boolean {
    const { bytes, valueStart, valueEnd } = field;
    if (field.quoted) {
      this.bytes = bytes;
      this.start = valueStart;
      this.end = valueEnd;
      return true;
    }
    if (isAbsent(field)) return false;
    const most = (valueEnd - valueStart) >>> 1;
    const target = most <= INITIAL_BYTES ? this.#decoded : Buffer.allocUnsafeSlow(most);
    const length = decodeHexInto(target, bytes, valueStart, valueEnd);
    if (length === undefined) return false;
    this.bytes = target;
    this.start = 0;
    this.end = length;
    return true;
  }

  /** Whether it is hex although the kernel would have quoted it. */
  isDamaged(field: FieldCursor): boolean {
    return !field.quoted && isDamaged(field, this.bytes.subarray(this.start, this.end));
  }
}

const value = new Value();
