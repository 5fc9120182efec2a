import type { RecordedNames } from './audit-event.ts';
import { KnownBytes } from './known-bytes.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { decodeText } from './value.ts';

const UID = keyHash('UID');
const AUID = keyHash('AUID');

/** Longest text that is remembered, in bytes. */
const KNOWN_BYTES = 384;

/**
 * Reads the names of users that auditd appended to a record of an enriched log: `ARCH=x86_64 SYSCALL=execve
 * AUID="alice" UID="root" …`. It writes `unset` for an unset id, and `unknown(1000)` for an id without a name.
 */
export class InterpretedNames {
  readonly #cursor = new FieldCursor();
  /** The text of the last record: events of one login share it. */
  readonly #knownText = new KnownBytes(KNOWN_BYTES);
  #known: RecordedNames | undefined;

  of({ bytes, end, interpretedEnd }: AuditRecord): RecordedNames | undefined {
    if (interpretedEnd <= end + 1) return undefined;
    if (this.#knownText.matches(bytes, end, interpretedEnd)) return this.#known;
    let user: string | undefined;
    let login: string | undefined;
    // A separator stands between the two.
    const cursor = this.#cursor.reset(bytes, end + 1, interpretedEnd);
    while (cursor.next()) {
      if (cursor.key === UID) user ??= nameIn(cursor);
      else if (cursor.key === AUID) login ??= nameIn(cursor);
    }
    this.#known = user === undefined && login === undefined ? undefined : { user, login };
    this.#knownText.keep(bytes, end, interpretedEnd);
    return this.#known;
  }
}

const nameIn = ({ bytes, valueStart, valueEnd, quoted }: FieldCursor): string | undefined => {
  if (!quoted || valueEnd === valueStart) return undefined;
  const name = decodeText(bytes, valueStart, valueEnd);
  return name === 'unset' || /^unknown\(\d*\)$/.test(name) ? undefined : name;
};
