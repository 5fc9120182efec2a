import type { processFileEvents } from '../process_file_events.ts';
import type { FactsOf } from './column-facts.ts';
import { actorFacts, eventFacts } from './common.ts';

const URING = 'a kernel thread did the work (io_uring)';
const { uid, gid, auid, euid, egid, fsuid, fsgid, suid, sgid, comm, tty, ses } = actorFacts;

export const processFileEventsFacts: FactsOf<(typeof processFileEvents)['spec']['columns']> = {
  operation: {
    is: '`write`, `open+truncate`, `open` (created without writing), `read`, `rename`, `link`, `symlink`, `unlink`, `mkdir`, `mknod`, `chmod`, `chown`, `setxattr`, `removexattr`, `utimes`, `setattr`.',
    from: 'SYSCALL syscall and the flags of an open',
  },
  pid: { is: 'The process.', from: 'SYSCALL pid' },
  ppid: { is: 'Its parent.', from: 'SYSCALL ppid', nullIf: 'the record lacks it' },
  time: eventFacts.time,
  executable: { is: 'Its program.', from: 'SYSCALL exe', nullIf: URING },
  partial: {
    is: '`true` if a path could not be determined, else `false`.',
    from: 'worked out here',
  },
  cwd: { is: 'Working directory.', from: 'CWD cwd', nullIf: `the record was lost; or ${URING}` },
  path: {
    is: 'The file, with its whole path as the process sees it.',
    from: 'PATH name, with CWD or the directory behind a descriptor',
    nullIf: 'the file has no name (O_TMPFILE), or none was recorded',
  },
  dest_path: {
    is: 'The new name of a rename or link; of a symlink its own path.',
    from: 'as `path`',
    nullIf: 'the operation makes no new name',
  },
  uid,
  gid,
  auid: { ...auid, nullIf: URING },
  euid,
  egid,
  fsuid,
  fsgid,
  suid,
  sgid,
  uptime: eventFacts.uptime,
  eid: eventFacts.eid,
  category: {
    is: 'Category of `file_paths` that watches the path.',
    from: 'the configuration',
    nullIf: 'no entry mentions the path as it is written, as in containers; or the event is recorded',
    example: 'configuration',
  },
  syscall: {
    is: 'Name of the system call; `io_uring_enter` of operations of io_uring.',
    from: 'SYSCALL arch and syscall',
  },
  comm,
  tty,
  ses,
  inode: { is: 'Inode of the file.', from: 'PATH inode', nullIf: 'the record was lost' },
  mode: {
    is: 'Type and permissions, in octal, before the change.',
    from: 'PATH mode',
    nullIf: 'the record was lost',
  },
  owner_uid: { is: 'Owner of the file.', from: 'PATH ouid', nullIf: 'the record was lost' },
  owner_gid: { is: 'Group of the file.', from: 'PATH ogid', nullIf: 'the record was lost' },
  audit_id: eventFacts.audit_id,
  node: eventFacts.node,
};
