import { describe, expect, it } from 'vitest';
import type { SocketEvent } from '../../../src/audit/audit-event.ts';
import { ConnectedBatchWriter, forEachConnected } from '../../../src/ingest/connected-batch.ts';
import { type ConnectedSocket, connectedSocket } from '../../../src/model/sockets/connected-socket.ts';
import { exec } from '../process-events.ts';

const socketEvent = (facts: Partial<SocketEvent> = {}): SocketEvent => {
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

describe('connectedSocket', () => {
  it.each<[string, Partial<SocketEvent>, Partial<ConnectedSocket>]>([
    ['a connect', {}, { fd: 3 }],
    ['a connect under way', { outcome: 'in_progress', exit: -115 }, { fd: 3 }],
    ['an accept, whose connection is what it returned', { action: 'accept', exit: 9 }, { fd: 9 }],
    ['IPv6', { family: 10, remote: { address: '::1', port: 443 } }, { family: 10 }],
  ])('is of %s', (_what, facts, expected) => {
    expect(connectedSocket(socketEvent(facts))).toEqual({
      pid: 100,
      fd: 3,
      family: 2,
      remotePort: 443,
      ...expected,
    });
  });

  it.each<[string, Partial<SocketEvent>]>([
    ['a bind', { action: 'bind' }],
    ['a UNIX socket', { family: 1, remote: undefined }],
    ['a failed connect', { outcome: 'failed' }],
    ['an accept without a client', { action: 'accept', outcome: 'no_client', remote: undefined }],
    ['a connect that ends a connection', { remote: { address: '0.0.0.0', port: 0 } }],
  ])('is not of %s', (_what, facts) => {
    expect(connectedSocket(socketEvent(facts))).toBeUndefined();
  });
});

describe('a batch of connected sockets', () => {
  const socket = (fd: number, family: ConnectedSocket['family'] = 2): ConnectedSocket => ({
    pid: 4_194_304,
    fd,
    family,
    remotePort: 65_535,
  });
  const read = (writer: ConnectedBatchWriter) => {
    const found: [number, ConnectedSocket][] = [];
    const batch = writer.take();
    if (batch !== undefined) forEachConnected(batch, (eid, each) => found.push([eid, each]) > 0);
    return found;
  };

  it('comes out as it went in, once', () => {
    const writer = new ConnectedBatchWriter(10);
    writer.append(2 ** 40, socket(3));
    writer.append(2, socket(4, 10));
    expect(read(writer)).toEqual([
      [2 ** 40, socket(3)],
      [2, socket(4, 10)],
    ]);
    expect(writer.take()).toBeUndefined();
  });

  it('holds no more than its limit, and counts the others', () => {
    const writer = new ConnectedBatchWriter(2);
    for (let eid = 1; eid <= 5; eid++) writer.append(eid, socket(eid));
    expect(read(writer).map(([eid]) => eid)).toEqual([1, 2]);
    writer.append(6, socket(6));
    expect(read(writer).map(([eid]) => eid)).toEqual([6]);
    expect(writer.refused).toBe(3);
  });

  it('has the last one of each descriptor, and counts those before it', () => {
    const writer = new ConnectedBatchWriter(2);
    const later = { ...socket(3, 10), remotePort: 53 };
    writer.append(1, socket(3));
    writer.append(2, socket(3));
    writer.append(3, socket(2 ** 30 - 1));
    writer.append(4, { ...socket(3), pid: 1 });
    writer.append(5, later);
    expect(read(writer)).toEqual([
      [5, later],
      [3, socket(2 ** 30 - 1)],
    ]);
    expect(writer).toMatchObject({ replaced: 2, refused: 1 });
    writer.append(6, socket(3));
    expect(read(writer)).toEqual([[6, socket(3)]]);
    expect(writer.replaced).toBe(2);
  });
});
