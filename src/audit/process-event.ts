import type { ExecutedFile, ProcessEvent } from './audit-event.ts';
import { AUDIT_CWD, AUDIT_EXECVE, AUDIT_PATH } from './constants.ts';
import type { RecordGroup } from './correlator.ts';
import { joinArguments } from './execve.ts';
import { KnownBytes } from './known-bytes.ts';
import { type AuditRecord, FieldCursor, keyHash } from './record.ts';
import type { SyscallRecord } from './syscall-record.ts';
import { decimal, pathText, plainText, untrustedText } from './value.ts';

/** clone(2) flags. Source: linux/sched.h. */
const CLONE_PARENT = 0x8000;
const CLONE_THREAD = 0x10000;

/**
 * What a task id is right now. clone3 passes its flags in memory, which audit does not record: only the kernel's
 * process list tells a new thread from a new process. `gone` where nothing can be said any more.
 */
export type TaskKind = 'process' | 'thread' | 'gone';

/** Looks up a new task by its id and the process that made it. */
export type KindOfTask = (id: number, maker: number) => TaskKind;

export interface ProcessReading {
  readonly event: ProcessEvent;
  /** Whether records or arguments of the event are missing. */
  readonly incomplete: boolean;
}

/**
 * Makes the event of a successful exec, fork or kill.
 *
 * @returns undefined for a new thread: no process came to be
 */
export const readProcessEvent = (
  group: RecordGroup,
  syscall: SyscallRecord,
  kindOfTask: KindOfTask,
): ProcessReading | undefined => {
  const { name, exit, a0, pid, ppid } = syscall;
  switch (name) {
    case 'execve':
    case 'execveat':
      return readExec(group, syscall);
    case 'fork':
    case 'vfork':
      return {
        event: processEvent(group, syscall, { action: 'fork', pid: exit, parent: pid }),
        incomplete: false,
      };
    case 'clone': {
      if ((a0 & CLONE_THREAD) !== 0) return undefined;
      const parent = (a0 & CLONE_PARENT) !== 0 ? ppid : pid;
      return {
        event: processEvent(group, syscall, { action: 'fork', pid: exit, parent }),
        incomplete: false,
      };
    }
    case 'clone3':
      if (kindOfTask(exit, pid) === 'thread') return undefined;
      return {
        event: processEvent(group, syscall, { action: 'fork', pid: exit, parent: pid }),
        incomplete: false,
      };
    default:
      return {
        event: processEvent(group, syscall, { action: 'kill', pid, parent: ppid }),
        incomplete: false,
      };
  }
};

const readExec = (group: RecordGroup, syscall: SyscallRecord): ProcessReading => {
  const arguments_: AuditRecord[] = [];
  const paths: AuditRecord[] = [];
  let cwdRecord: AuditRecord | undefined;
  for (const record of group.records) {
    if (record.type === AUDIT_EXECVE) arguments_.push(record);
    else if (record.type === AUDIT_PATH) paths.push(record);
    else if (record.type === AUDIT_CWD) cwdRecord ??= record;
  }
  const argv = arguments_.length > 0 ? joinArguments(arguments_) : undefined;
  const files = paths.map(readPath);
  // The first file has a meaning of its own: where its record was lost, the next one must not stand for it.
  if (paths[0] !== undefined && pathItem(paths[0]) !== 0) files.unshift(UNRECORDED);
  const event = processEvent(group, syscall, {
    action: 'exec',
    pid: syscall.pid,
    parent: syscall.ppid,
    argv,
    cwd: cwdRecord && readCwd(cwdRecord),
    files,
  });
  return {
    event,
    incomplete: argv === undefined || cwdRecord === undefined || paths.length < syscall.items,
  };
};

const processEvent = (
  { seconds, milliseconds, serial }: RecordGroup,
  syscall: SyscallRecord,
  own: Pick<ProcessEvent, 'action' | 'pid' | 'parent'> &
    Partial<Pick<ProcessEvent, 'argv' | 'cwd' | 'files'>>,
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
});

const CWD = keyHash('cwd');
const ITEM = keyHash('item');
const NAME = keyHash('name');
const INODE = keyHash('inode');
const DEV = keyHash('dev');
const MODE = keyHash('mode');
const OUID = keyHash('ouid');
const OGID = keyHash('ogid');

const cursor = new FieldCursor();

const readCwd = (record: AuditRecord): string | undefined => {
  cursor.reset(record.bytes, record.start, record.end);
  while (cursor.next()) if (cursor.key === CWD) return pathText(cursor);
  return undefined;
};

const UNRECORDED: ExecutedFile = {
  name: undefined,
  inode: undefined,
  dev: undefined,
  mode: undefined,
  ouid: undefined,
  ogid: undefined,
};

/** Position of a PATH record's file in its event. */
const pathItem = (record: AuditRecord): number | undefined => {
  cursor.reset(record.bytes, record.start, record.end);
  while (cursor.next()) if (cursor.key === ITEM) return decimal(cursor);
  return undefined;
};

/** Longest PATH record that is remembered, and of how many files of an event. */
const KNOWN_BYTES = 512;
const knownTexts = [new KnownBytes(KNOWN_BYTES), new KnownBytes(KNOWN_BYTES)] as const;
/** Of the same places in the event before: a loader is in nearly all, a program in those that run it again. */
const knownFiles: ExecutedFile[] = [];

/** @param place of the record among those of its kind */
const readPath = (record: AuditRecord, place: number): ExecutedFile => {
  const knownText = knownTexts[place];
  if (knownText === undefined) return readFile(record);
  const { bytes, start, end } = record;
  if (knownText.matches(bytes, start, end)) return knownFiles[place]!;
  const file = readFile(record);
  knownText.keep(bytes, start, end);
  knownFiles[place] = file;
  return file;
};

const readFile = (record: AuditRecord): ExecutedFile => {
  let name: string | undefined;
  let inode: string | undefined;
  let dev: string | undefined;
  let mode: string | undefined;
  let ouid: number | undefined;
  let ogid: number | undefined;
  cursor.reset(record.bytes, record.start, record.end);
  // Behind `ogid` come capabilities and more, which nobody asks for.
  while (ogid === undefined && cursor.next()) {
    switch (cursor.key) {
      case NAME:
        name = untrustedText(cursor);
        break;
      case INODE:
        inode = plainText(cursor);
        break;
      case DEV:
        dev = plainText(cursor);
        break;
      case MODE:
        mode = plainText(cursor);
        break;
      case OUID:
        ouid = decimal(cursor);
        break;
      case OGID:
        ogid = decimal(cursor);
        break;
    }
  }
  return { name, inode, dev, mode, ouid, ogid };
};
