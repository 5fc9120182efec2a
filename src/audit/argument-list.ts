import { argumentKey } from './argument-key.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { releaseBytes } from './release-bytes.ts';
import { decimal, decodeHexInto, decodeText, isAbsent, isDamaged } from './value.ts';

/** Most arguments an event may claim; MAX_ARG_STRINGS of the kernel is 2^31, the stack allows about 10^6. */
export const ARGUMENT_LIMIT = 1_000_000;

/** A record that another one follows has at least this many bytes: the kernel wants 104 of its 7,500 for one more. */
export const FULL_RECORD = 7_396;

/** What an argument takes up besides its own bytes: a user chooses how many empty ones there are. */
const ARGUMENT_COST = 3;
const MOST_BYTES_PER_CHARACTER = 4;
/** Of an argument in fragments, the first that are kept. */
const INITIAL_BYTES = 16_384;

const ARGC = keyHash('argc');
const cursor = new FieldCursor();

/** Decides whether arguments that no record has are empty ones; gets the list with them. */
export type AreEmpty = (argv: readonly string[]) => boolean;

/** The first arguments of an event. */
export interface FirstArguments {
  readonly argv: string[];
  /** Bytes of all arguments with one between each two, where these are not all of them. */
  readonly wholeBytes?: number;
}

/**
 * Joins the EXECVE records of one event as they arrive, in the kernel's order. It keeps only the text of the first arguments,
 * so that a long command line takes no more memory than its row.
 */
export class ArgumentList {
  readonly #enough: number;
  /** Damaged records so far. */
  damaged = 0;
  #argv: string[] = [];
  #argc = -1;
  /** The argument that comes next, or that is under way. */
  #index = 0;
  #records = 0;
  /** Bytes of all arguments that have been read. */
  #bytes = 0;
  /** Arguments that no record has. */
  #missing = 0;
  /** Whether the end of an argument was left out. */
  #isCut = false;
  /** Whether the argument at `#index` is in fragments. */
  #isOpen = false;
  #announced: number | undefined;
  /** Of the argument in fragments, how many there were, their bytes, and the characters that they were written with. */
  #fragments = 0;
  #fragmentBytes = 0;
  #fragmentsWritten = 0;
  #kept: Buffer = NONE;
  /** Whether a record may have been followed by another. */
  #isFull = false;
  /** Damage, records that do not agree, or another order. */
  #isBroken = false;
  /** Whether a record ends in hex, of which more may be lost. */
  #endsOpen = false;
  /** Whether there is an empty argument: its kernel leaves out none. */
  #hasEmpty = false;

  /** @param enough bytes of text that are wanted: arguments that begin behind them are checked, and not made into text */
  constructor(enough: number) {
    this.#enough = enough;
  }

  /** About how many bytes this occupies. */
  get size(): number {
    return Math.min(this.#bytes + ARGUMENT_COST * this.#index, this.#enough) + this.#kept.length;
  }

  /** Takes the next record. Its bytes are not looked at later. */
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
   * Takes the count that a list begins with. Old kernels write one list for a script, and one for its interpreter: the longer
   * one counts.
   *
   * @returns false if the record is of the shorter one
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

  /** Ends the argument under way, if another one follows; those between are missing. */
  #goTo(index: number): void {
    if (this.#isOpen && index > this.#index) this.#close();
    if (index < this.#index) this.#isBroken = true;
    while (this.#index < index && !this.#isBroken) {
      this.#missing++;
      this.#add(NONE, 0, 0);
    }
  }

  /** Bytes of one argument that are kept: enough to see that it is longer than what is wanted. */
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
    // Characters as written, two a byte in hex; a count of bytes is as good.
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
   * After the last record.
   *
   * @param areEmpty asked if arguments are missing that an old kernel could have left out
   * @returns undefined if any argument is missing in whole or part, or damaged: half a command line would be an invention
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
    // Of several records, or behind a full one, another can be lost.
    if (this.#records > 1 || this.#isFull) return undefined;
    if (!this.#endsOpen && !this.#hasEmpty && areEmpty(argv)) return found;
    this.damaged++;
    return undefined;
  }
}

const NONE = Buffer.alloc(0);

/** The bytes of the field that was read last: in its record, or, where they stand in hex, in memory that is used again. */
class Value {
  bytes: Buffer = NONE;
  start = 0;
  end = 0;
  #decoded = Buffer.allocUnsafeSlow(INITIAL_BYTES);

  /** @returns false if it is damaged: its quote is not closed, or it is no hex */
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

  /** Whether it is hex of what the kernel would have quoted. */
  isDamaged(field: FieldCursor): boolean {
    return !field.quoted && isDamaged(field, this.bytes.subarray(this.start, this.end));
  }
}

const value = new Value();
