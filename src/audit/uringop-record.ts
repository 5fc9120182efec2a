import { EAGAIN } from './constants.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import type { SyscallRecord } from './syscall-record.ts';
import { decimal } from './value.ts';

/** The content of a URINGOP record. It names no file, socket or descriptor, and says nothing more about the outcome than `isPending`. */
export interface UringopRecord
  extends Pick<
    SyscallRecord,
    'pid' | 'ppid' | 'uid' | 'gid' | 'euid' | 'egid' | 'suid' | 'fsuid' | 'sgid' | 'fsgid'
  > {
  /** One of enum io_uring_op in linux/io_uring.h. */
  readonly operation: number;
  /** The operation would have waited: it is tried again later, with a record of its own. */
  readonly isPending: boolean;
}

const cursor = new FieldCursor();

/**
 * Reads a URINGOP record: `uring_op=16 success=yes exit=0 items=0 ppid=1 pid=2 uid=0 gid=0 euid=0 …`.
 * Source: audit_log_uring in kernel/auditsc.c.
 *
 * @returns undefined if the record is damaged or cut off
 */
export const readUringop = (record: AuditRecord): UringopRecord | undefined => {
  const values = new Map<number, number | undefined>();
  cursor.reset(record.bytes, record.start, record.end);
  while (cursor.next()) if (!values.has(cursor.key)) values.set(cursor.key, decimal(cursor));
  const value = (key: string): number | undefined => values.get(keyHash(key));

  const operation = value('uring_op');
  const [pid, uid, gid, euid, egid] = ['pid', 'uid', 'gid', 'euid', 'egid'].map(value);
  if (
    operation === undefined ||
    pid === undefined ||
    uid === undefined ||
    gid === undefined ||
    euid === undefined ||
    egid === undefined
  ) {
    return undefined;
  }
  return {
    operation,
    isPending: value('exit') === -EAGAIN,
    pid,
    ppid: value('ppid'),
    uid,
    gid,
    euid,
    egid,
    suid: value('suid'),
    fsuid: value('fsuid'),
    sgid: value('sgid'),
    fsgid: value('fsgid'),
  };
};
