import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { decimal, decodeText, untrustedBytes, untrustedText } from './value.ts';

/** Most arguments an event may claim; MAX_ARG_STRINGS of the kernel is 2^31, the stack allows about 10^6. */
export const ARGUMENT_LIMIT = 1_000_000;

/** A record that another one follows has at least this many bytes: the kernel wants 104 of its 7,500 for one more. */
const FULL_RECORD = 7_396;

const ARGC = keyHash('argc');
const LETTER_A = 0x61;
const BRACKET = 0x5b;
const UNDERSCORE = 0x5f;

/**
 * Joins the argument list from the EXECVE records of one event, in the order received.
 *
 * The kernel writes about 7,500 bytes a record; only the first has `argc`. An argument that does not fit is written
 * as `aN_len=L aN[0]=… aN[1]=…`, over as many records as it takes, each fragment quoted or in hex on its own.
 * Old kernels leave out an argument that is empty: an index skipped inside one record, or missing at the end of
 * a single one that is not full, is the empty string. Any other hole is a lost record.
 * Source: audit_log_execve_info in kernel/auditsc.c.
 *
 * @returns undefined if any argument is missing in whole or part: half a command line would be an invention
 */
export const joinArguments = (records: readonly AuditRecord[]): string[] | undefined => {
  const argv: string[] = [];
  let argc: number | undefined;
  let fragments: Uint8Array[] = [];
  let writtenLength = 0;
  /** `aN_len` of the argument under way; -1 when none is. */
  let announced = -1;
  let announcedIndex = -1;

  const completeFragments = (): boolean => {
    if (announced < 0) return true;
    // Characters as written, two a byte in hex; a count of bytes is as good.
    const bytes = Buffer.concat(fragments);
    const complete =
      announcedIndex === argv.length && (bytes.length === announced || writtenLength === announced);
    argv.push(decodeText(bytes));
    fragments = [];
    writtenLength = 0;
    announced = -1;
    return complete;
  };

  for (const record of records) {
    let first = true;
    cursor.reset(record.bytes, record.start, record.end);
    while (cursor.next()) {
      if (cursor.bytes[cursor.keyStart] !== LETTER_A) continue;
      if (cursor.key === ARGC) {
        argc ??= decimal(cursor);
        continue;
      }
      const key = argumentKey(cursor);
      if (key === undefined) continue;
      if (argc === undefined || argc > ARGUMENT_LIMIT || key.index >= argc) return undefined;
      if (key.kind === 'length') {
        if (!completeFragments()) return undefined;
        announced = decimal(cursor) ?? -1;
        announcedIndex = key.index;
        if (announced < 0) return undefined;
      } else if (key.kind === 'fragment') {
        if (announced < 0 || key.index !== announcedIndex || key.fragment !== fragments.length)
          return undefined;
        fragments.push(Uint8Array.prototype.slice.call(untrustedBytes(cursor) ?? EMPTY));
        writtenLength += cursor.valueEnd - cursor.valueStart;
      } else {
        if (!completeFragments()) return undefined;
        if (key.index < argv.length || (key.index > argv.length && first && record !== records[0]))
          return undefined;
        while (argv.length < key.index) argv.push('');
        argv.push(untrustedText(cursor) ?? decodeText(valueBytes(cursor)));
      }
      first = false;
    }
  }
  if (!completeFragments() || argc === undefined || argc < 0 || argc > ARGUMENT_LIMIT) return undefined;
  const [only] = records;
  const mayLackRecords = records.length > 1 || (only !== undefined && only.end - only.start >= FULL_RECORD);
  if (argv.length < argc && mayLackRecords) return undefined;
  while (argv.length < argc) argv.push('');
  return argv;
};

const cursor = new FieldCursor();

const EMPTY = new Uint8Array(0);

const valueBytes = (cursor: FieldCursor): Uint8Array =>
  cursor.bytes.subarray(cursor.valueStart, cursor.valueEnd);

type ArgumentKey =
  | { readonly kind: 'whole' | 'length'; readonly index: number }
  | { readonly kind: 'fragment'; readonly index: number; readonly fragment: number };

/** Reads `aN`, `aN_len` or `aN[K]`. */
const argumentKey = ({ bytes, keyStart, keyEnd }: FieldCursor): ArgumentKey | undefined => {
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
