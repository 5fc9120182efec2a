import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditEvent, SocketEvent } from '../../src/audit/audit-event.ts';
import { Interpreter } from '../../src/audit/interpreter.ts';
import type { SyscallName } from '../../src/audit/syscalls.ts';
import { group, STAMP, saddrFields, sockaddrIn, syscallFields } from './kernel-records.ts';

const SYSCALL = 1300;
const SOCKADDR = 1306;
const CONFIG_CHANGE = 1305;
const URINGOP = 1336;

type Records = readonly (readonly [type: number, fields: string])[];

/** audit_log_uring */
const uringop = (op: number, exit = 0, pid = 13993): Records[number] => [
  URINGOP,
  `uring_op=${op} success=${exit < 0 ? 'no' : 'yes'} exit=${exit} items=0 ppid=13983 pid=${pid} uid=1 gid=2 euid=3 suid=4 fsuid=5 egid=6 sgid=7 fsgid=8 key="k"`,
];
const CONNECT = 16;
const ACCEPT = 13;
const BIND = 56;
const EAGAIN = -11;
const enter: Records[number] = [SYSCALL, syscallFields({ syscall: 426, items: 0, a0: '3', exit: 1 })];
const address = (port = 443): Records[number] => [SOCKADDR, saddrFields(sockaddrIn('192.0.2.1', port))];
const netlink: Records[number] = [SOCKADDR, 'saddr=100000000000000000000000'];

const ALL: ReadonlySet<SyscallName> = new Set(['bind', 'connect', 'accept', 'accept4', 'execve']);
const reader = (syscalls = ALL) => {
  const interests = { syscalls, userMessages: false, reports: new Set<number>(), datagrams: false };
  const interpreter = new Interpreter(interests, () => 'process');
  return {
    counters: interpreter.counters,
    read: (...records: Records): readonly AuditEvent[] => interpreter.interpret(group(...records)),
  };
};
const read = (...records: Records): readonly SocketEvent[] =>
  reader().read(...records) as readonly SocketEvent[];
const summary = (events: readonly AuditEvent[]) =>
  events.map(event => {
    if (event.kind !== 'socket') return event.kind;
    const { action, local, remote, outcome } = event;
    return [action, (local ?? remote)?.port, outcome];
  });

const PEER = { address: '192.0.2.1', port: 443 };

describe('operations of io_uring', () => {
  it('have everything their records say, and nothing of what they do not', () => {
    expect(read(uringop(CONNECT), enter, address())).toEqual([
      {
        kind: 'socket',
        ...STAMP,
        action: 'connect',
        syscall: 'io_uring_enter',
        fd: undefined,
        family: 2,
        protocol: undefined,
        local: undefined,
        remote: PEER,
        socket: undefined,
        // A connect that was refused has exit=0, too.
        outcome: undefined,
        exit: undefined,
        pid: 13993,
        ppid: 13983,
        auid: 1000,
        uid: 1,
        gid: 2,
        euid: 3,
        suid: 4,
        fsuid: 5,
        egid: 6,
        sgid: 7,
        fsgid: 8,
        tty: 'pts0',
        ses: 9,
        comm: 'echo',
        exe: '/usr/bin/echo',
      },
    ]);
  });

  it('know the actor only as far as recorded where a kernel thread has done them', () => {
    expect(read(uringop(BIND), address())).toMatchObject([
      { action: 'bind', pid: 13993, uid: 1, local: PEER, auid: undefined, exe: undefined },
    ]);
  });

  it('are one event, however often tried', () => {
    expect(
      summary(read(uringop(CONNECT, EAGAIN), uringop(CONNECT, EAGAIN), uringop(CONNECT), enter, address())),
    ).toEqual([['connect', 443, undefined]]);
  });

  it('are an event when they begin, and so is the end of a connect, which has no address: it may be that of another', () => {
    const { read } = reader();
    expect(summary(read(uringop(CONNECT, EAGAIN), enter, address()))).toEqual([
      ['connect', 443, 'in_progress'],
    ]);
    expect(summary(read(uringop(CONNECT, EAGAIN, 7), enter, address(80)))).toEqual([
      ['connect', 80, 'in_progress'],
    ]);
    expect(summary(read(uringop(CONNECT)))).toEqual([['connect', undefined, undefined]]);
    // Handed over to a kernel thread, behind one that waits for ever.
    expect(read(uringop(CONNECT, EAGAIN))).toEqual([]);
    expect(summary(read(uringop(CONNECT)))).toEqual([['connect', undefined, undefined]]);
    expect(summary(read(uringop(CONNECT, 0, 7)))).toEqual([['connect', undefined, undefined]]);
  });

  it('an accept is an event when its client has come', () => {
    const { read } = reader();
    expect(read(uringop(ACCEPT, EAGAIN), enter)).toEqual([]);
    expect(summary(read(uringop(ACCEPT), address()))).toEqual([['accept', 443, 'succeeded']]);
    expect(summary(read(uringop(ACCEPT), enter))).toEqual([['accept', undefined, undefined]]);
  });

  it('have the one address that is kept of several, if they all do the same', () => {
    expect(summary(read(uringop(CONNECT), uringop(CONNECT), enter, address()))).toEqual([
      ['connect', undefined, undefined],
      ['connect', 443, undefined],
    ]);
    expect(summary(read(uringop(BIND), uringop(CONNECT), enter, address()))).toEqual([
      ['bind', undefined, undefined],
      ['connect', undefined, undefined],
    ]);
  });

  it('leave the address of another system call in whose course they were done to that call', () => {
    const connect: Records = [[SYSCALL, syscallFields({ syscall: 42, items: 0, a0: '4' })], address(80)];
    expect(summary(read(uringop(CONNECT), ...connect))).toEqual([
      ['connect', 80, 'succeeded'],
      ['connect', undefined, undefined],
    ]);
    const { read: readOther, counters } = reader();
    const other: Records[number] = [SYSCALL, syscallFields({ syscall: 0, items: 0, a0: '4' })];
    expect(summary(readOther(uringop(CONNECT), other))).toEqual([['connect', undefined, undefined]]);
    expect(counters.filtered).toBe(0);
  });

  it('make no event of other address families, other operations, and what nobody wants', () => {
    const { read, counters } = reader(new Set(['connect', 'bind']));
    expect(read(uringop(CONNECT), enter, netlink)).toEqual([]);
    expect(read(uringop(9), enter, address())).toEqual([]);
    expect(read(uringop(ACCEPT), enter, address())).toEqual([]);
    expect(counters).toEqual({ filtered: 3, malformed: 0, incomplete: 0, unusable: 0, unknownArch: 0 });
  });

  it('are counted when their record cannot be read', () => {
    const { read, counters } = reader();
    expect(read([URINGOP, 'uring_op=x pid=1'], enter, address())).toEqual([]);
    expect(read([URINGOP, 'uring_op=16 exit=0 pid=1 uid=0'], enter, address())).toEqual([]);
    expect(read(uringop(CONNECT), [SYSCALL, 'arch=c000003e'], address())).toEqual([]);
    expect(counters).toEqual({ filtered: 0, malformed: 3, incomplete: 0, unusable: 0, unknownArch: 0 });
  });

  it('are found behind records raised before them', () => {
    expect(summary(read([CONFIG_CHANGE, 'op=x'], uringop(CONNECT), enter, address()))).toEqual([
      ['connect', 443, undefined],
    ]);
  });

  it('cut off anywhere they are an event, or counted', () => {
    const [, fields] = uringop(CONNECT);
    for (let length = 0; length < fields.length; length++) {
      const { read, counters } = reader();
      const events = read([URINGOP, fields.slice(0, length)], enter, address());
      expect(events.length + counters.malformed + counters.filtered).toBe(1);
      if (length < fields.indexOf(' sgid'))
        expect(events.filter(({ kind }) => kind !== 'socket')).toEqual([]);
    }
  });

  it('of any content make events, or are counted', () => {
    const record = fc.oneof(
      fc.tuple(fc.constant(URINGOP), fc.string({ unit: 'binary-ascii' })),
      fc
        .tuple(fc.constantFrom(CONNECT, ACCEPT, BIND, 9), fc.constantFrom(0, EAGAIN), fc.nat(5))
        .map(args => uringop(...args)),
      fc.constantFrom(enter, address(), netlink),
    );
    fc.assert(
      fc.property(fc.array(fc.array(record, { minLength: 1, maxLength: 5 }), { maxLength: 10 }), groups => {
        const { read, counters } = reader();
        for (const records of groups) {
          const before = Object.values(counters).reduce((sum, count) => sum + count);
          const operations = records.filter(([type]) => type === URINGOP).length;
          const events = read(...records);
          const after = Object.values(counters).reduce((sum, count) => sum + count);
          expect(events.length).toBeLessThanOrEqual(operations);
          expect(after - before).toBe(events.length === 0 ? 1 : 0);
        }
      }),
    );
  });
});
