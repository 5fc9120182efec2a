import { crc32 } from 'node:zlib';
import { damage } from './damage.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { releaseBytes } from './release-bytes.ts';
import { decimal, decodeText, isDamaged, untrustedBytes } from './value.ts';

/** Most arguments an event may claim; MAX_ARG_STRINGS of the kernel is 2^31, the stack allows about 10^6. */
export const ARGUMENT_LIMIT = 1_000_000;

/** A record that another one follows has at least this many bytes: the kernel wants 104 of its 7,500 for one more. */
const FULL_RECORD = 7_396;

const ARGC = keyHash('argc');
const LETTER_A = 0x61;
const BRACKET = 0x5b;
const UNDERSCORE = 0x5f;

/** Decides whether arguments that no record has are empty ones; gets the list with them. */
export type AreEmpty = (argv: readonly string[]) => boolean;

/** Missing arguments are lost ones. */
const areLost: AreEmpty = () => false;

/**
 * Joins the argument list from the EXECVE records of one event, whatever their order.
 *
 * The kernel writes about 7,500 bytes a record; only the first has `argc`. An argument that does not fit is written
 * as `aN_len=L aN[0]=… aN[1]=…`, over as many records as it takes, each fragment quoted or in hex on its own.
 * Old kernels leave out an argument that is empty. Of a script they write two lists, the second for its interpreter:
 * the longer one counts.
 * Source: audit_log_execve_info in kernel/auditsc.c.
 *
 * @param areEmpty asked if arguments are missing that an old kernel could have left out
 * @returns undefined if any argument is missing in whole or part, or damaged: half a command line would be an invention
 */
export const joinArguments = (
  records: readonly AuditRecord[],
  areEmpty: AreEmpty = areLost,
): string[] | undefined => joinFirstArguments(records, areEmpty, Number.POSITIVE_INFINITY)?.argv;

/** The first arguments of an event. */
export interface FirstArguments {
  readonly argv: string[];
  /** Bytes of all arguments with one between each two, where there are more of them. */
  readonly wholeBytes?: number;
}

/**
 * The same, but for arguments that begin behind so many bytes: they are checked, and not made into text.
 *
 * @param bytes that are enough
 */
export const joinFirstArguments = (
  records: readonly AuditRecord[],
  areEmpty: AreEmpty,
  bytes: number,
): FirstArguments | undefined => {
  const argv = records.length === 1 ? joinOne(records[0]!) : undefined;
  return argv === undefined ? new ArgumentList(records, areEmpty).join(bytes) : { argv };
};

/** The list that one record has in order and whole, as nearly all are; undefined for any other. */
const joinOne = (record: AuditRecord): string[] | undefined => {
  const argv: string[] = [];
  let argc = -1;
  cursor.reset(record.bytes, record.start, record.end);
  while (cursor.next()) {
    if (cursor.key === ARGC) {
      if (argc >= 0) return undefined;
      argc = decimal(cursor) ?? -1;
    } else {
      const key = argumentKey(cursor);
      if (key === undefined || key.kind !== 'whole' || key.index !== argv.length) return undefined;
      if (cursor.quoted) {
        argv.push(decodeText(cursor.bytes, cursor.valueStart, cursor.valueEnd));
      } else {
        const bytes = untrustedBytes(cursor);
        if (bytes === undefined || isDamaged(cursor, bytes)) return undefined;
        argv.push(decodeText(bytes));
      }
    }
  }
  return argc === argv.length && (argc === 0 || cursor.isAtEnd) ? argv : undefined;
};

interface Argument {
  whole: Uint8Array | undefined;
  /** `aN_len`: bytes or, where fragments are in hex, characters. */
  announced: number | undefined;
  readonly fragments: Map<number, { readonly bytes: Uint8Array; readonly written: number }>;
}

/** What all records of an event say, by place. */
class ArgumentList {
  readonly #areEmpty: AreEmpty;
  readonly #arguments = new Map<number, Argument>();
  #argc = -1;
  /** Records besides those of a shorter list. */
  #records = 0;
  /** Whether a record may have been followed by another. */
  #isFull = false;
  /** Damage, or two records that do not agree. */
  #isBroken = false;
  /** Whether a record ends in hex, of which more may be lost. */
  #endsOpen = false;
  /** Whether a record has an empty argument: its kernel leaves out none. */
  #hasEmpty = false;

  constructor(records: readonly AuditRecord[], areEmpty: AreEmpty) {
    this.#areEmpty = areEmpty;
    const counts = records.map(argcOf);
    this.#argc = Math.max(...counts);
    const seen = new SeenRecords();
    records.forEach((record, i) => {
      const isOfShorter = counts[i]! >= 0 && counts[i]! < this.#argc;
      if (isOfShorter) return;
      if (seen.hasOrAdd(record)) return;
      this.#records++;
      this.#take(record);
    });
  }

  #take(record: AuditRecord): void {
    if (record.end - record.start >= FULL_RECORD) this.#isFull = true;
    cursor.reset(record.bytes, record.start, record.end);
    let isDamagedRecord = false;
    let fields = 0;
    while (!isDamagedRecord && cursor.next()) {
      fields++;
      if (cursor.bytes[cursor.keyStart] !== LETTER_A || cursor.key === ARGC) continue;
      const key = argumentKey(cursor);
      if (key !== undefined) isDamagedRecord = !this.#field(key);
    }
    if (fields > 1 && !cursor.quoted) this.#endsOpen = true;
    // A word without a value is the beginning of a field.
    if (isDamagedRecord || (fields > 0 && !cursor.isAtEnd)) {
      damage.records++;
      this.#isBroken = true;
    }
  }

  /** @returns false if the field is damaged */
  #field(key: ArgumentKey): boolean {
    if (this.#argc > ARGUMENT_LIMIT || key.index >= this.#argc) {
      this.#isBroken = true;
      return true;
    }
    let argument = this.#arguments.get(key.index);
    if (argument === undefined) {
      argument = { whole: undefined, announced: undefined, fragments: new Map() };
      this.#arguments.set(key.index, argument);
    }
    if (key.kind === 'length') {
      const length = decimal(cursor);
      if (length === undefined || length < 0) return false;
      if (argument.announced !== undefined && argument.announced !== length) this.#isBroken = true;
      argument.announced = length;
      return true;
    }
    const read = untrustedBytes(cursor);
    const isFragment = key.kind === 'fragment';
    if (read === undefined || (isFragment ? false : isDamaged(cursor, read))) return false;
    // In the record, which stays as it is until the list is joined.
    if (isFragment) {
      if (argument.fragments.has(key.fragment)) this.#isBroken = true;
      argument.fragments.set(key.fragment, { bytes: read, written: cursor.valueEnd - cursor.valueStart });
    } else {
      if (argument.whole !== undefined) this.#isBroken = true;
      argument.whole = read;
      if (read.length === 0) this.#hasEmpty = true;
    }
    return true;
  }

  join(enough: number): FirstArguments | undefined {
    const argc = this.#argc;
    if (this.#isBroken || argc < 0 || argc > ARGUMENT_LIMIT) return undefined;
    const argv: string[] = [];
    let wholeBytes = Math.max(0, argc - 1);
    let missing = 0;
    for (let index = 0; index < argc; index++) {
      const argument = this.#arguments.get(index);
      const bytes = argument === undefined ? EMPTY : bytesOf(argument);
      if (bytes === undefined) return undefined;
      if (argument === undefined) missing++;
      if (wholeBytes - argc < enough) argv.push(decodeText(bytes));
      wholeBytes += bytes.length;
      if (bytes !== argument?.whole) releaseBytes(bytes);
    }
    if (missing === 0) return argv.length === argc ? { argv } : { argv, wholeBytes };
    // Of several records, or behind a full one, another can be lost.
    if (this.#records > 1 || this.#isFull) return undefined;
    if (!this.#endsOpen && !this.#hasEmpty && this.#areEmpty(argv)) return { argv };
    damage.records++;
    return undefined;
  }
}

/** Records that came, some of them perhaps twice. */
class SeenRecords {
  readonly #byChecksum = new Map<number, AuditRecord[]>();

  /** @returns whether the same record was there already */
  hasOrAdd(record: AuditRecord): boolean {
    const bytes = textOf(record);
    const checksum = crc32(bytes);
    const alike = this.#byChecksum.get(checksum);
    if (alike === undefined) this.#byChecksum.set(checksum, [record]);
    else if (alike.some(other => textOf(other).equals(bytes))) return true;
    else alike.push(record);
    return false;
  }
}

const textOf = ({ bytes, start, end }: AuditRecord): Buffer => bytes.subarray(start, end);

/** undefined if a part is missing. */
const bytesOf = ({ whole, announced, fragments }: Argument): Uint8Array | undefined => {
  if (whole !== undefined) return announced === undefined && fragments.size === 0 ? whole : undefined;
  const parts: Uint8Array[] = [];
  let written = 0;
  for (let i = 0; i < fragments.size; i++) {
    const fragment = fragments.get(i);
    if (fragment === undefined) return undefined;
    parts.push(fragment.bytes);
    written += fragment.written;
  }
  const bytes = Buffer.concat(parts);
  // Characters as written, two a byte in hex; a count of bytes is as good.
  return announced !== undefined && (bytes.length === announced || written === announced) ? bytes : undefined;
};

/** The count that a record begins with; -1 if it has none. */
const argcOf = (record: AuditRecord): number => {
  cursor.reset(record.bytes, record.start, record.end);
  while (cursor.next()) if (cursor.key === ARGC) return decimal(cursor) ?? -1;
  return -1;
};

const cursor = new FieldCursor();

const EMPTY = new Uint8Array(0);

type ArgumentKey =
  | { readonly kind: 'whole' | 'length'; readonly index: number }
  | { readonly kind: 'fragment'; readonly index: number; readonly fragment: number };

/** Reads `aN`, `aN_len` or `aN[K]`. */
const argumentKey = ({ bytes, keyStart, keyEnd }: FieldCursor): ArgumentKey | undefined => {
  if (bytes[keyStart] !== LETTER_A) return undefined;
  let at = keyStart + 1;
  const number = (): number => {
    let value = 0;
    const start = at;
    for (; at < keyEnd; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    return at === start ? -1 : value;
  };
  const index = number();
  if (index < 0) return undefined;
  if (at === keyEnd) return { kind: 'whole', index };
  if (bytes[at] === UNDERSCORE) return { kind: 'length', index };
  if (bytes[at] !== BRACKET) return undefined;
  at++;
  const fragment = number();
  return fragment < 0 ? undefined : { kind: 'fragment', index, fragment };
};
