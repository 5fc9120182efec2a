import type { RecordedNames } from './audit-event.ts';
import { KnownBytes } from './known-bytes.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { decodeText } from './value.ts';

const UID = keyHash('UID');
const AUID = keyHash('AUID');
const cursor = new FieldCursor();

/** Longest text that is remembered. */
const KNOWN_BYTES = 384;
/** Of the record read last: the events of a login have it in common. */
const knownText = new KnownBytes(KNOWN_BYTES);
let known: RecordedNames | undefined;

/**
 * The names of users that auditd wrote behind a record of an enriched log: `ARCH=x86_64 SYSCALL=execve AUID="alice"
 * UID="root" …`. It writes `unset` for an id that is unset, and `unknown(1000)` for one that it does not know.
 */
export const interpretedNames = ({ bytes, end, interpretedEnd }: AuditRecord): RecordedNames | undefined => {
  if (interpretedEnd <= end + 1) return undefined;
  if (knownText.matches(bytes, end, interpretedEnd)) return known;
  let user: string | undefined;
  let login: string | undefined;
  // Between the two stands a separator.
  cursor.reset(bytes, end + 1, interpretedEnd);
  while (cursor.next()) {
    if (cursor.key === UID) user ??= nameIn(cursor);
    else if (cursor.key === AUID) login ??= nameIn(cursor);
  }
  known = user === undefined && login === undefined ? undefined : { user, login };
  knownText.keep(bytes, end, interpretedEnd);
  return known;
};

const nameIn = ({ bytes, valueStart, valueEnd, quoted }: FieldCursor): string | undefined => {
  if (!quoted || valueEnd === valueStart) return undefined;
  const name = decodeText(bytes, valueStart, valueEnd);
  return name === 'unset' || /^unknown\(\d*\)$/.test(name) ? undefined : name;
};
