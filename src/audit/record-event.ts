import type { RecordEvent } from './audit-event.ts';
import {
  AUDIT_APPARMOR,
  AUDIT_APPARMOR_KILL,
  AUDIT_AVC,
  AUDIT_MAC_UNLBL_STCDEL,
  AUDIT_SECCOMP,
} from './constants.ts';
import { damage } from './damage.ts';
import { type AuditRecord, FieldCursor } from './record.ts';
import { DAMAGED, decodeText, plainText, readText } from './value.ts';

/**
 * Whether a record has a meaning of its own, even within a system call's event: reports of SELinux, AppArmor and
 * seccomp. A process that seccomp kills leaves no other record and no end mark.
 */
export const isReport = (type: number): boolean =>
  type === AUDIT_SECCOMP ||
  (type >= AUDIT_AVC && type <= AUDIT_MAC_UNLBL_STCDEL) ||
  (type >= AUDIT_APPARMOR && type <= AUDIT_APPARMOR_KILL);

/**
 * Fields that the kernel writes as untrusted strings in these records: quoted or in hex. Source: audit_seccomp in
 * kernel/auditsc.c, dump_common_audit_data in security/lsm_audit.c, audit_pre and the other audit callbacks in
 * security/apparmor.
 */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'comm',
  'exe',
  'path',
  'name',
  'profile',
  'namespace',
  'label',
  'peer',
  'target',
  'srcname',
]);

/** The event of a record with a meaning of its own. Damaged fields are left out, and counted. */
export const readRecordEvent = (record: AuditRecord): RecordEvent => {
  const { type, seconds, milliseconds, serial, bytes, start, end } = record;
  const fields = new Map<string, string>();
  const cursor = new FieldCursor().reset(bytes, start, end);
  let isDamaged = false;
  while (cursor.next()) {
    const name = bytes.toString('latin1', cursor.keyStart, cursor.keyEnd);
    if (fields.has(name)) continue;
    const value = UNTRUSTED.has(name) ? readText(cursor) : readPlain(cursor);
    if (value === DAMAGED) isDamaged = true;
    else if (value !== undefined) fields.set(name, value);
  }
  if (isDamaged) damage.records++;
  const stamp = `audit(${seconds}.${String(milliseconds).padStart(3, '0')}:${serial}): `;
  return {
    kind: 'record',
    seconds,
    milliseconds,
    serial,
    type,
    message: stamp + decodeText(bytes, start, end),
    fields,
    // AppArmor writes the id of who opens a file, and no other.
    uid: count(fields.get('uid') ?? fields.get('fsuid')),
    auid: count(fields.get('auid')),
  };
};

/** A field that is not encoded. If its quote is not closed, nothing about it is known. */
const readPlain = (cursor: FieldCursor): string | undefined | typeof DAMAGED =>
  cursor.unclosed ? DAMAGED : plainText(cursor);

const count = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
