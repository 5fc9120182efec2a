import type { processEvents } from '../process_events.ts';
import type { FactsOf } from './column-facts.ts';
import { actorFacts, containerFacts, eventFacts, ON_DEMAND, orNullIf, witnessFacts } from './common.ts';

const { comm, tty, ses, exit, ...ids } = actorFacts;
const NO_EXEC = 'the row is of a fork or a signal';
const LOST_ARGUMENTS = `${NO_EXEC}; or a record of the arguments was lost`;
const ONLY_SIGNALS = 'the row is not of a signal';

export const processEventsFacts: FactsOf<(typeof processEvents)['spec']['columns']> = {
  pid: {
    is: 'The process; of a fork the child, of a signal the sender.',
    from: 'SYSCALL pid; of a fork SYSCALL exit',
  },
  path: {
    is: 'The program that runs now: of a script its interpreter.',
    from: 'SYSCALL exe',
    nullIf: 'the kernel recorded none; or, of forks and signals, the user has claimed another program',
  },
  mode: {
    is: 'Type and permissions of the file that was executed, in octal; of forks and signals only permissions.',
    from: 'first PATH mode; of forks and signals the file behind `/proc/PID/exe`',
    nullIf: 'the PATH record was lost, or the file could not be looked at',
  },
  cmdline: {
    is: 'All arguments, joined by spaces. What is longer than a row may be ends in `…[cut]`.',
    from: 'EXECVE a0, a1 …',
    nullIf: LOST_ARGUMENTS,
  },
  cmdline_size: {
    is: 'Bytes of the whole command line, even if it was cut.',
    from: 'EXECVE',
    nullIf: LOST_ARGUMENTS,
  },
  env: {
    is: 'Environment; on Linux always empty.',
    from: 'not recorded by Linux; on macOS the exec_env token',
  },
  env_count: { is: 'Number of variables; on Linux always 0.', from: 'as `env`' },
  env_size: { is: 'Bytes of the variables; on Linux always 0.', from: 'as `env`' },
  cwd: { is: 'Working directory.', from: 'CWD cwd', nullIf: `${NO_EXEC}; or the record was lost` },
  ...ids,
  owner_uid: {
    is: 'Owner of the file that was executed; of a fork 0, as in osquery.',
    from: 'first PATH ouid',
    nullIf: 'the row is of a signal; or the record was lost',
  },
  owner_gid: {
    is: 'Group of the file that was executed; of a fork 0, as in osquery.',
    from: 'first PATH ogid',
    nullIf: 'the row is of a signal; or the record was lost',
  },
  atime: {
    is: 'Last access of the file that runs, in seconds; 0: it could not be looked at.',
    from: 'stat of `/proc/PID/exe`',
  },
  mtime: { is: 'Last change of its content; 0: as `atime`.', from: 'as `atime`' },
  ctime: { is: 'Last change of its attributes; 0: as `atime`.', from: 'as `atime`' },
  btime: { is: 'Always 0, as in osquery.', from: 'nothing' },
  overflows: { is: 'Always empty: nothing overflows here.', from: 'nothing' },
  parent: {
    is: 'The parent process; -1: not known.',
    from: 'SYSCALL ppid; of a fork SYSCALL pid',
  },
  time: eventFacts.time,
  uptime: eventFacts.uptime,
  eid: eventFacts.eid,
  status: {
    is: 'On macOS the errno of the call.',
    from: 'the return token',
    nullIf: 'always, on Linux',
    example: '2',
  },
  syscall: {
    is: 'Name of the system call: `execve`, `execveat`, `fork`, `vfork`, `clone`, `clone3`, `kill`, `tkill`, `tgkill`.',
    from: 'SYSCALL arch and syscall',
  },
  argv: { is: 'The arguments as a JSON array.', from: 'EXECVE a0, a1 …', nullIf: LOST_ARGUMENTS },
  comm,
  exe: { is: 'The same as `path`.', from: 'SYSCALL exe', nullIf: 'the kernel recorded none' },
  tty,
  ses,
  ppid: {
    is: 'Parent of the process that made the call.',
    from: 'SYSCALL ppid',
    nullIf: 'the record lacks it',
  },
  exit,
  ...witnessFacts,
  node: eventFacts.node,
  target_pid: {
    is: 'Who received the signal; a negative number is a process group, -1 all.',
    from: 'OBJ_PID opid, else SYSCALL a0',
    nullIf: ONLY_SIGNALS,
  },
  target_path: {
    is: 'Program of the receiver.',
    from: 'the program that was last seen to run there, or `/proc/PID/exe`',
    nullIf: `${ONLY_SIGNALS}; several received it; or the receiver was gone`,
    example: '/usr/bin/sleep',
  },
  signal: {
    is: 'Number of the signal; 0 only asks whether the process exists.',
    from: 'SYSCALL a1 (tgkill: a2)',
    nullIf: ONLY_SIGNALS,
  },
  ...orNullIf(
    {
      parent_path: {
        is: 'Program of the parent.',
        from: 'the Event Model: the process tree',
        nullIf: 'the parent ran before this program began and had ended',
        example: '/usr/bin/bash',
      },
      parent_cmdline: {
        is: 'Command line of the parent.',
        from: 'the Event Model: the process tree',
        nullIf: 'the parent ran before this program began and had ended',
        example: 'bash -l',
      },
      username: {
        is: 'Name of the real user, as the process itself sees it.',
        from: 'the accounts of the host or of the container',
        nullIf: 'the user has no name, or the look-up took too long',
        example: 'alice',
      },
      sha256: {
        is: 'SHA-256 of the file that ran.',
        from: 'the file with the recorded device and inode',
        nullIf: 'the file is gone, has changed, is too large, or nothing proves that it is what ran',
        example: 'a3d987dd…',
      },
      namespace_uid: {
        is: 'The user in the user namespace of its container.',
        from: '`/proc/PID/uid_map`',
        nullIf: 'the process sees the accounts of the host',
        example: '0',
      },
      ...containerFacts,
    },
    ON_DEMAND,
  ),
};
