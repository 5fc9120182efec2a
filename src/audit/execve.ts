import { argumentKey } from './argument-key.ts';
import { type AreEmpty, ArgumentList, type FirstArguments } from './argument-list.ts';
import { damage } from './damage.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { decimal, decodeText, isDamaged, untrustedBytes } from './value.ts';

const ARGC = keyHash('argc');

/** Missing arguments count as lost. */
const areLost: AreEmpty = () => false;

/**
 * Joins the argument list from the EXECVE records of one event, in whatever order.
 *
 * The kernel writes about 7,500 bytes a record; only the first has `argc`. An argument that does not fit is written
 * as `aN_len=L aN[0]=… aN[1]=…`, over as many records as it takes, each fragment quoted or in hex by itself. Old
 * kernels leave out empty arguments. For a script they write two lists, the second one for its interpreter; the
 * longer one counts. Source: audit_log_execve_info in kernel/auditsc.c.
 *
 * @param areEmpty asked if arguments are missing that an old kernel could have left out
 * @returns undefined if any argument is missing, incomplete or damaged: half a command line would be an invention
 */
export const joinArguments = (
  records: readonly AuditRecord[],
  areEmpty: AreEmpty = areLost,
): string[] | undefined => joinFirstArguments(records, areEmpty, Number.POSITIVE_INFINITY)?.argv;

/** Whether the records of an event have all of its arguments. */
export const haveArguments = (records: readonly AuditRecord[]): boolean =>
  joinFirstArguments(records, areLost, 0) !== undefined;

/**
 * Like `joinArguments`, but arguments that begin behind so many bytes are only checked, and not made into text.
 *
 * @param bytes that are enough
 */
export const joinFirstArguments = (
  records: readonly AuditRecord[],
  areEmpty: AreEmpty,
  bytes: number,
): FirstArguments | undefined => {
  if (records.length === 1) {
    const argv = joinOne(records[0]!);
    if (argv !== undefined) return { argv };
  }
  const inOrder = join(records, areEmpty, bytes);
  const joined =
    inOrder.found === undefined && records.length > 1
      ? join(sortedRecords(records), areEmpty, bytes)
      : inOrder;
  damage.records += joined.damaged;
  return joined.found;
};

interface Joined {
  readonly found: FirstArguments | undefined;
  readonly damaged: number;
}

const join = (records: readonly AuditRecord[], areEmpty: AreEmpty, bytes: number): Joined => {
  const list = new ArgumentList(bytes);
  for (const record of records) list.push(record);
  const found = list.end(areEmpty);
  return { found, damaged: list.damaged };
};

/** The list of a single record that is in order and whole, as nearly all are; undefined for any other. */
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

/**
 * Each record once, in the order in which the kernel wrote them, without records of a list that is shorter than
 * another.
 */
const sortedRecords = (records: readonly AuditRecord[]): readonly AuditRecord[] => {
  const placed = records.map(placeOf);
  const longest = Math.max(...placed.map(({ argc }) => argc));
  const sorted = placed
    .filter(({ argc }) => argc < 0 || argc === longest)
    .toSorted((a, b) => a.index - b.index || a.fragment - b.fragment);
  return sorted
    .filter((place, i) => i === 0 || !isSame(place.record, sorted[i - 1]!.record))
    .map(({ record }) => record);
};

/** Position of a record: it begins with the count, or with an argument or a part of one. */
interface Place {
  readonly record: AuditRecord;
  /** -1 if it has no count. */
  readonly argc: number;
  readonly index: number;
  readonly fragment: number;
}

const placeOf = (record: AuditRecord): Place => {
  let argc = -1;
  cursor.reset(record.bytes, record.start, record.end);
  while (cursor.next()) {
    if (cursor.key === ARGC) {
      argc = decimal(cursor) ?? -1;
      return { record, argc, index: -1, fragment: -1 };
    }
    const key = argumentKey(cursor);
    if (key === undefined) continue;
    return { record, argc, index: key.index, fragment: key.kind === 'fragment' ? key.fragment : -1 };
  }
  return { record, argc, index: -1, fragment: -1 };
};

const isSame = (a: AuditRecord, b: AuditRecord): boolean =>
  a.bytes.compare(b.bytes, b.start, b.end, a.start, a.end) === 0;

const cursor = new FieldCursor();
