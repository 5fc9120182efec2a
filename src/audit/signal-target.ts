import type { SignalTarget } from './audit-event.ts';
import { AUDIT_OBJ_PID } from './constants.ts';
import type { RecordGroup } from './correlator.ts';
import { damage } from './damage.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import type { SyscallRecord } from './syscall-record.ts';
import { DAMAGED, decimal, readText } from './value.ts';

const OPID = keyHash('opid');
const OCOMM = keyHash('ocomm');
const cursor = new FieldCursor();

/**
 * The receiver of a kill, tkill or tgkill: from the OBJ_PID record of each process that got the signal, else from the
 * arguments. Source: audit_log_pid_context in kernel/auditsc.c.
 */
export const signalTarget = ({ records }: RecordGroup, syscall: SyscallRecord): SignalTarget => {
  const objects = records.filter(({ type }) => type === AUDIT_OBJ_PID);
  const signal = syscall.name === 'tgkill' ? syscall.a2 : syscall.a1;
  const object = objects.length === 1 ? readObject(objects[0]!) : undefined;
  // pid_t is signed.
  return { pid: object?.pid ?? syscall.a0 | 0, comm: object?.comm, signal };
};

/** Reads `opid=18499 oauid=-1 ouid=0 oses=-1 obj=… ocomm="sh"`. */
const readObject = (
  record: AuditRecord,
): { readonly pid: number; readonly comm: string | undefined } | undefined => {
  let pid: number | undefined;
  let comm: ReturnType<typeof readText>;
  cursor.reset(record.bytes, record.start, record.end);
  while (cursor.next()) {
    if (cursor.key === OPID) pid ??= decimal(cursor);
    else if (cursor.key === OCOMM) comm ??= readText(cursor);
  }
  // The kernel writes the name last: without it the record is cut off, and the number may be cut too.
  if (comm === undefined || comm === DAMAGED || pid === undefined) {
    damage.records++;
    return undefined;
  }
  return { pid, comm };
};
