import type { FileEvent } from './audit-event.ts';
import type { RecordGroup } from './correlator.ts';
import { type FileCallName, type FileOperation, fileCall } from './file-calls.ts';
import { cwdOf, fileEvent, readPathItems } from './file-event.ts';
import { type FileContext, FilePaths, type Located, rememberPaths } from './file-paths.ts';
import type { SyscallRecord } from './syscall-record.ts';
import type { UringopRecord } from './uringop-record.ts';

/**
 * Operations that change, or open, what has a path, by the calls that do the same. Of ftruncate and fallocate the kernel records
 * no path. Source: enum io_uring_op in linux/io_uring.h.
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

/** Their numbers. */
export const uringFileOperations: readonly number[] = Object.keys(CALL_OF).map(Number);

/** Who did an operation, and what is not known of that. */
type Actor = Pick<FileEvent, 'auid' | 'ses' | 'tty' | 'comm' | 'exe'>;
const NOBODY: Actor = { auid: undefined, ses: undefined, tty: undefined, comm: undefined, exe: undefined };

/**
 * Makes the events of what was done to files through io_uring. Opens of files that are at hand are done in io_uring_enter itself,
 * with path and program; flags are not recorded, so that they may be accesses. All else is done by a thread of the kernel:
 * there the records have inodes and no names. A path is known where the inode was seen by it before; what is new has none, so the
 * event is partial. An operation that failed looks like one that did not: what was to be there and has no inode was not made.
 * Source: io_uring/fs.c and io_uring/openclose.c; __audit_inode_child in kernel/auditsc.c.
 *
 * @param submission the io_uring_enter in which they were done; undefined for one that a kernel thread did
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
  // Which of them opened which file cannot be told, and all opens look alike.
  if (submission !== undefined) return there.map(item => event('open', paths.locate(OPEN, [item])));
  const call = fileCall(CALL_OF[first.operation] ?? '');
  if (call === undefined) return [];
  const { operation = 'open' } = call;
  const isMade = !MAKES.has(operation) || there.some(({ type }) => type === 'CREATE');
  return isMade ? [event(operation, paths.locate(call, there))] : [];
};

const OPEN = { operation: undefined, directory: 0 } as const;

/** What has been done only where there is something new. */
const MAKES: ReadonlySet<FileOperation> = new Set(['rename', 'link', 'symlink', 'mkdir']);

const actorOf = ({ auid, ses, tty, comm, exe }: SyscallRecord): Actor => ({ auid, ses, tty, comm, exe });
