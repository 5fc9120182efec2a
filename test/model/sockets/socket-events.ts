import type { SocketEvent } from '../../../src/audit/audit-event.ts';
import { exec } from '../process-events.ts';

/** A connect by descriptor 3 of pid 100 to 10.0.0.1:443 that succeeded, but for what is said. */
export const socketEvent = (facts: Partial<SocketEvent> = {}): SocketEvent => {
  const { seconds, milliseconds, serial, pid, ppid, auid, uid, gid, euid, egid } = exec({ pid: 100 });
  return {
    ...{ seconds, milliseconds, serial, pid, ppid, auid, uid, gid, euid, egid },
    ...{ suid: 0, sgid: 0, fsuid: 0, fsgid: 0, ses: 0, tty: undefined, comm: undefined, exe: undefined },
    kind: 'socket',
    action: 'connect',
    syscall: 'connect',
    fd: 3,
    family: 2,
    protocol: undefined,
    local: undefined,
    remote: { address: '10.0.0.1', port: 443 },
    socket: undefined,
    outcome: 'succeeded',
    exit: 0,
    ...facts,
  };
};
