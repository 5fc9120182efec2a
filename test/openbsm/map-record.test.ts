import { describe, expect, it } from 'vitest';
import type { AuditEvent, ProcessEvent, SocketEvent, UserEvent } from '../../src/audit/audit-event.ts';
import { DEFAULT_BSM_LIMITS } from '../../src/openbsm/limits.ts';
import { RecordMapper } from '../../src/openbsm/map-record.ts';
import { type BsmRecord, decodeRecord, encodeRecord } from '../../src/openbsm/record.ts';
import type { Token } from '../../src/openbsm/token-table.ts';
import {
  argument,
  attr32,
  failed,
  header32,
  identity,
  path,
  SAMPLE_TOKENS,
  subject32,
  succeeded,
  text,
} from './sample-tokens.ts';

const decoded = (event: number, tokens: readonly Token[]): BsmRecord =>
  decodeRecord(encodeRecord(header32(event, 1716298620, 7), tokens)) as BsmRecord;

type Step = readonly [event: number, tokens: readonly Token[]];

/** Maps records that follow each other; the last one's event. */
const map = (...records: readonly Step[]): AuditEvent | undefined => {
  const mapper = new RecordMapper();
  return records.map(([event, tokens], i) => mapper.map(decoded(event, tokens), i + 1)).at(-1);
};
const process = (...records: readonly Step[]): ProcessEvent => {
  const event = map(...records);
  if (event?.kind !== 'process') throw new Error(`a process event expected, ${event?.kind} came`);
  return event;
};
const socket = (...records: readonly Step[]): SocketEvent => {
  const event = map(...records);
  if (event?.kind !== 'socket') throw new Error(`a socket event expected, ${event?.kind} came`);
  return event;
};
const user = (...records: readonly Step[]): UserEvent => {
  const event = map(...records);
  if (event?.kind !== 'user') throw new Error(`a user event expected, ${event?.kind} came`);
  return event;
};

const args = (...entries: string[]): Token => ({ kind: 'exec_args', args: entries });
const end = (pid: number, result: Token = succeeded()): Token[] => [subject32({ pid }), result, identity];
const child = (pid: number): Token => argument(0, 'child PID', pid);
const fork = (parent: number, pid: number): Step => [2, [child(pid), ...end(parent, succeeded(pid))]];

describe('an exec', () => {
  it('is the whole of its record', () => {
    const subject = subject32({ auid: 501, ruid: 502, rgid: 503, euid: 504, egid: 505, pid: 20, sid: 6 });
    const env = { kind: 'exec_env', env: ['A=1', 'B='] } as const;
    expect(
      map(fork(10, 20), [
        23,
        [args('ls', 'a b'), env, path('/bin/ls'), attr32({ uid: 1, gid: 2 }), subject, succeeded()],
      ]),
    ).toEqual({
      kind: 'process',
      action: 'exec',
      syscall: 'execve',
      seconds: 1716298620,
      milliseconds: 7,
      serial: 2,
      pid: 20,
      ppid: 10,
      parent: 10,
      auid: 501,
      uid: 502,
      gid: 503,
      euid: 504,
      egid: 505,
      suid: undefined,
      sgid: undefined,
      fsuid: undefined,
      fsgid: undefined,
      ses: 6,
      tty: undefined,
      comm: undefined,
      exe: '/bin/ls',
      exit: 0,
      status: 0,
      path: '/bin/ls',
      cwd: undefined,
      argv: ['ls', 'a b'],
      env: ['A=1', 'B='],
      files: [
        { mode: '0100755', ouid: 1, ogid: 2, inode: '1152921500312764420', dev: '01:05', name: '/bin/ls' },
      ],
    });
  });

  it.each([
    [7, 'exec'],
    [23, 'execve'],
    [43131, 'mac_execve'],
    [43144, 'fexecve'],
    [43190, 'posix_spawn'],
  ])('of event %i is by %s', (event, syscall) => {
    expect(process([event, [path('/bin/x'), attr32(), ...end(5)]])).toMatchObject({
      action: 'exec',
      syscall,
      pid: 5,
      path: '/bin/x',
    });
  });

  it('has the path that was resolved and the name that was asked for', () => {
    const event = process([23, [path('/tmp/link'), path('/bin/ls'), attr32(), ...end(5)]]);
    expect(event).toMatchObject({ path: '/bin/ls', exe: '/bin/ls', files: [{ name: '/tmp/link' }] });
  });

  it("of a script has the script's own path and attributes, and runs as its interpreter", () => {
    const script = [path('/u/s.py'), path('/u/s.py'), attr32({ mode: 0o100700, uid: 501, node: 1n })];
    const interpreter = [path('/usr/bin/python3'), attr32({ node: 2n })];
    expect(process([23, [...script, ...interpreter, ...end(5)]])).toMatchObject({
      path: '/u/s.py',
      exe: '/usr/bin/python3',
      files: [
        { name: '/u/s.py', mode: '0100700', ouid: 501, inode: '1' },
        { name: '/usr/bin/python3', mode: '0100755', ouid: 0, inode: '2' },
      ],
    });
  });

  it.each([SAMPLE_TOKENS.subject64, SAMPLE_TOKENS.subject32_ex, SAMPLE_TOKENS.subject64_ex])(
    'is of the process in $kind, with its parent',
    subject => {
      expect(
        process(fork(10, 4242), [
          23,
          [path('/bin/x'), SAMPLE_TOKENS.attr64, subject, { ...SAMPLE_TOKENS.return64, error: 0, value: 0n }],
        ]),
      ).toMatchObject({
        pid: 4242,
        parent: 10,
        uid: 501,
        gid: 20,
        euid: 0,
        egid: 0,
        exit: 0,
        files: [{ mode: '0100755', inode: '18446744073709551615', dev: '01:05' }],
      });
    },
  );

  it('that failed has the errno of macOS, and changes no image', () => {
    const locked = process(
      [23, [path('/bin/a'), attr32(), ...end(5)]],
      [23, [path('/bin/b'), ...end(5, failed(45))]],
    );
    expect(locked).toMatchObject({ exit: -11, status: 11, path: '/bin/b', exe: '/bin/a' });
  });

  it('has no parent where no fork was seen', () => {
    expect(process([23, [path('/bin/x'), ...end(5)]])).toMatchObject({ parent: undefined, ppid: undefined });
  });

  it('is no event without a subject or a result', () => {
    expect(map([23, [args('x'), path('/bin/x'), succeeded()]])).toBeUndefined();
    expect(map([23, [args('x'), path('/bin/x'), subject32()]])).toBeUndefined();
  });
});

describe('a spawn', () => {
  it('is of its child, whose parent is the spawner', () => {
    expect(process([43190, [child(99), args('id'), path('/usr/bin/id'), attr32(), ...end(5)]])).toMatchObject(
      {
        pid: 99,
        ppid: 5,
        parent: 5,
        path: '/usr/bin/id',
      },
    );
  });

  it('takes the child from a 64-bit argument too', () => {
    const token = { ...SAMPLE_TOKENS.arg64, number: 0, value: 99n };
    expect(process([43190, [token, path('/usr/bin/id'), attr32(), ...end(5)]]).pid).toBe(99);
  });

  it('that names no child replaced its caller', () => {
    expect(process(fork(4, 5), [43190, [path('/usr/bin/id'), attr32(), ...end(5)]])).toMatchObject({
      pid: 5,
      parent: 4,
    });
  });

  it('that opens a file for its child does not take the path of that file for the program', () => {
    const spawn = process([43190, [child(99), args('id'), path('/dev/null'), ...end(5)]]);
    expect(spawn).toMatchObject({ pid: 99, argv: ['id'], path: undefined, exe: undefined, files: [] });
    // Of a script the interpreter is still named.
    expect(
      process([43190, [child(99), path('/dev/null'), path('/bin/sh'), attr32(), ...end(5)]]),
    ).toMatchObject({ path: '/bin/sh', exe: '/bin/sh' });
    // Nothing but a spawn opens files, and one that failed may have found no program.
    expect(process([23, [path('/bin/x'), ...end(5)]]).path).toBe('/bin/x');
    expect(process([43190, [path('/bin/no'), ...end(5, failed(2))]]).path).toBe('/bin/no');
  });

  it('that failed is of the process that tried', () => {
    expect(process(fork(4, 5), [43190, [child(0), path('/usr/bin/no'), ...end(5, failed(2))]])).toMatchObject(
      {
        pid: 5,
        parent: 4,
        exit: -2,
        status: 2,
      },
    );
  });
});

describe('a fork', () => {
  it.each([
    [2, 'fork'],
    [25, 'vfork'],
    [241, 'fork1'],
    [353, 'rfork'],
    [43043, 'rfork'],
    [43197, 'pdfork'],
  ])('of event %i is by %s, its pid the child', (event, syscall) => {
    expect(process([event, [child(99), ...end(5, succeeded(99))]])).toMatchObject({
      action: 'fork',
      syscall,
      pid: 99,
      ppid: 5,
      parent: 5,
      exit: 99,
      status: 0,
    });
  });

  it('takes the child from the result where no argument names it', () => {
    expect(process([2, end(5, succeeded(99))]).pid).toBe(99);
  });

  it('makes a process that runs what its parent runs', () => {
    expect(process([23, [path('/bin/sh'), ...end(5)]], fork(5, 6))).toMatchObject({
      path: '/bin/sh',
      exe: '/bin/sh',
    });
  });

  it('that failed made no process', () => {
    expect(map([2, end(5, failed(11))])).toBeUndefined();
    expect(map([2, end(5, succeeded(0))])).toBeUndefined();
  });
});

describe('an exit', () => {
  it('has its status, and forgets the process', () => {
    const exit: Step = [1, [{ kind: 'exit', status: 3, value: 0 }, ...end(6)]];
    expect(process(fork(5, 6), exit)).toMatchObject({
      action: 'exit',
      syscall: 'exit',
      pid: 6,
      parent: 5,
      exit: 3,
      status: 0,
    });
    expect(process(fork(5, 6), exit, [23, [path('/bin/x'), ...end(6)]]).parent).toBeUndefined();
  });
});

describe('a socket call', () => {
  const fd = argument(1, 'fd', 7);
  const v4: Token = { kind: 'sockinet32', family: 2, port: 443, address: '198.51.100.2' };
  const v6 = (family: number): Token => ({ kind: 'sockinet128', family, port: 443, address: '2001:db8::2' });

  it('that connects has the remote end, and the image of its process', () => {
    expect(socket([23, [path('/usr/bin/curl'), ...end(5)]], [32, [fd, v4, ...end(5)]])).toEqual({
      kind: 'socket',
      action: 'connect',
      syscall: 'connect',
      seconds: 1716298620,
      milliseconds: 7,
      serial: 2,
      fd: 7,
      family: 2,
      protocol: undefined,
      local: undefined,
      remote: { address: '198.51.100.2', port: 443 },
      socket: undefined,
      outcome: 'succeeded',
      exit: 0,
      pid: 5,
      ppid: undefined,
      auid: 501,
      uid: 501,
      gid: 20,
      euid: 501,
      egid: 20,
      suid: undefined,
      sgid: undefined,
      fsuid: undefined,
      fsgid: undefined,
      ses: 100007,
      tty: undefined,
      comm: undefined,
      exe: '/usr/bin/curl',
    });
  });

  it.each([30, 28])('is of IPv6 with the family number %i', family => {
    expect(socket([32, [fd, v6(family), ...end(5)]])).toMatchObject({
      family: 10,
      remote: { address: '2001:db8::2', port: 443 },
    });
  });

  // As seen in the record of a Mac: 81 001a 00c0 fe80…, a connect to port 49152.
  it.each([
    [0x00c0, 49152],
    [0xbb01, 443],
    [0, 0],
  ])('is of IPv6 with the family 26 of the kernel of macOS, whose %i is port %i', (port, expected) => {
    expect(socket([32, [fd, { ...v6(26), port } as Token, ...end(5)]])).toMatchObject({
      family: 10,
      remote: { address: '2001:db8::2', port: expected },
    });
  });

  it('that binds has the local end', () => {
    expect(socket([34, [fd, v4, ...end(5)]])).toMatchObject({
      action: 'bind',
      local: { port: 443 },
      remote: undefined,
    });
  });

  it('that accepts has the remote end, or none', () => {
    expect(socket([33, [fd, v4, ...end(5, succeeded(9))]])).toMatchObject({
      action: 'accept',
      remote: { port: 443 },
      local: undefined,
      exit: 9,
    });
    expect(socket([33, [fd, ...end(5, succeeded(9))]])).toMatchObject({
      family: undefined,
      remote: undefined,
      outcome: 'succeeded',
    });
  });

  it('that sends to an address reaches out', () => {
    expect(socket([184, [fd, v4, ...end(5, succeeded(31))]])).toMatchObject({
      action: 'sendto',
      syscall: 'sendto',
      remote: { port: 443 },
      exit: 31,
    });
    expect(map([184, [fd, ...end(5, succeeded(31))]])).toBeUndefined();
  });

  it('of a UNIX socket has its path, or the one that the kernel resolved', () => {
    const named = { kind: 'sockunix', family: 1, path: '/tmp/s' } as const;
    expect(socket([34, [fd, named, path('/private/tmp/s'), ...end(5)]])).toMatchObject({
      family: 1,
      socket: '/tmp/s',
      local: undefined,
    });
    expect(socket([34, [fd, { ...named, path: '' }, path('/private/tmp/s'), ...end(5)]]).socket).toBe(
      '/private/tmp/s',
    );
    expect(socket([34, [fd, { ...named, path: '' }, ...end(5)]]).socket).toBe('');
  });

  it('with both ends recorded has both', () => {
    expect(socket([32, [fd, SAMPLE_TOKENS.socket, ...end(5)]])).toMatchObject({
      family: 2,
      local: { address: '192.0.2.1', port: 49152 },
      remote: { address: '198.51.100.2', port: 443 },
    });
    expect(socket([32, [fd, SAMPLE_TOKENS.socket_ex, ...end(5)]])).toMatchObject({
      family: 10,
      local: undefined,
      remote: { address: '2001:db8::53', port: 53 },
    });
  });

  it.each([
    [32, 150, 'in_progress', -36],
    [32, 4, 'in_progress', -4],
    [32, 11, 'failed', -35],
    [32, 146, 'failed', -61],
    [33, 11, 'no_client', -35],
    [33, 150, 'failed', -36],
    [34, 125, 'failed', -48],
  ])('of event %i that failed with BSM errno %i is %s', (event, error, outcome, exit) => {
    expect(socket([event, [fd, v4, ...end(5, failed(error))]])).toMatchObject({ outcome, exit });
  });

  it('of a family that the tables do not hold is no event, and neither is listen', () => {
    expect(map([32, [fd, ...end(5)]])).toBeUndefined();
    expect(map([43140, [fd, ...end(5)]])).toBeUndefined();
  });
});

describe('a user event', () => {
  it('has text, address, terminal and result', () => {
    const subject = subject32({ auid: 501, ruid: 502, pid: 7, sid: 8, address: '203.0.113.9', port: 5 });
    expect(map([32800, [subject, text('successful login kathe'), succeeded()]])).toEqual({
      kind: 'user',
      seconds: 1716298620,
      milliseconds: 7,
      serial: 1,
      type: 32800,
      pid: 7,
      uid: 502,
      auid: 501,
      ses: 8,
      message: 'OpenSSH: successful login kathe',
      path: undefined,
      address: '203.0.113.9',
      terminal: '5',
      acct: undefined,
      hostname: undefined,
      op: 'openssh',
      res: 'success',
    });
  });

  it.each([
    [6152, 'login'],
    [6153, 'logout'],
    [6159, 'su'],
    [6163, 'passwd'],
    [6207, 'create user'],
    [6208, 'modify user'],
    [6209, 'delete user'],
    [6210, 'disable user'],
    [6211, 'enable user'],
    [44901, 'session start'],
    [44902, 'session update'],
    [44903, 'session end'],
    [44904, 'session close'],
    [45000, 'audit startup'],
    [45001, 'audit shutdown'],
    [45014, 'modify password'],
    [45015, 'create group'],
    [45016, 'delete group'],
    [45017, 'modify group'],
    [45018, 'add to group'],
    [45019, 'remove from group'],
    [45021, 'loginwindow login'],
    [45022, 'loginwindow logout'],
    [45023, 'user authentication'],
    [45024, 'SecSrvr connection setup'],
    [45025, 'SecSrvr AuthEngine'],
    [45026, 'SecSrvr authinternal mech'],
    [45028, 'sudo'],
    [45029, 'audit crash recovery'],
    [45030, 'SecSrvr AuthMechanism'],
  ])('comes of event %i, %s', (type, message) => {
    expect(user([type, end(5, failed(1))])).toMatchObject({ type, message, res: 'failed' });
  });

  it('joins texts, and shows arguments where there is no text', () => {
    expect(user([45025, [text('a'), text('b'), ...end(5)]]).message).toBe('SecSrvr AuthEngine: a, b');
    const flags = { ...SAMPLE_TOKENS.arg64, text: 'sflags', value: 0x30n };
    expect(user([44901, [flags, argument(2, 'am_success', 16), ...end(5)]]).message).toBe(
      'session start: sflags=0x30, am_success=0x10',
    );
  });

  it('has an IPv6 address from the subject, or one of its own, or none', () => {
    expect(user([6152, [SAMPLE_TOKENS.subject32_ex]]).address).toBe('2001:db8::7');
    expect(user([6152, [subject32(), SAMPLE_TOKENS.in_addr]]).address).toBe('198.51.100.255');
    expect(user([6152, [subject32({ port: 0 })]])).toMatchObject({
      address: undefined,
      terminal: undefined,
      res: undefined,
    });
  });

  it('needs no subject', () => {
    expect(user([45000, [text('auditd::Audit startup'), succeeded()]])).toMatchObject({
      pid: undefined,
      uid: undefined,
      auid: undefined,
    });
  });
});

describe('a record', () => {
  it('of another event is no event', () => {
    expect(map([3, [path('/etc/passwd'), ...end(5)]])).toBeUndefined();
  });

  it('of a time no clock can show is no event', () => {
    const wide = (seconds: bigint): AuditEvent | undefined =>
      new RecordMapper().map(
        decodeRecord(
          encodeRecord(
            { kind: 'header64', version: 11, event: 6152, modifier: 0, seconds, milliseconds: 1n },
            [],
          ),
        ) as BsmRecord,
        1,
      );
    expect(wide(1n << 53n)).toBeUndefined();
    expect(wide((1n << 53n) - 1n)).toMatchObject({ seconds: 2 ** 53 - 1 });
  });

  it.each([
    [11, 999, 999],
    [11, 5_000_000, 999],
    [2, 5_000_000, 5],
    [2, 4294967295, 999],
  ])('of version %i with %i for milliseconds is at %i', (version, milliseconds, expected) => {
    const bytes = encodeRecord({ ...header32(6152), version, milliseconds }, []);
    expect(new RecordMapper().map(decodeRecord(bytes) as BsmRecord, 1)).toMatchObject({
      milliseconds: expected,
    });
  });

  it('is mapped with as many processes in mind as the limit says', () => {
    const mapper = new RecordMapper({ ...DEFAULT_BSM_LIMITS, maxProcesses: 2 });
    for (const pid of [11, 12, 13]) mapper.map(decoded(...fork(10, pid)), 1);
    const parentOf = (pid: number) => mapper.map(decoded(7, [path('/x'), ...end(pid)]), 1);
    expect(parentOf(13)).toMatchObject({ parent: 10 });
    expect(parentOf(12)).toMatchObject({ parent: 10 });
    expect(parentOf(11)).toMatchObject({ parent: undefined });
  });
});
