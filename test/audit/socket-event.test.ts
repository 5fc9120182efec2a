import { describe, expect, it } from 'vitest';
import type { SocketEvent } from '../../src/audit/audit-event.ts';
import { readSocketEvent, SockaddrReader, type SocketReading } from '../../src/audit/socket-event.ts';
import { SyscallReader } from '../../src/audit/syscall-record.ts';
import type { SyscallName } from '../../src/audit/syscalls.ts';
import {
  group,
  record,
  STAMP,
  type SyscallValues,
  saddrFields,
  sockaddrIn,
  sockaddrIn6,
  syscallFields,
} from './kernel-records.ts';

const syscalls = new SyscallReader();
const addresses = new SockaddrReader();

const SYSCALL = 1300;
const SOCKETCALL = 1304;
const SOCKADDR = 1306;
const CALLS: ReadonlySet<SyscallName> = new Set([
  ...(['bind', 'connect', 'accept', 'accept4'] as const),
  ...(['sendto', 'sendmsg', 'sendmmsg'] as const),
]);
const BIND = { syscall: 49, items: 0, a0: '3' };
const CONNECT = { syscall: 42, items: 0, a0: '4' };
const ACCEPT = { syscall: 43, items: 0, a0: '3', exit: 5 };
const ACCEPT4 = { syscall: 288, items: 0, a0: '3', exit: 5 };

type Records = readonly (readonly [number, string])[];
const read = (values: SyscallValues, ...records: Records): SocketReading => readWith(true, values, records);
const readWithout = (values: SyscallValues, ...records: Records): SocketReading =>
  readWith(false, values, records);
const readWith = (datagrams: boolean, values: SyscallValues, records: Records): SocketReading => {
  const fields = syscallFields(values);
  const reading = syscalls.read(record(SYSCALL, fields), CALLS);
  if (reading.kind !== 'syscall') throw new Error(`the SYSCALL record is ${reading.kind}`);
  return readSocketEvent(group([SYSCALL, fields], ...records), reading.syscall, addresses, datagrams);
};
const withAddress = (values: SyscallValues, sockaddr: Uint8Array): SocketReading =>
  read(values, [SOCKADDR, saddrFields(sockaddr)]);
const eventOf = (reading: SocketReading): SocketEvent => {
  if (reading.kind !== 'event') throw new Error(`the event is ${reading.kind}`);
  return reading.event;
};

const INET = sockaddrIn('192.0.2.1', 443);
const ADDRESS = { address: '192.0.2.1', port: 443 };

describe('readSocketEvent', () => {
  it('has everything its records say', () => {
    expect(eventOf(withAddress(CONNECT, INET))).toEqual({
      kind: 'socket',
      ...STAMP,
      action: 'connect',
      syscall: 'connect',
      fd: 4,
      family: 2,
      protocol: undefined,
      local: undefined,
      remote: ADDRESS,
      socket: undefined,
      outcome: 'succeeded',
      exit: 0,
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
    });
  });

  it.each([
    ['bind', BIND, { local: ADDRESS, remote: undefined }],
    ['connect', CONNECT, { local: undefined, remote: ADDRESS }],
    ['accept', ACCEPT, { local: undefined, remote: ADDRESS }],
    ['accept', ACCEPT4, { local: undefined, remote: ADDRESS }],
  ])('%s of %j names that side of the connection', (action, values, sides) => {
    expect(eventOf(withAddress(values, INET))).toMatchObject({ action, ...sides });
  });

  it('writes IPv6 as RFC 5952 does', () => {
    const mapped = Buffer.from('00000000000000000000ffffc0000201', 'hex');
    expect(eventOf(withAddress(CONNECT, sockaddrIn6(mapped, 80)))).toMatchObject({
      family: 10,
      remote: { address: '::ffff:192.0.2.1', port: 80 },
    });
    const loopback = Buffer.from('00000000000000000000000000000001', 'hex');
    expect(eventOf(withAddress(BIND, sockaddrIn6(loopback, 0)))).toMatchObject({
      family: 10,
      local: { address: '::1', port: 0 },
    });
  });

  it('takes a UNIX socket by its path', () => {
    const unix = Buffer.from('\x01\0/run/my socket\0junk', 'latin1');
    expect(eventOf(withAddress(CONNECT, unix))).toMatchObject({
      family: 1,
      socket: '/run/my socket',
      local: undefined,
      remote: undefined,
    });
    expect(eventOf(withAddress(ACCEPT, Buffer.from([1, 0])))).toMatchObject({ family: 1, socket: '' });
  });

  it.each([
    ['connect', CONNECT, 'yes', 0, 'succeeded'],
    ['connect', CONNECT, 'no', -115, 'in_progress'],
    ['connect', CONNECT, 'no', -4, 'in_progress'],
    ['connect', CONNECT, 'no', -111, 'failed'],
    ['connect', CONNECT, 'no', -11, 'failed'],
    ['bind', BIND, 'no', -98, 'failed'],
    ['bind', BIND, 'no', -115, 'failed'],
    ['accept', ACCEPT, 'yes', 5, 'succeeded'],
    ['accept4', ACCEPT4, 'no', -11, 'no_client'],
    ['accept', ACCEPT, 'no', -115, 'failed'],
    ['accept', ACCEPT, 'no', -22, 'failed'],
  ])('%s %j success=%s exit=%i is %s', (_, values, success, exit, outcome) => {
    expect(eventOf(withAddress({ ...values, success, exit }, INET))).toMatchObject({ outcome, exit });
  });

  it('an accept stands without an address: nobody came, or the program did not ask who', () => {
    expect(eventOf(read({ ...ACCEPT4, success: 'no', exit: -11 }))).toMatchObject({
      outcome: 'no_client',
      family: undefined,
      remote: undefined,
      socket: undefined,
    });
    expect(eventOf(read(ACCEPT))).toMatchObject({ outcome: 'succeeded', exit: 5, family: undefined });
  });

  it.each([
    ['no address of a connect', CONNECT, []],
    ['no address of a bind', BIND, []],
    ['an address that is not hex', CONNECT, [[SOCKADDR, 'saddr=xyz']]],
    ['a record without an address', CONNECT, [[SOCKADDR, 'fam=inet']]],
    ['an address shorter than its family', CONNECT, [[SOCKADDR, 'saddr=020001BB7F']]],
    ['a short address of an accept', ACCEPT, [[SOCKADDR, 'saddr=0A00']]],
    ['no bytes at all', CONNECT, [[SOCKADDR, 'saddr=']]],
  ] as const)('%s is incomplete', (_, values, records) => {
    expect(read(values, ...records)).toEqual({ kind: 'incomplete' });
  });

  it.each([
    ['AF_UNSPEC, which disconnects', [0, 0, 0, 0]],
    ['AF_NETLINK', [16, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0]],
    ['AF_PACKET', [17, 0]],
  ])('%s is another family', (_, bytes) =>
    expect(withAddress(CONNECT, Uint8Array.from(bytes))).toEqual({ kind: 'other' }),
  );

  it('every cut of an address is an event, incomplete or other, never an error', () => {
    for (const address of [
      INET,
      sockaddrIn6(Buffer.alloc(16, 1), 1),
      Buffer.from('\x01\0/run/x\0', 'latin1'),
    ]) {
      const fields = saddrFields(address);
      for (let end = 0; end <= fields.length; end++) {
        const { kind } = read(CONNECT, [SOCKADDR, fields.slice(0, end)]);
        expect(['event', 'incomplete', 'other']).toContain(kind);
      }
    }
  });

  describe('of a send', () => {
    const SENDTO = { syscall: 44, items: 0, a0: '4', a2: '0', a3: '4000', exit: 12 };

    it.each([
      ['sendto', SENDTO],
      ['sendmsg', { ...SENDTO, syscall: 46 }],
      ['sendmmsg', { ...SENDTO, syscall: 307, exit: 1 }],
    ])('%s to an address is a datagram', (syscall, values) => {
      expect(eventOf(withAddress(values, INET))).toMatchObject({
        action: 'sendto',
        syscall,
        fd: 4,
        remote: ADDRESS,
        outcome: 'succeeded',
      });
    });

    it('without an address is none of ours', () => {
      expect(read(SENDTO)).toEqual({ kind: 'other' });
    });

    it('to an address is none of ours where datagrams are not wanted', () => {
      expect(readWithout(SENDTO, [SOCKADDR, saddrFields(INET)])).toEqual({ kind: 'other' });
    });

    it.each([
      ['sendto', { ...SENDTO, a3: '20000000' }],
      ['sendmmsg', { ...SENDTO, syscall: 307, a3: '20004000' }],
      ['sendmsg', { ...SENDTO, syscall: 46, a2: '20000000', a3: '0' }],
    ])('%s with MSG_FASTOPEN is a connect', (_syscall, values) => {
      const address = [SOCKADDR, saddrFields(INET)] as const;
      expect(eventOf(readWithout(values, address))).toMatchObject({
        action: 'connect',
        remote: ADDRESS,
        fd: 4,
      });
      expect(eventOf(readWithout({ ...values, success: 'no', exit: -115 }, address))).toMatchObject({
        action: 'connect',
        outcome: 'in_progress',
      });
    });

    it('through socketcall has its flags in the SOCKETCALL record', () => {
      const call = { arch: '40000003', syscall: 102, items: 0, a0: 'b', a3: '0' };
      const of = (flags: string) =>
        eventOf(
          read(
            call,
            [SOCKETCALL, `nargs=6 a0=7 a1=1 a2=2 a3=${flags} a4=3 a5=10`],
            [SOCKADDR, saddrFields(INET)],
          ),
        );
      expect(of('0')).toMatchObject({ action: 'sendto', fd: 7 });
      expect(of('20000000')).toMatchObject({ action: 'connect', fd: 7 });
    });
  });

  describe('of socketcall', () => {
    const I386 = { arch: '40000003', syscall: 102, items: 0 };

    it.each([
      ['2', 'bind', 'bind'],
      ['3', 'connect', 'connect'],
      ['5', 'accept', 'accept'],
      ['12', 'accept', 'accept4'],
    ])('a0=%s is %s, with the descriptor of the SOCKETCALL record', (a0, action, syscall) => {
      const reading = read(
        { ...I386, a0 },
        [SOCKETCALL, 'nargs=3 a0=b a1=80480c2 a2=10'],
        [SOCKADDR, saddrFields(INET)],
      );
      expect(eventOf(reading)).toMatchObject({ action, syscall, fd: 11 });
    });
  });

  it.each([
    ['3', 3],
    ['ffffffff', -1],
    ['ffffffffffffffff', -1],
    ['7f0000000007', 7],
  ])('reads descriptor %s as the int it is', (a0, fd) =>
    expect(eventOf(withAddress({ ...CONNECT, a0 }, INET)).fd).toBe(fd),
  );
});
