import { damage } from './damage.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { DAMAGED, readPath } from './value.ts';

const CWD = keyHash('cwd');

const cursor = new FieldCursor();

/**
 * The working directory of a CWD record. Source: audit_log_exit in kernel/auditsc.c.
 *
 * @returns undefined if the kernel could not tell it; also for a record that is damaged or cut off, which is counted
 */
export const readCwd = (record: AuditRecord): string | undefined => {
  cursor.reset(record.bytes, record.start, record.end);
  while (cursor.next()) {
    if (cursor.key !== CWD) continue;
    const text = readPath(cursor);
    if (text !== DAMAGED) return text;
    break;
  }
  damage.records++;
  return undefined;
};
