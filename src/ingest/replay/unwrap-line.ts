import { goAuditRecords, isGoAudit } from './go-audit.ts';
import { isJournalEntry, journalRecord } from './journal-entry.ts';
import { isLaurel, laurelRecords } from './laurel.ts';
import { INTERPRETED_LOG } from './log-line.ts';

export type UnwrappedLine =
  /** `isClosed`: the end of the surrounding format proves that the lines are whole. */
  | { readonly kind: 'lines'; readonly lines: readonly Buffer[]; readonly isClosed: boolean }
  /** A line of a system log, or an entry of a journal, that has nothing to do with audit. */
  | { readonly kind: 'foreign' }
  /** `reason` completes "the line …" if the line was recognized. */
  | { readonly kind: 'malformed'; readonly reason: string | undefined };

/** A wrapped line may be wrapped again: docker's log of a program that reads a journal. */
const MAX_DEPTH = 4;

/** The header of a record inside lines of syslog, dmesg and others, which put their own text in front. */
const CARRIED =
  /(?:node=\S+ )?(?:type=[A-Z_0-9[\]]+ (?:msg=)?|(?<=^|[ :])\d{4}(?:, ?| )(?:msg=)?)audit\(\d+\.\d+:\d+\) ?:/;
/** rsyslog writes a control character as `#` and three octal digits. */
const ESCAPED_SEPARATOR = /#035(?=[A-Z])/g;
/** The beginnings of lines in system logs: RFC 3164 and 5424, ISO times, dmesg. */
const SYSTEM_LOG =
  /^(?:<\d{1,3}>|\[ *\d+\.\d+\]|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d |\d{4}-\d\d-\d\d[T ]\d\d:\d\d|-- )/;
/** journald's short form of the kernel's records, without time and serial. */
const JOURNAL_SHORT = /\baudit(?:\[\d+\])?: (?:<audit-\d+> |[A-Z][A-Z_0-9]+ )[a-z_0-9]+=/;
const NO_SERIAL =
  'it is of journalctl\'s short form, which leaves out the serial: give what "journalctl -o export _TRANSPORT=audit" writes';

/**
 * Finds the records in a line that is not itself one: behind the prefix of a system log, or in JSON as journalctl,
 * docker, go-audit, laurel and others write it.
 *
 * @param line may be overwritten afterwards
 */
export const unwrapLine = (line: Buffer, depth = 0): UnwrappedLine => {
  const text = line.toString('latin1');
  const carried = CARRIED.exec(text);
  const json = /\{\s*"|\[\s*[{"]/.exec(text);
  if (json !== null && (carried === null || json.index < carried.index) && depth < MAX_DEPTH) {
    const found = unwrapJson(line.toString('utf8', json.index), depth);
    if (found !== undefined) return found;
    // Its text is escaped, so a record in it would not be the original.
    if (carried !== null || text.startsWith('{')) return { kind: 'malformed', reason: 'its JSON is broken' };
  }
  if (carried !== null) {
    const record = text.slice(carried.index).replace(ESCAPED_SEPARATOR, '\x1d');
    return { kind: 'lines', lines: [Buffer.from(record, 'latin1')], isClosed: false };
  }
  if (JOURNAL_SHORT.test(text)) return { kind: 'malformed', reason: NO_SERIAL };
  if (/\baudit\([^)]{0,60}(?::\d\d:\d\d|[^\d.:)][^)]*:)/.test(text))
    return { kind: 'malformed', reason: INTERPRETED_LOG };
  if (SYSTEM_LOG.test(text) && !/\baudit\(/.test(text)) return { kind: 'foreign' };
  return { kind: 'malformed', reason: undefined };
};

/** undefined if it is not JSON. */
const unwrapJson = (text: string, depth: number): UnwrappedLine | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const lines: Buffer[] = [];
  const problems: string[] = [];
  collect(value, depth, lines, problems);
  if (lines.length > 0) return { kind: 'lines', lines, isClosed: true };
  return problems.length > 0 ? { kind: 'malformed', reason: problems[0] } : { kind: 'foreign' };
};

const collect = (value: unknown, depth: number, lines: Buffer[], problems: string[]): void => {
  if (depth >= MAX_DEPTH) return;
  if (typeof value === 'string') {
    collectText(value, depth, lines, problems);
  } else if (Array.isArray(value)) {
    for (const element of value) collect(element, depth + 1, lines, problems);
  } else if (typeof value === 'object' && value !== null) {
    const object = value as Readonly<Record<string, unknown>>;
    if (isGoAudit(object)) lines.push(...goAuditRecords(object));
    else if (isLaurel(object)) lines.push(...laurelRecords(object));
    else if (isJournalEntry(object)) {
      const record = journalRecord(object);
      if (record !== undefined) lines.push(record);
    } else collectFirst(object, depth, lines, problems);
  }
};

/** If a wrapper has several copies of its content, the first readable one counts. */
const collectFirst = (
  object: Readonly<Record<string, unknown>>,
  depth: number,
  lines: Buffer[],
  problems: string[],
): void => {
  const before = lines.length;
  for (const element of Object.values(object)) {
    const isText = typeof element === 'string' && /\baudit\(|"(?:ID|sequence|_AUDIT_ID)"/.test(element);
    if (!isText && (typeof element !== 'object' || element === null)) continue;
    collect(element, depth + 1, lines, problems);
    if (lines.length > before) return;
  }
};

const collectText = (text: string, depth: number, lines: Buffer[], problems: string[]): void => {
  for (const part of text.split('\n')) {
    if (part.trim() === '') continue;
    const line = Buffer.from(part, 'utf8');
    if (/^(?:node=\S+ )?(?:type=[A-Z_0-9[\]]+ (?:msg=)?|\d{4}(?:, ?| ))audit\(\d+\.\d+:\d+\)/.test(part)) {
      lines.push(line);
      continue;
    }
    const inner = unwrapLine(line, depth + 1);
    if (inner.kind === 'lines') lines.push(...inner.lines);
    else if (inner.kind === 'malformed' && inner.reason !== undefined) problems.push(inner.reason);
  }
};
