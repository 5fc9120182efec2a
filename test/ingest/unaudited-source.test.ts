import { expect, test } from 'vitest';
import type { ProcessEvent, SocketEvent } from '../../src/audit/audit-event.ts';
import { TASK } from '../../src/bpf/task-record.ts';
import { UnauditedSource } from '../../src/ingest/unaudited-source.ts';
import { encodeSocketRecord, type SocketRecordFields } from '../bpf/encode-socket-record.ts';
import { unauditedExecRecord } from '../bpf/unaudited-exec.ts';

const WALL_MS = 1_796_094_409_868;
/** Of the monotonic clock. */
const NOW_MS = 5_000_000_000;
const OWN_PID = 99;
/** A tick is a little longer than a millisecond. */
const TICK_MS = 1.1;

const STATUS = Buffer.from('Name:\tserver\nTgid:\t100\nPPid:\t7\nUid:\t33\t33\t33\t33\nNSpid:\t100\n');

const setUp = (files: Readonly<Record<string, string>> = {}) => {
  const events: (ProcessEvent | SocketEvent)[] = [];
  const reads: string[] = [];
  const clock = { wallMs: WALL_MS };
  const source = new UnauditedSource({
    procfs: {
      read: (pid, name) => {
        reads.push(`${pid}/${name}`);
        if (name === 'status') return STATUS;
        return files[name] === undefined ? undefined : Buffer.from(files[name]);
      },
      link: (_pid, name) => files[name],
    },
    wallMs: () => clock.wallMs,
    monotonicNs: () => BigInt(NOW_MS) * 1_000_000n,
    ownPid: OWN_PID,
    publish: event => events.push(event),
  });
  const socket = (fields: Partial<SocketRecordFields>, isAudited = false): void => {
    const bytes = encodeSocketRecord({ inCall: 0, passedOnMs: NOW_MS - 250, ...fields });
    bytes.writeUInt32LE(isAudited ? 1 : 0, TASK.hasContext);
    source.takeSocket(bytes, 0, bytes.length);
  };
  const exec = (): void => {
    const bytes = unauditedExecRecord({});
    source.takeExec(bytes, 0, bytes.length);
  };
  return { events, reads, clock, source, socket, exec };
};

const SERVER = { exe: '/usr/sbin/server', loginuid: '4294967295', sessionid: '4294967295', comm: 'server\n' };

test('a connect: who, from where to where, and when', () => {
  const { events, socket, source } = setUp(SERVER);
  socket({ pid: 100, fd: 5, localPort: 40_000, remotePort: 443 });
  expect(events).toMatchObject([
    {
      kind: 'socket',
      action: 'connect',
      isUnaudited: true,
      serial: 0,
      pid: 100,
      ppid: 7,
      auid: 4_294_967_295,
      exe: '/usr/sbin/server',
      comm: 'curl',
      fd: 5,
      family: 2,
      protocol: 6,
      local: { address: '127.0.0.1', port: 40_000 },
      remote: { address: '127.0.0.1', port: 443 },
      outcome: 'succeeded',
      exit: 0,
    },
  ]);
  const [{ seconds, milliseconds }] = events as [SocketEvent];
  expect(Math.abs(seconds * 1000 + milliseconds - (WALL_MS - 250))).toBeLessThanOrEqual(2 * TICK_MS);
  expect(source.counters).toEqual({ events: 1, malformed: 0 });
});

test('accepts, binds, IPv6, and connects that go on', () => {
  const { events, socket } = setUp(SERVER);
  const v6 = [0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 1];
  socket({ kind: 'accept', result: 12, fd: 12, local: v6, remote: v6 });
  socket({ kind: 'bind', localPort: 53, protocol: 17 });
  socket({ kind: 'connect', result: -115 });
  socket({ kind: 'connect', result: -512 });
  expect(events).toMatchObject([
    { action: 'accept', exit: 12, family: 10, remote: { address: '2001:db8::1' }, outcome: 'succeeded' },
    { action: 'bind', local: { port: 53 }, remote: undefined, protocol: 17 },
    { action: 'connect', exit: -115, outcome: 'in_progress' },
    // Audit writes EINTR.
    { action: 'connect', exit: -4, outcome: 'in_progress' },
  ]);
});

test('what audit sees, and what this process does, is left to audit', () => {
  const { events, socket } = setUp(SERVER);
  socket({}, true);
  socket({ pid: OWN_PID });
  expect(events).toEqual([]);
});

test('a process that is gone has no program and no login, never another’s', () => {
  const { events, socket } = setUp();
  socket({});
  expect(events).toMatchObject([{ exe: undefined, auid: undefined, comm: 'curl' }]);
});

test('a server is looked at once a second, and again after it has executed something', () => {
  const { reads, clock, socket, exec } = setUp(SERVER);
  const looks = (): number => reads.filter(name => name.endsWith('/status')).length;
  for (let i = 0; i < 100; i++) socket({ pid: 4321 });
  expect(looks()).toBe(1);
  exec();
  socket({ pid: 4321 });
  expect(looks()).toBe(2);
  clock.wallMs += 1_000;
  socket({ pid: 4321 });
  expect(looks()).toBe(3);
});

test('an exec: what procfs shows counts only if the process still has the name', () => {
  const asNamed = setUp({ exe: '/opt/thing', comm: 'thing\n' });
  asNamed.exec();
  expect(asNamed.events).toMatchObject([{ action: 'exec', path: '/opt/thing' }]);
  const other = setUp({ exe: '/opt/other', comm: 'other\n' });
  other.exec();
  expect(other.events).toMatchObject([{ action: 'exec', path: '/bin/sh' }]);
});

test('what is cut off is counted, at every byte', () => {
  const { events, source } = setUp();
  const socket = encodeSocketRecord({});
  socket.writeUInt32LE(0, TASK.hasContext);
  const exec = unauditedExecRecord({});
  for (let length = 0; length < socket.length; length++) source.takeSocket(socket, 0, length);
  for (let length = 0; length < exec.length; length++) source.takeExec(exec, 0, length);
  expect(events).toEqual([]);
  expect(source.counters.malformed).toBe(socket.length + exec.length);
});
