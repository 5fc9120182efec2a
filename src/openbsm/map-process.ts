import type { ExecutedFile, ProcessEvent } from '../audit/audit-event.ts';
import type { EventOrigin } from './event-origin.ts';
import type { ProcessMemory } from './process-memory.ts';
import type { BsmRecord } from './record.ts';
import {
  findArgument,
  findFiles,
  findResult,
  findSubject,
  findToken,
  type NamedFile,
  type Subject,
} from './record-facts.ts';

/** xnu's argument token for the new process, in spawn and fork records. */
const CHILD_PID_ARGUMENT = 0;

/**
 * An exec or a spawn, successful or failed; see `status`. A failed one belongs to the process that tried.
 *
 * @returns undefined if the record does not say who acted, or how it ended
 */
export const mapExec = (
  record: BsmRecord,
  origin: EventOrigin,
  syscall: string,
  memory: ProcessMemory,
): ProcessEvent | undefined => {
  const subject = findSubject(record);
  const result = findResult(record);
  if (subject === undefined || result === undefined) return undefined;
  const succeeded = result.bsmErrno === 0;

  // A spawn that replaces its caller (POSIX_SPAWN_SETEXEC) makes no child and names none.
  const child = syscall === 'posix_spawn' && succeeded ? childPid(record) : undefined;
  if (child !== undefined) memory.fork(child, subject.pid);
  const pid = child ?? subject.pid;
  const parent = memory.find(pid)?.ppid;

  const recorded = findFiles(record);
  const files = syscall === 'posix_spawn' && succeeded ? withoutOpenedFile(recorded) : recorded;
  const [file, interpreter] = files;
  if (succeeded) memory.exec(pid, (interpreter ?? file)?.resolved);

  return {
    ...processEvent(origin, syscall, 'exec', subject),
    exit: result.exit,
    status: result.status,
    pid,
    ppid: parent,
    parent,
    exe: memory.find(pid)?.path,
    path: file?.resolved,
    argv: findToken(record.tokens, 'exec_args')?.args,
    env: findToken(record.tokens, 'exec_env')?.env,
    files: files.map(executedFile),
  };
};

/** @returns undefined for a fork that made no process, and if child or parent is missing in the record */
export const mapFork = (
  record: BsmRecord,
  origin: EventOrigin,
  syscall: string,
  memory: ProcessMemory,
): ProcessEvent | undefined => {
  const subject = findSubject(record);
  const result = findResult(record);
  if (subject === undefined || result?.bsmErrno !== 0) return undefined;
  const child = childPid(record) ?? (result.exit > 0 ? result.exit : undefined);
  if (child === undefined) return undefined;
  memory.fork(child, subject.pid);

  const path = memory.find(child)?.path;
  return {
    ...processEvent(origin, syscall, 'fork', subject),
    exit: result.exit,
    status: result.status,
    pid: child,
    ppid: subject.pid,
    parent: subject.pid,
    exe: path,
    path,
  };
};

/**
 * The end of a process; `exit` is its exit status.
 *
 * @returns undefined if the record does not say which process ended, or with which status
 */
export const mapExit = (
  record: BsmRecord,
  origin: EventOrigin,
  syscall: string,
  memory: ProcessMemory,
): ProcessEvent | undefined => {
  const subject = findSubject(record);
  if (subject === undefined) return undefined;
  const known = memory.find(subject.pid);
  memory.exit(subject.pid);
  const status = findToken(record.tokens, 'exit')?.status;
  if (status === undefined) return undefined;
  return {
    ...processEvent(origin, syscall, 'exit', subject),
    exit: status,
    status: 0,
    ppid: known?.ppid,
    parent: known?.ppid,
    exe: known?.path,
    path: known?.path,
  };
};

/**
 * A spawn that opens a file for its child (posix_spawn_file_actions_addopen, addchdir) leaves the path of that file
 * in the record, where the program's path should be. The program's own path and attributes are then missing, so what
 * ran is not known. Source: xnu, AUDITVNPATH1 in bsd/kern/kern_exec.c, audit_arg_upath and audit_arg_vnpath in
 * bsd/security/audit/audit_arg.c.
 */
const withoutOpenedFile = (files: readonly NamedFile[]): readonly NamedFile[] =>
  files.filter(({ attr }) => attr !== undefined);

const childPid = (record: BsmRecord): number | undefined => {
  const pid = findArgument(record, CHILD_PID_ARGUMENT);
  return pid === undefined || pid === 0 ? undefined : pid;
};

const processEvent = (
  origin: EventOrigin,
  syscall: string,
  action: ProcessEvent['action'],
  subject: Subject,
): Omit<ProcessEvent, 'exit' | 'status'> => ({
  kind: 'process',
  ...origin,
  action,
  syscall,
  pid: subject.pid,
  ppid: undefined,
  parent: undefined,
  auid: subject.auid,
  uid: subject.ruid,
  gid: subject.rgid,
  euid: subject.euid,
  egid: subject.egid,
  suid: undefined,
  sgid: undefined,
  fsuid: undefined,
  fsgid: undefined,
  ses: subject.sid,
  tty: undefined,
  comm: undefined,
  exe: undefined,
  path: undefined,
  cwd: undefined,
  argv: undefined,
  env: undefined,
  files: [],
});

/** The device in the token is that of a device file itself; the device of the file system is the fsid. */
const executedFile = ({ asked, attr }: NamedFile): ExecutedFile => ({
  mode: attr && `0${attr.mode.toString(8)}`,
  ouid: attr?.uid,
  ogid: attr?.gid,
  inode: attr && String(attr.node),
  dev: attr && darwinDevice(attr.fsid),
  name: asked,
});

/** macOS: 8 bits major, 24 bits minor. Source: xnu, sys/types.h. */
const darwinDevice = (device: number): string =>
  [device >>> 24, device & 0xffffff].map(part => part.toString(16).padStart(2, '0')).join(':');
