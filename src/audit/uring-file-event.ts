import type { FileEvent } from './audit-event.ts';
import type { RecordGroup } from './correlator.ts';
import { type FileCallName, type FileOperation, fileCall } from './file-calls.ts';
import { cwdOf, fileEvent, readPathItems } from './file-event.ts';
import { type FileContext, FilePaths, type Located, rememberPaths } from './file-paths.ts';
import type { SyscallRecord } from './syscall-record.ts';
import type { UringopRecord } from './uringop-record.ts';

/**
 * Operations that open, or change, something that has a path, each with the system call that does the same. ftruncate and fallocate
 * are missing because the kernel records no path for them. Source: enum io_uring_op in linux/io_uring.h.
 */
const CALL_OF: Readonly<Record<number, FileCallName>> = {
  18: 'openat',
  28: 'openat2',
  35: 'renameat2',
  36: 'unlinkat',
  37: 'mkdirat',
  38: 'symlinkat',
  39: 'linkat',
  41: 'fsetxattr',
  42: 'setxattr',
};

/** The numbers of these operations. */
export const uringFileOperations: readonly number[] = Object.keys(CALL_OF).map(Number);

/** The fields that say who did an operation; for a kernel thread they are unknown. */
type Actor = Pick<FileEvent, 'auid' | 'ses' | 'tty' | 'comm' | 'exe'>;
const NOBODY: Actor = { auid: undefined, ses: undefined, tty: undefined, comm: undefined, exe: undefined };

/**
 * Makes the events of file operations through io_uring. Opens of files in the kernel's cache run in io_uring_enter itself, and have
 * path and program; their flags are not recorded, so they may be accesses. Other operations run in a thread of the kernel, and their
 * records have inodes but no names: a path is known if an earlier event showed it for the inode; new files have none, so the event is
 * partial. A failed operation looks like a successful one, except that a file it should have made has no inode.
 * Source: io_uring/fs.c and io_uring/openclose.c; __audit_inode_child in kernel/auditsc.c.
 *
 * @param submission the io_uring_enter in which the operations ran; undefined if a kernel thread ran them
 */
export const readUringFileEvents = (
  group: RecordGroup,
  operations: readonly UringopRecord[],
  submission: SyscallRecord | undefined,
  context: FileContext,
): readonly FileEvent[] => {
  const items = readPathItems(group);
  const there = items.filter(({ type, identity }) => type !== 'PARENT' && identity !== undefined);
  const done = operations.filter(({ isPending }) => !isPending);
  const [first] = done;
  if (first === undefined || there.length === 0) return [];
  const cwd = cwdOf(group);
  const paths = new FilePaths({ pid: first.pid, cwd, args: [] }, items, context);
  const event = (operation: FileOperation, located: Located): FileEvent => {
    rememberPaths(located, items, context.known);
    const actor = { ...first, ...(submission === undefined ? NOBODY : actorOf(submission)) };
    return fileEvent(group, actor, {
      operation,
      syscall: 'io_uring_enter',
      exit: undefined,
      cwd,
      ...located,
    });
  };
  // It cannot be determined which operation opened which file, but the events of all opens are alike.
  if (submission !== undefined) return there.map(item => event('open', paths.locate(OPEN, [item])));
  const call = fileCall(CALL_OF[first.operation] ?? '');
  if (call === undefined) return [];
  const { operation = 'open' } = call;
  const isMade = !MAKES.has(operation) || there.some(({ type }) => type === 'CREATE');
  return isMade ? [event(operation, paths.locate(call, there))] : [];
};

const OPEN = { operation: undefined, directory: 0 } as const;

/** Operations that succeeded only if there is a new name. */
const MAKES: ReadonlySet<FileOperation> = new Set(['rename', 'link', 'symlink', 'mkdir']);

const actorOf = ({ auid, ses, tty, comm, exe }: SyscallRecord): Actor => ({ auid, ses, tty, comm, exe });
