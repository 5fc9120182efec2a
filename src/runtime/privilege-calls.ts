import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { capabilityHeader, parseThreadStatus, type ThreadPrivileges } from './capabilities.ts';
import type { PrivilegeCalls } from './keep-capabilities.ts';
import { addressOf, errno, libc } from './libc.ts';

const { EINVAL } = constants.errno;

/** Holds the pid of the process that starts anew: an exec keeps the pid, a child has another. */
const MARK = 'OSQUERY_AUDIT_EVENTS_RESTARTED';
/** fcntl.h */
const F_SETFD = 2;
/** The file that this process runs, even if its name leads to another by now. */
const OWN_PROGRAM = '/proc/self/exe';

/** The calls on Linux. */
export const privilegeCalls = (): PrivilegeCalls => {
  const prctl: (option: number, second: number, third: number, fourth: number, fifth: number) => number =
    libc.func('int prctl(int option, ulong second, ulong third, ulong fourth, ulong fifth)');
  const capset: (header: Uint8Array, data: Uint8Array) => number = libc.func(
    'int capset(void *header, void *data)',
  );
  const result = (returned: number): number => (returned < 0 ? errno() : 0);
  return {
    threads: ownThreads,
    prctl: (option, second, third) => result(prctl(option, second, third, 0, 0)),
    capset: sets => result(capset(capabilityHeader(), sets)),
    wasRestarted: () => {
      const was = process.env[MARK] === String(process.pid);
      delete process.env[MARK];
      return was;
    },
    restart: () => {
      const argv = ownArguments();
      if (argv.length === 0) return EINVAL;
      const fcntl: (fd: number, command: number, flags: number) => number = libc.func(
        'int fcntl(int fd, int command, int flags)',
      );
      const execv: (path: string, argv: Uint8Array) => number = libc.func(
        'int execv(const char *path, void *argv)',
      );
      // Node has marked the standard streams to be closed at an exec.
      for (const fd of [0, 1, 2]) fcntl(fd, F_SETFD, 0);
      process.env[MARK] = String(process.pid);
      const pointers = BigUint64Array.from([...argv.map(addressOf), 0n]);
      const outcome = result(execv(OWN_PROGRAM, new Uint8Array(pointers.buffer)));
      delete process.env[MARK];
      return outcome;
    },
  };
};

const ownThreads = (): readonly ThreadPrivileges[] => {
  const statusOf = (id: number): ThreadPrivileges | undefined => {
    try {
      return parseThreadStatus(readFileSync(`/proc/self/task/${id}/status`, 'latin1'));
    } catch {
      // The thread ended.
      return undefined;
    }
  };
  // The main thread's id is the process's own.
  const others = taskIds().filter(id => id !== process.pid);
  return [process.pid, ...others].map(statusOf).filter(thread => thread !== undefined);
};

const taskIds = (): readonly number[] => {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [];
  }
};

/** Byte for byte, each with its terminating zero, because arguments need not be text. */
const ownArguments = (): readonly Uint8Array[] => {
  const bytes = readFileSync('/proc/self/cmdline');
  const found: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    if (end < 0) break;
    // A copy in a buffer of its own.
    found.push(Uint8Array.from(bytes.subarray(start, end + 1)));
    start = end + 1;
  }
  return found;
};
