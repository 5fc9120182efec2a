import type { AreEmpty, FirstArguments } from './argument-list.ts';
import type { ExecutedFile, ProcessEvent } from './audit-event.ts';
import { AUDIT_BPRM_FCAPS, AUDIT_CWD, AUDIT_EXECVE, AUDIT_PATH, AUDIT_PROCTITLE } from './constants.ts';
import type { RecordGroup } from './correlator.ts';
import { readCwd } from './cwd.ts';
import { damage } from './damage.ts';
import type { ExecutedFileReader } from './executed-file.ts';
import { joinFirstArguments } from './execve.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import { signalTarget } from './signal-target.ts';
import type { SyscallRecord } from './syscall-record.ts';
import { cloneFlagsArgument } from './syscalls.ts';
import { isDamaged, untrustedBytes } from './value.ts';

/** clone(2) flags. Source: linux/sched.h. */
const CLONE_PARENT = 0x8000;
const CLONE_THREAD = 0x10000;

/**
 * What a task id stands for at this moment. clone3 passes its flags in memory, which audit does not record, so only
 * the kernel's process list tells a new thread from a new process. `gone`: the task has ended, and nothing can be
 * said.
 */
export type TaskKind = 'process' | 'thread' | 'gone';

/** Looks up a new task by its id and the process that made it. */
export type KindOfTask = (id: number, maker: number) => TaskKind;

export interface ProcessReading {
  readonly event: ProcessEvent;
  /** Whether records or arguments of the event are missing. */
  readonly incomplete: boolean;
}

export interface ProcessReadingOptions {
  readonly kindOfTask: KindOfTask;
  readonly files: ExecutedFileReader;
  /** Bytes of arguments that are wanted; arguments that begin behind them are left out, see `commandLineBytes`. */
  argumentBytes: number;
}

/**
 * Makes the event of a successful exec, fork or kill.
 *
 * @returns undefined for a new thread: no process came to be
 */
export const readProcessEvent = (
  group: RecordGroup,
  syscall: SyscallRecord,
  options: ProcessReadingOptions,
): ProcessReading | undefined => {
  const { name, exit, a0, pid, ppid } = syscall;
  switch (name) {
    case 'execve':
    case 'execveat':
      return readExec(group, syscall, options);
    case 'fork':
    case 'vfork':
      return {
        event: processEvent(group, syscall, { action: 'fork', pid: exit, parent: pid }),
        incomplete: false,
      };
    case 'clone': {
      const flags = cloneFlagsArgument(syscall.arch) === 0 ? a0 : (syscall.a1 ?? 0);
      if ((flags & CLONE_THREAD) !== 0) return undefined;
      const parent = (flags & CLONE_PARENT) !== 0 ? ppid : pid;
      return {
        event: processEvent(group, syscall, { action: 'fork', pid: exit, parent }),
        incomplete: false,
      };
    }
    case 'clone3':
      if (options.kindOfTask(exit, pid) === 'thread') return undefined;
      return {
        event: processEvent(group, syscall, { action: 'fork', pid: exit, parent: pid }),
        incomplete: false,
      };
    default:
      return {
        event: processEvent(group, syscall, {
          action: 'kill',
          pid,
          parent: ppid,
          target: signalTarget(group, syscall),
        }),
        incomplete: false,
      };
  }
};

const readExec = (
  group: RecordGroup,
  syscall: SyscallRecord,
  options: ProcessReadingOptions,
): ProcessReading => {
  const arguments_: AuditRecord[] = [];
  const files: ExecutedFile[] = [];
  let place = 0;
  let cwd: string | undefined;
  for (const record of group.records) {
    if (record.type === AUDIT_EXECVE) arguments_.push(record);
    else if (record.type === AUDIT_PATH) addFile(files, record, options.files.read(record, place++));
    else if (record.type === AUDIT_CWD) cwd ??= readCwd(record);
  }
  let recorded = 0;
  for (const file of files) if (file !== UNRECORDED) recorded++;
  const joined = joinedArguments(group, arguments_, options.argumentBytes);
  const argv = joined?.argv;
  const read = processEvent(group, syscall, {
    action: 'exec',
    pid: syscall.pid,
    parent: syscall.ppid,
    argv,
    cwd,
    files,
  });
  return {
    event: joined?.wholeBytes === undefined ? read : { ...read, commandLineBytes: joined.wholeBytes },
    incomplete: argv === undefined || cwd === undefined || recorded < syscall.items,
  };
};

const joinedArguments = (
  group: RecordGroup,
  records: readonly AuditRecord[],
  bytes: number,
): FirstArguments | undefined => {
  const areEmpty: AreEmpty = argv => leavesOutEmpty(group, argv);
  if (group.arguments !== undefined) {
    const found = group.arguments.end(areEmpty);
    damage.records += group.arguments.damaged;
    return found;
  }
  return records.length > 0 ? joinFirstArguments(records, areEmpty, bytes) : undefined;
};

/** Most files of an exec that are read: a program and its interpreters are far fewer. */
const MAX_FILES = 64;

/**
 * Puts a file at its item number: records may come in any order and twice, and the next file must not take the place
 * of a lost one.
 */
const addFile = (files: ExecutedFile[], record: AuditRecord, file: ExecutedFile | undefined): void => {
  const item = pathItem(record);
  if (item === undefined || item < 0 || item >= MAX_FILES || file === undefined) {
    damage.records++;
    return;
  }
  while (files.length < item) files.push(UNRECORDED);
  if (files[item] === undefined || files[item] === UNRECORDED) files[item] = file;
};

const processEvent = (
  { seconds, milliseconds, serial }: RecordGroup,
  syscall: SyscallRecord,
  own: Pick<ProcessEvent, 'action' | 'pid' | 'parent'> &
    Partial<Pick<ProcessEvent, 'argv' | 'cwd' | 'files' | 'target'>>,
): ProcessEvent => ({
  kind: 'process',
  seconds,
  milliseconds,
  serial,
  action: own.action,
  syscall: syscall.name,
  pid: own.pid,
  parent: own.parent,
  ppid: syscall.ppid,
  exit: syscall.exit,
  status: undefined,
  auid: syscall.auid,
  uid: syscall.uid,
  gid: syscall.gid,
  euid: syscall.euid,
  egid: syscall.egid,
  suid: syscall.suid,
  sgid: syscall.sgid,
  fsuid: syscall.fsuid,
  fsgid: syscall.fsgid,
  ses: syscall.ses,
  tty: syscall.tty,
  comm: syscall.comm,
  exe: syscall.exe,
  path: syscall.exe,
  cwd: own.cwd,
  argv: own.argv,
  env: undefined,
  files: own.files ?? [],
  node: undefined,
  names: undefined,
  target: own.target,
});

const UNRECORDED: ExecutedFile = {
  name: undefined,
  inode: undefined,
  dev: undefined,
  mode: undefined,
  ouid: undefined,
  ogid: undefined,
};

const ITEM_KEY = Buffer.from('item=');

/** Item number of a PATH record's file; the kernel writes it first. */
const pathItem = ({ bytes, start, end }: AuditRecord): number | undefined => {
  let at = start + ITEM_KEY.length;
  if (at >= end) return undefined;
  for (let i = 0; i < ITEM_KEY.length; i++) if (bytes[start + i] !== ITEM_KEY[i]) return undefined;
  let item = 0;
  const first = at;
  for (; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) break;
    item = item * 10 + digit;
  }
  return at > first && (at === end || bytes[at] === SPACE) ? item : undefined;
};

const SPACE = 0x20;

const cursor = new FieldCursor();
const CAP_FROOTID = keyHash('cap_frootid');
const FROOTID = keyHash('frootid');
const NAMETYPE = keyHash('nametype');
const PROCTITLE = keyHash('proctitle');

/** Bytes of a PROCTITLE that may be cut off. Source: MAX_PROCTITLE_AUDIT_LEN in kernel/auditsc.c. */
const FULL_TITLE = 128;

/**
 * Whether arguments missing from EXECVE are empty ones, which kernels before Linux 4.8 leave out. Other records of
 * the event tell: file capabilities with a namespace (`frootid`) exist from 5.1 on; PROCTITLE, from 3.15 on, has all
 * arguments except empty ones at the end; a PATH record without `nametype` is from before 4.0. Source:
 * audit_log_execve_info, audit_log_name, audit_log_fcaps and audit_log_proctitle in kernel/auditsc.c.
 *
 * @param argv with empty arguments in place of the missing ones
 */
const leavesOutEmpty = ({ records }: RecordGroup, argv: readonly string[]): boolean => {
  let isOld = false;
  let title: string | undefined;
  for (const record of records) {
    const { type } = record;
    if (type !== AUDIT_PATH && type !== AUDIT_BPRM_FCAPS && type !== AUDIT_PROCTITLE) continue;
    let hasNametype = false;
    cursor.reset(record.bytes, record.start, record.end);
    while (cursor.next()) {
      if (cursor.key === CAP_FROOTID || cursor.key === FROOTID) return false;
      if (cursor.key === NAMETYPE) hasNametype = true;
      if (type === AUDIT_PROCTITLE && cursor.key === PROCTITLE) title ??= titleOf(cursor);
    }
    if (type === AUDIT_PATH && !hasNametype) isOld = true;
  }
  return title === undefined ? isOld : title === withoutEmptyEnd(argv).join('\0');
};

const withoutEmptyEnd = (argv: readonly string[]): readonly string[] =>
  argv.slice(0, argv.findLastIndex(argument => argument !== '') + 1);

/** undefined if it is damaged or may be cut off. */
const titleOf = (field: FieldCursor): string | undefined => {
  const bytes = untrustedBytes(field);
  if (isDamaged(field, bytes) || bytes === undefined || bytes.length >= FULL_TITLE) return undefined;
  return Buffer.from(bytes).toString();
};
