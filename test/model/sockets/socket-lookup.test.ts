import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AF_INET, AF_INET6 } from '../../../src/audit/sockaddr.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { ProcfsReader } from '../../../src/model/procfs/reader.ts';
import type { ConnectedSocket } from '../../../src/model/sockets/connected-socket.ts';
import { openSocketDumper, type SocketDumper } from '../../../src/model/sockets/dump-sockets.ts';
import type { DiagSocket } from '../../../src/model/sockets/sock-diag.ts';
import { BUSY, SocketLookup, type SocketLookupLimits } from '../../../src/model/sockets/socket-lookup.ts';
import { FakeClock, settled } from '../fake-clock.ts';

const connected = (facts: Partial<ConnectedSocket> = {}): ConnectedSocket => ({
  pid: 100,
  fd: 3,
  family: AF_INET,
  remotePort: 443,
  ...facts,
});

describe("SocketLookup with this kernel's sockets", () => {
  const inode = (fd: number) => readlinkSync(`/proc/self/fd/${fd}`);
  const fdOf = (socket: unknown): number => {
    const { fd } = (socket as { _handle: { fd: number } })._handle;
    expect(inode(fd)).toMatch(/^socket:/);
    return fd;
  };
  const setUp = () =>
    new SocketLookup({ procfs: new ProcfsReader(), clock: systemClock, dumper: openSocketDumper() });

  it.each([
    ['127.0.0.1', AF_INET],
    ['::1', AF_INET6],
  ] as const)('finds the local end of a TCP connection to %s', async (address, family) => {
    const server = createServer().listen(0, address);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const socket: Socket = connect(port, address);
    await once(socket, 'connect');
    const lookup = setUp();
    try {
      const event = connected({ pid: process.pid, fd: fdOf(socket), family, remotePort: port });
      expect(await lookup.find(event)).toEqual({
        local: { address, port: socket.localPort },
        protocol: 6,
      });
      expect(lookup.counters).toEqual({ found: 1, gone: 0, refused: 0, failed: 0 });
    } finally {
      lookup.close();
      socket.destroy();
      server.close();
    }
  });

  it('finds the local end of a connected UDP socket', async () => {
    const server = createSocket('udp4');
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    const client = createSocket('udp4');
    client.connect(server.address().port, '127.0.0.1');
    await once(client, 'connect');
    const lookup = setUp();
    try {
      const { fd } = (client as unknown as Record<symbol, { handle: { fd: number } }>)[
        Object.getOwnPropertySymbols(client).find(symbol => symbol.description === 'state symbol')!
      ]!.handle;
      const remotePort = server.address().port;
      expect(await lookup.find(connected({ pid: process.pid, fd, remotePort }))).toEqual({
        local: { address: '127.0.0.1', port: client.address().port },
        protocol: 17,
      });
    } finally {
      lookup.close();
      client.close();
      server.close();
    }
  });

  it('does not find a socket that is closed', async () => {
    const lookup = setUp();
    expect(lookup.find(connected({ pid: process.pid, fd: 999_999 }))).toBeUndefined();
    expect(lookup.counters.gone).toBe(1);
    lookup.close();
  });
});

describe('SocketLookup', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'proc-'));
    mkdirSync(join(root, 'self/ns'), { recursive: true });
    symlinkSync('net:[1]', join(root, 'self/ns/net'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const addProcess = (pid: number, inodes: Readonly<Record<number, number>>, namespace = 1): void => {
    mkdirSync(join(root, `${pid}/ns`), { recursive: true });
    mkdirSync(join(root, `${pid}/fd`));
    symlinkSync(`net:[${namespace}]`, join(root, `${pid}/ns/net`));
    for (const [fd, inode] of Object.entries(inodes))
      symlinkSync(`socket:[${inode}]`, join(root, `${pid}/fd/${fd}`));
  };
  const diag = (inode: number, port = 443, local = 50_000): DiagSocket => ({
    family: 2,
    local: { address: '10.0.0.2', port: local },
    remote: { address: '10.0.0.1', port },
    uid: 0,
    inode,
  });

  const setUp = (limits: Partial<SocketLookupLimits> = {}) => {
    const clock = new FakeClock();
    const dumps: { family: number; protocol: number; remotePort: number; inodes: number[] }[] = [];
    const state = {
      tcp: [] as DiagSocket[],
      udp: [] as DiagSocket[],
      error: undefined as Error | undefined,
      closed: 0,
    };
    const dumper: SocketDumper = {
      dump: async (family, protocol, remotePort, inodes) => {
        dumps.push({ family, protocol, remotePort, inodes: [...inodes] });
        if (state.error !== undefined) throw state.error;
        return protocol === 6 ? state.tcp : state.udp;
      },
      close: () => {
        state.closed++;
      },
    };
    const lookup = new SocketLookup({ procfs: new ProcfsReader(root), clock, dumper, limits });
    return { clock, dumps, state, lookup };
  };

  it('lists the sockets once for all connects that gathered', async () => {
    addProcess(100, { 3: 7, 4: 8 });
    const { lookup, clock, dumps, state } = setUp();
    state.tcp = [diag(7, 443, 50_001), diag(8, 443, 50_002)];
    const answers = [lookup.find(connected({ fd: 3 })), lookup.find(connected({ fd: 4 }))];
    await clock.advance(10);
    expect(await Promise.all(answers)).toEqual([
      { local: { address: '10.0.0.2', port: 50_001 }, protocol: 6 },
      { local: { address: '10.0.0.2', port: 50_002 }, protocol: 6 },
    ]);
    expect(dumps).toEqual([
      { family: 2, protocol: 17, remotePort: 443, inodes: [7, 8] },
      { family: 2, protocol: 6, remotePort: 443, inodes: [7, 8] },
    ]);
  });

  it('asks for TCP only what is no UDP, and for all ports if they differ', async () => {
    addProcess(100, { 3: 7, 4: 8 });
    const { lookup, clock, dumps, state } = setUp();
    state.tcp = [diag(7)];
    state.udp = [diag(8, 53)];
    const tcp = lookup.find(connected({ fd: 3 }));
    const udp = lookup.find(connected({ fd: 4, remotePort: 53 }));
    await clock.advance(10);
    expect(await tcp).toMatchObject({ protocol: 6 });
    expect(await udp).toMatchObject({ protocol: 17 });
    expect(dumps).toEqual([
      { family: 2, protocol: 17, remotePort: 0, inodes: [7, 8] },
      { family: 2, protocol: 6, remotePort: 443, inodes: [7] },
    ]);
  });

  it('takes no socket that is connected elsewhere by now', async () => {
    addProcess(100, { 3: 7 });
    const { lookup, clock, state } = setUp();
    state.tcp = [diag(7, 80)];
    const answer = lookup.find(connected());
    await clock.advance(10);
    expect(await answer).toBeUndefined();
    expect(lookup.counters.gone).toBe(1);
  });

  it('looks up nothing in another network namespace', () => {
    addProcess(100, { 3: 7 }, 2);
    const { lookup } = setUp();
    expect(lookup.find(connected())).toBeUndefined();
    expect(lookup.counters.gone).toBe(1);
  });

  it('asks once for the namespace of a process whose sockets gather', async () => {
    addProcess(100, { 3: 7, 4: 8 });
    const { lookup, clock, state } = setUp();
    state.tcp = [diag(7), diag(8)];
    const first = lookup.find(connected({ fd: 3 }));
    rmSync(join(root, '100/ns/net'));
    const second = lookup.find(connected({ fd: 4 }));
    await clock.advance(10);
    expect([await first, await second]).toMatchObject([{ protocol: 6 }, { protocol: 6 }]);
    expect(lookup.find(connected({ fd: 3 }))).toBeUndefined();
  });

  it('looks for no more sockets in a second than its budget allows', async () => {
    addProcess(100, { 3: 7 });
    const { lookup, clock, state } = setUp({ maxLooksPerSecond: 2 });
    state.tcp = [diag(7)];
    const find = () => lookup.find(connected()) !== BUSY;
    expect([find(), find(), find()]).toEqual([true, true, false]);
    await clock.advance(500);
    expect([find(), find()]).toEqual([true, false]);
    expect(lookup.counters.refused).toBe(2);
  });

  it('saves looks up once there were too few, and lists the sockets once for them', async () => {
    addProcess(100, { 3: 7 });
    const { lookup, clock, dumps, state } = setUp({ maxLooksPerSecond: 100, saveLooksMs: 200 });
    state.udp = [diag(7)];
    const looks: number[] = [];
    for (let i = 0; i < 10; i++) {
      let found = 0;
      for (let j = 0; j < 200; j++) if (lookup.find(connected()) !== BUSY) found++;
      looks.push(found);
      await clock.advance(50);
    }
    expect(looks).toEqual([100, 0, 0, 0, 20, 0, 0, 0, 20, 0]);
    expect(dumps.length).toBe(3);
  });

  it('counts connects that cannot be looked for as if they had been, so that the others wait for each other', async () => {
    addProcess(100, { 3: 7 });
    const { lookup, clock, dumps, state } = setUp({ maxLooksPerSecond: 100, saveLooksMs: 200 });
    state.udp = [diag(7)];
    const wasBusy: boolean[] = [];
    for (let i = 0; i < 10; i++) {
      wasBusy.push(lookup.find(connected()) === BUSY);
      lookup.passOver(i === 0 ? 98 : 400);
      await clock.advance(50);
    }
    expect(wasBusy).toEqual([false, false, true, true, true, false, true, true, true, false]);
    expect(dumps.length).toBe(4);
  });

  it('lists no more often than its budget allows', async () => {
    addProcess(100, { 3: 7 });
    const { lookup, clock, dumps, state } = setUp({ maxDumpsPerSecond: 5, gatherMs: 1 });
    state.tcp = [diag(7)];
    for (let i = 0; i < 1000; i++) {
      lookup.find(connected());
      await clock.advance(1);
    }
    // A second's worth in hand, and a second's worth as it goes.
    expect(dumps.length).toBeGreaterThanOrEqual(9);
    expect(dumps.length).toBeLessThanOrEqual(11);
  });

  it('refuses to pile up, and finds nothing where the kernel refuses', async () => {
    addProcess(100, { 3: 7 });
    const { lookup, clock, state } = setUp({ maxWaiting: 1 });
    state.error = new Error('EPERM');
    const answer = lookup.find(connected());
    expect(lookup.find(connected())).toBe(BUSY);
    await clock.advance(10);
    expect(await answer).toBeUndefined();
    expect(lookup.counters).toEqual({ found: 0, gone: 1, refused: 1, failed: 2 });
  });

  it('lets go of everything when it is closed, any number of times', async () => {
    addProcess(100, { 3: 7 });
    const { lookup, clock, state, dumps } = setUp();
    const answer = lookup.find(connected());
    lookup.close();
    lookup.close();
    expect(await answer).toBeUndefined();
    expect(lookup.find(connected())).toBeUndefined();
    await clock.advance(1000);
    await settled();
    expect({ dumps, closed: state.closed, timers: clock.timers }).toEqual({
      dumps: [],
      closed: 1,
      timers: 0,
    });
  });
});
