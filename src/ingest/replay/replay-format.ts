import { looksLikeTrail, whyNoTrail } from '../../openbsm/looks-like-trail.ts';
import { isJournalExport } from './journal-export.ts';
import { INTERPRETED_LOG } from './log-line.ts';
import { LogReader } from './log-reader.ts';

export type ReplayFormat =
  /** `firstTime`: time of the first record, in seconds since the epoch; undefined if there was none. */
  | { readonly kind: 'audit-log' | 'journal-export'; readonly firstTime: number | undefined }
  | { readonly kind: 'bsm-trail' }
  /** `what` completes "the file …". */
  | { readonly kind: 'unknown'; readonly what: string };

/** Whether `head` can be the beginning of a BSM trail. */
export type BsmDetector = (head: Uint8Array) => boolean;

/** First bytes of files that people take for logs, and what to do with them. */
const OTHERS: readonly (readonly [magic: RegExp, what: string])[] = [
  [/^LPKSHHRH/, 'is a systemd journal: give what "journalctl --file FILE -o export _TRANSPORT=audit" writes'],
  [/^PK\x03\x04/, 'is a zip archive: unpack it first'],
  [/^7z\xbc\xaf/, 'is a 7-Zip archive: unpack it first'],
  [/^\x04\x22\x4d\x18/, 'is compressed with lz4: unpack it first'],
  [/^SQLite format 3/, 'is an SQLite database: give the log itself'],
  [/^\x7fELF/, 'is a program: give an audit log'],
  [/^ElfFile\0/, 'is a Windows event log: only Linux audit logs and BSM trails can be read'],
  [/^(?:\xd4\xc3\xb2\xa1|\xa1\xb2\xc3\xd4|\n\r\r\n)/, 'is a packet capture: give an audit log'],
  [/^[^\0]{257}ustar|^.{257}ustar/s, 'is a tar archive: unpack it, and give the directory'],
  [
    /^\s*[[{]\s*\r?\n/,
    'is JSON over several lines: give one object a line, as "jq -c ." or "journalctl -o json" writes it',
  ],
];

/**
 * Determines by its first bytes what a replay file contains. A log may begin with damaged records, or with other
 * lines of a system log: it is refused only if no line of `head` looks like an attempt at a record.
 */
export const replayFormat = (head: Uint8Array, isBsmTrail: BsmDetector = looksLikeTrail): ReplayFormat => {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  // Searching a damaged trail takes long, and no damage looks like a log.
  if (!beginsAsLog(bytes) && isBsmTrail(head)) return { kind: 'bsm-trail' };
  if (isJournalExport(bytes)) return { kind: 'journal-export', firstTime: undefined };
  let firstTime: number | undefined;
  const reader = new LogReader(
    ({ bytes: line, start }) => {
      const time = /^audit\((\d+)\.\d+:\d+\)/.exec(line.toString('latin1', start, start + 48))?.[1];
      if (time === undefined) return false;
      firstTime ??= Number(time);
      return true;
    },
    { allTypes: true },
  );
  reader.push(bytes);
  const { lines, records, foreign, firstMalformed } = reader.counters;
  if (records > 0) return { kind: 'audit-log', firstTime };
  if (firstMalformed?.reason === INTERPRETED_LOG) return unknown(`cannot be read back: ${INTERPRETED_LOG}`);
  const text = bytes.toString('latin1');
  for (const [magic, what] of OTHERS) if (magic.test(text)) return unknown(what);
  const isAttempt = /\baudit\(|\btype=|\x1d/.test(text);
  if (firstMalformed !== undefined && !isAttempt && !/^\0+$/.test(text)) {
    const why = whyNoTrail(head);
    return unknown(
      text.includes('\0')
        ? `is neither an audit log ("type=NAME msg=audit(…") nor a BSM trail (${why})`
        : `is text, but no audit log: no line of it has "type=NAME msg=audit(…", or is of a form that carries one. Give audit.log, or what "ausearch --raw" or "journalctl -o export _TRANSPORT=audit" writes`,
    );
  }
  return lines === 0 && !isAttempt && text.length > 0 && foreign === 0 && /[^\s\0]/.test(text)
    ? lineless(text, head)
    : { kind: 'audit-log', firstTime: undefined };
};

const beginsAsLog = (bytes: Buffer): boolean =>
  /^(?:node=\S+ )?type=[A-Z_0-9[\]]+ msg=audit\(\d/.test(bytes.toString('latin1', 0, 512));

const unknown = (what: string): ReplayFormat => ({ kind: 'unknown', what });

/** Bytes without a line end: one line that is longer than what was read, or not text. */
const lineless = (text: string, head: Uint8Array): ReplayFormat =>
  text.includes('\0')
    ? unknown(`is neither an audit log ("type=NAME msg=audit(…") nor a BSM trail (${whyNoTrail(head)})`)
    : unknown('is text, but no audit log: its first line has no "type=NAME msg=audit(…"');
