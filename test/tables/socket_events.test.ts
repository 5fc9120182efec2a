import { describe, expect, it } from 'vitest';
import type { SocketEvent } from '../../src/audit/audit-event.ts';
import { socketEvents } from '../../tables/socket_events.ts';
import { ACTOR, contextWith, EVERYTHING, ORIGIN, rowOf, settingsWith } from './table-rows.ts';

const CONNECT: SocketEvent = {
  kind: 'socket',
  ...ORIGIN,
  ...ACTOR,
  pid: 100,
  action: 'connect',
  syscall: 'connect',
  fd: 11,
  family: 2,
  protocol: undefined,
  local: undefined,
  remote: { address: '192.0.2.1', port: 443 },
  socket: undefined,
  outcome: 'succeeded',
  exit: 0,
};
const BIND: SocketEvent = {
  ...CONNECT,
  action: 'bind',
  syscall: 'bind',
  family: 10,
  local: { address: '::1', port: 80 },
  remote: undefined,
};
const ACCEPT: SocketEvent = { ...CONNECT, action: 'accept', syscall: 'accept4', exit: 12 };
const CONTEXT = contextWith(EVERYTHING, { uptime: 3_600 });

const COMMON = {
  pid: '100',
  path: '/usr/bin/echo',
  fd: '11',
  auid: '1000',
  time: '1795474704',
  uptime: '3600',
  eid: '0000000001',
  success: '1',
  status: 'succeeded',
  exit: '0',
  audit_id: '1795474704.082:386',
  source: 'audit',
};

describe('socket_events', () => {
  it.each<[string, SocketEvent, Record<string, string>]>([
    [
      'a connect',
      CONNECT,
      {
        action: 'connect',
        family: '2',
        remote_address: '192.0.2.1',
        remote_port: '443',
        local_port: '0',
      },
    ],
    [
      'a bind',
      BIND,
      { action: 'bind', family: '10', local_address: '::1', local_port: '80', remote_port: '0' },
    ],
    [
      'an accept',
      ACCEPT,
      {
        action: 'accept',
        family: '2',
        remote_address: '192.0.2.1',
        remote_port: '443',
        local_port: '0',
        exit: '12',
      },
    ],
    [
      'a UNIX socket',
      { ...CONNECT, family: 1, remote: undefined, socket: '/run/x' },
      { action: 'connect', family: '1', socket: '/run/x', local_port: '0', remote_port: '0' },
    ],
    [
      'an accept without an address',
      { ...ACCEPT, family: undefined, remote: undefined },
      { action: 'accept', local_port: '0', remote_port: '0', exit: '12' },
    ],
  ])('has every column of %s', (_, event, expected) => {
    expect(rowOf(socketEvents, event, CONTEXT)).toEqual({ ...COMMON, ...expected });
  });

  it('has the descriptor in decimal, and everything a source may add', () => {
    expect(
      rowOf(
        socketEvents,
        { ...CONNECT, fd: -1, protocol: 6, local: { address: '192.0.2.2', port: 50_000 } },
        CONTEXT,
      ),
    ).toMatchObject({ fd: '-1', protocol: '6', local_address: '192.0.2.2', local_port: '50000' });
  });

  it.each([
    ['succeeded', 'connect', 0, '1'],
    ['in_progress', 'connect', -115, '1'],
    ['no_client', 'accept', -11, '1'],
    ['failed', 'connect', -111, '0'],
  ] as const)('says how it went: %s', (outcome, action, exit, success) => {
    expect(rowOf(socketEvents, { ...CONNECT, action, outcome, exit }, CONTEXT)).toMatchObject({
      status: outcome,
      success,
      exit: String(exit),
    });
  });

  it('has no audit id of an event that only BPF has seen', () => {
    const row = rowOf(socketEvents, { ...CONNECT, serial: 0, isUnaudited: true }, CONTEXT)!;
    expect(row.source).toBe('bpf');
    expect(row).not.toHaveProperty('audit_id');
  });

  it('has NULL for a program and an uptime that are not known', () => {
    const row = rowOf(socketEvents, { ...CONNECT, exe: undefined }, contextWith(EVERYTHING))!;
    expect('path' in row || 'uptime' in row).toBe(false);
  });

  it.each<[string, SocketEvent, string[]]>([
    ['any', CONNECT, ['sockets']],
    ['a connect in progress', { ...CONNECT, outcome: 'in_progress' }, ['sockets']],
    ['an accept', ACCEPT, ['sockets', 'accept_socket_events']],
    [
      'an accept without a client',
      { ...ACCEPT, outcome: 'no_client' },
      ['sockets', 'accept_socket_events', 'null_accept_socket_events'],
    ],
    ['a failure', { ...CONNECT, outcome: 'failed' }, ['sockets', 'failed_socket_events']],
    ['a UNIX socket', { ...CONNECT, family: 1 }, ['sockets', 'unix']],
    [
      'a failed UNIX accept',
      { ...ACCEPT, family: 1, outcome: 'failed' },
      ['sockets', 'unix', 'failed_socket_events', 'accept_socket_events'],
    ],
  ])('shows %s only with all its flags', (_, event, flags) => {
    const off = Object.fromEntries(
      ['sockets', 'accept_socket_events', 'null_accept_socket_events', 'failed_socket_events', 'unix'].map(
        name => [name, false],
      ),
    );
    const on = { ...off, ...Object.fromEntries(flags.map(name => [name, true])) };
    expect(rowOf(socketEvents, event, contextWith(settingsWith(on)))).toBeDefined();
    for (const name of flags) {
      expect(rowOf(socketEvents, event, contextWith(settingsWith({ ...on, [name]: false })))).toBeUndefined();
    }
  });

  const sends = ['sendto', 'sendmsg', 'sendmmsg'];
  it.each([
    [{}, undefined],
    [{ sockets: true }, ['bind', 'connect', ...sends, 'accept', 'accept4']],
    [{ sockets: true, accept_socket_events: false }, ['bind', 'connect', ...sends]],
  ])('with %j needs %j', (flags, syscalls) => {
    expect(socketEvents.subscribes(settingsWith(flags))).toEqual(syscalls && { syscalls, datagrams: false });
  });
});
