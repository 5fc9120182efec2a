import type { FileEvent, UringActor } from './audit-event.ts';
import { AUDIT_CWD, AUDIT_OPENAT2, AUDIT_PATH, AUDIT_SYSCALL, AUDIT_URINGOP } from './constants.ts';
import { firstOf, type RecordGroup } from './correlator.ts';
import { readCwd } from './cwd.ts';
import { type FileCall, type FileOperation, fileCall } from './file-calls.ts';
import { type FileContext, FilePaths, type Located, rememberPaths } from './file-paths.ts';
import { type PathItem, readPathItem } from './path-item.ts';
import { FieldCursor, keyHash } from './record.ts';
import { FILES_KEY } from './rule-keys.ts';
import type { SyscallRecord } from './syscall-record.ts';
import { readText } from './value.ts';

export type FileReading =
  | { readonly kind: 'event'; readonly event: FileEvent }
  /** The call neither changes nor reads anything that has a path. */
  | { readonly kind: 'other' }
  /** A record is missing without which nothing can be said about a file. */
  | { readonly kind: 'incomplete' };

const INCOMPLETE: FileReading = { kind: 'incomplete' };
const OTHER: FileReading = { kind: 'other' };

/** Source: asm-generic/fcntl.h. O_ACCMODE is the same on every architecture, the others on those that Node runs on. */
const O_ACCMODE = 0o3;
const O_TRUNC = 0o1000;
const O_PATH = 0o10000000;
const O_TMPFILE = 0o20000000;

/** Makes the event of a call that opens or changes a file. The kind is `other` if the flags show that it does neither. */
export const readFileEvent = (
  group: RecordGroup,
  syscall: SyscallRecord,
  context: FileContext,
): FileReading => {
  const call = fileCall(syscall.name);
  const items = readPathItems(group);
  const targets = items.filter(({ type }) => type !== 'PARENT');
  if (call === undefined || targets.length === 0) return INCOMPLETE;
  const operation = call.operation ?? openOperation(group, syscall, call, targets);
  if (operation === undefined) return OTHER;
  const { pid, a0, a1, a2, a3 } = syscall;
  const cwd = cwdOf(group);
  const located = new FilePaths({ pid, cwd, args: [a0, a1, a2, a3] }, items, context).locate(call, targets);
  rememberPaths(located, items, context.known);
  const { name, exit } = syscall;
  return {
    kind: 'event',
    event: fileEvent(group, syscall, { operation, syscall: name, exit, cwd, ...located }),
  };
};

/** The PATH records of an event in their order, without duplicates. */
export const readPathItems = ({ records }: RecordGroup): readonly PathItem[] => {
  const items: PathItem[] = [];
  for (const record of records) {
    if (record.type !== AUDIT_PATH) continue;
    const item = readPathItem(record);
    if (item !== undefined && !items.some(each => each.item === item.item)) items.push(item);
  }
  return items.sort((a, b) => a.item - b.item);
};

export const cwdOf = (group: RecordGroup): string | undefined => {
  const record = firstOf(group, AUDIT_CWD);
  return record && readCwd(record);
};

/** @returns undefined for an open of a file without a name (O_TMPFILE), which may get a name by a link later */
const openOperation = (
  group: RecordGroup,
  { a1, a2 }: SyscallRecord,
  call: FileCall,
  targets: readonly PathItem[],
): FileOperation | undefined => {
  const flags = call.flags === undefined ? openat2Flags(group) : call.flags === 1 ? a1 : a2;
  // If the flags are unknown, it does not count as an access.
  if (flags === undefined) return 'open';
  if ((flags & O_TMPFILE) !== 0) return undefined;
  if ((flags & O_PATH) !== 0) return 'read';
  if ((flags & O_TRUNC) !== 0) return 'open+truncate';
  if ((flags & O_ACCMODE) !== 0) return 'write';
  return targets.some(({ type }) => type === 'CREATE') ? 'open' : 'read';
};

const OFLAG = keyHash('oflag');
const KEY = keyHash('key');
const cursor = new FieldCursor();

/** From `oflag=0100001 mode=0644 resolve=0x0`. Source: audit_log_openat2_how in kernel/auditsc.c. */
const openat2Flags = (group: RecordGroup): number | undefined => {
  const record = firstOf(group, AUDIT_OPENAT2);
  if (record === undefined) return undefined;
  cursor.reset(record.bytes, record.start, record.end);
  while (cursor.next()) {
    if (cursor.key !== OFLAG) continue;
    const text = cursor.bytes.toString('latin1', cursor.valueStart, cursor.valueEnd);
    return /^[0-7]{1,10}$/.test(text) ? Number.parseInt(text, 8) : undefined;
  }
  return undefined;
};

/** Whether the kernel recorded an event because of one of our rules for files. */
const hasFilesKey = ({ records }: RecordGroup): boolean =>
  records.some(({ type, bytes, start, end }) => {
    if (type !== AUDIT_SYSCALL && type !== AUDIT_URINGOP) return false;
    cursor.reset(bytes, start, end);
    while (cursor.next()) if (cursor.key === KEY) return readText(cursor) === FILES_KEY;
    return false;
  });

/** Builds an event from its parts. */
export const fileEvent = (
  group: RecordGroup,
  actor: UringActor,
  own: Pick<FileEvent, 'operation' | 'syscall' | 'exit' | 'cwd'> & Located,
): FileEvent => ({
  kind: 'file',
  seconds: group.seconds,
  milliseconds: group.milliseconds,
  serial: group.serial,
  node: undefined,
  names: undefined,
  operation: own.operation,
  syscall: own.syscall,
  exit: own.exit,
  path: own.path,
  destPath: own.destPath,
  isPartial: own.isPartial,
  isSelected: hasFilesKey(group),
  cwd: own.cwd,
  inode: own.file.inode,
  mode: own.file.mode,
  ownerUid: own.file.ouid,
  ownerGid: own.file.ogid,
  pid: actor.pid,
  ppid: actor.ppid,
  auid: actor.auid,
  uid: actor.uid,
  gid: actor.gid,
  euid: actor.euid,
  egid: actor.egid,
  suid: actor.suid,
  sgid: actor.sgid,
  fsuid: actor.fsuid,
  fsgid: actor.fsgid,
  ses: actor.ses,
  tty: actor.tty,
  comm: actor.comm,
  exe: actor.exe,
});
