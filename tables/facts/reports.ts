/** The tables of records that a part of the kernel writes by itself: SELinux, AppArmor, seccomp. */
import type { apparmorEvents } from '../apparmor_events.ts';
import type { seccompEvents } from '../seccomp_events.ts';
import type { selinuxEvents } from '../selinux_events.ts';
import type { ColumnFacts, FactsOf } from './column-facts.ts';
import { eventFacts } from './common.ts';

const field = (is: string, name: string, example?: string): ColumnFacts => ({
  is,
  from: `the record: ${name}`,
  nullIf: 'the record does not have it',
  ...(example === undefined ? {} : { example }),
});

const message = { is: 'The whole record.', from: 'the record' } as const;
const { time, uptime, eid, audit_id, node } = eventFacts;

export const selinuxEventsFacts: FactsOf<(typeof selinuxEvents)['spec']['columns']> = {
  type: {
    is: 'Name of the record type: `AVC`, `MAC_STATUS`, `MAC_POLICY_LOAD` …',
    from: 'the header of the record',
  },
  message,
  time,
  uptime,
  eid,
  audit_id,
  node,
};

export const apparmorEventsFacts: FactsOf<(typeof apparmorEvents)['spec']['columns']> = {
  type: {
    is: '`AA`; with older kernels `APPARMOR_DENIED`, `APPARMOR_ALLOWED` …',
    from: 'the header of the record',
  },
  message,
  time,
  uptime,
  eid,
  apparmor: field('`DENIED`, `ALLOWED`, `AUDIT`, `STATUS` …', 'apparmor'),
  operation: field('What was tried: `open`, `exec`, `profile_load` …', 'operation'),
  parent: field('Parent process, as older kernels write it.', 'parent', '1'),
  profile: field('Profile that decided.', 'profile'),
  name: field('The file or other object.', 'name'),
  pid: field('The process.', 'pid'),
  comm: field('Name of its thread.', 'comm'),
  denied_mask: field('Accesses that were denied: `r`, `w`, `x` …', 'denied_mask', 'r'),
  capname: field('Name of the capability.', 'capname', 'sys_admin'),
  fsuid: field('User for access to files.', 'fsuid', '1000'),
  ouid: field('Owner of the file.', 'ouid', '0'),
  capability: field('Number of the capability.', 'capability', '21'),
  requested_mask: field('Accesses that were asked for.', 'requested_mask', 'r'),
  info: field('What the kernel adds.', 'info', 'Failed name lookup - disconnected path'),
  error: field('The errno.', 'error', '-13'),
  namespace: field('AppArmor namespace.', 'namespace', 'root//lxd-c1'),
  label: field('Label of the other side.', 'label', 'unconfined'),
  audit_id,
  node,
};

export const seccompEventsFacts: FactsOf<(typeof seccompEvents)['spec']['columns']> = {
  time,
  uptime,
  auid: field('Login user; 4294967295: nobody logged in.', 'auid'),
  uid: field('Real user.', 'uid'),
  gid: field('Real group.', 'gid'),
  ses: field('Audit session; 4294967295: none.', 'ses'),
  pid: field('The process.', 'pid'),
  comm: field('Name of the thread.', 'comm'),
  exe: field('The program.', 'exe'),
  sig: field('Signal that it got; 0: none.', 'sig'),
  arch: field('Architecture of the call, as `X86_64`.', 'arch'),
  syscall: field('Name of the system call.', 'syscall'),
  compat: field('1 for a call of a 32-bit program.', 'compat'),
  ip: field('Instruction pointer.', 'ip'),
  code: field('What the filter did: `LOG`, `ERRNO`, `TRAP`, `KILL_THREAD`, `KILL_PROCESS` …', 'code'),
  eid,
  audit_id,
  node,
};
