import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SocketEvent } from '../../../src/audit/audit-event.ts';
import { ProcfsReader } from '../../../src/model/procfs/reader.ts';
import type { FoundEnds } from '../../../src/model/sockets/found-ends.ts';
import { openSocketEnds } from '../../../src/model/sockets/open-socket-ends.ts';
import type { DiagSocket } from '../../../src/model/sockets/sock-diag.ts';
import type { ListQuestion, SocketLister } from '../../../src/model/sockets/socket-diag.ts';
import {
  SOCKET_ENDS_LIMITS,
  SocketEnds,
  type SocketEndsLimits,
} from '../../../src/model/sockets/socket-ends.ts';
import { SocketLists } from '../../../src/model/sockets/socket-lists.ts';
import { lookUp, now } from './look-up.ts';
import { CrowdedProcfs, FIRST_PID, MANY } from './many-namespaces.ts';
import { socketEvent } from './socket-events.ts';

const BASE = 1_700_000_000_000;

describe("SocketEnds with this kernel's sockets", () => {
  const fdOf = (socket: unknown): number => (socket as { _handle: { fd: number } })._handle.fd;
  const listen = async (address: string): Promise<Server> => {
    const server = createServer().listen(0, address);
    await once(server, 'listening');
    return server;
  };
  it.each([
    ['127.0.0.1', 2],
    ['::1', 10],
  ] as const)(
    'finds both ends of a TCP connection to %s, of an accept that did not ask for the address, and the port of a bind',
    async (address, family) => {
      const server = await listen(address);
      const { port } = server.address() as { port: number };
      const accepted = once(server, 'connection') as Promise<[Socket]>;
      const socket: Socket = connect(port, address);
      await once(socket, 'connect');
      const [client] = await accepted;
      try {
        const remote = { address, port };
        const { found, counters } = await lookUp(
          socketEvent({ ...now(), fd: fdOf(socket), family, remote }),
          socketEvent({
            ...now(),
            action: 'accept',
            fd: fdOf(server),
            exit: fdOf(client),
            family: undefined,
            remote: undefined,
          }),
          socketEvent({
            ...now(),
            action: 'bind',
            fd: fdOf(server),
            family,
            local: { address, port: 0 },
            remote: undefined,
          }),
        );
        expect(found.toSorted((a, b) => a.eid - b.eid)).toMatchObject([
          {
            eid: 0,
            family: undefined,
            protocol: 6,
            localAddress: address,
            localPort: socket.localPort,
            remotePort: undefined,
          },
          {
            eid: 1,
            family,
            protocol: 6,
            localAddress: address,
            localPort: port,
            remoteAddress: address,
            remotePort: socket.localPort,
          },
          {
            eid: 2,
            family: undefined,
            protocol: 6,
            localAddress: undefined,
            localPort: port,
            remotePort: undefined,
          },
        ]);
        expect(counters).toEqual({ found: 3, gone: 0, refused: 0, failed: 0 });
      } finally {
        socket.destroy();
        client.destroy();
        server.close();
      }
    },
  );

  it('finds the local end of a connected UDP socket', async () => {
    const server = createSocket('udp4').bind(0, '127.0.0.1');
    await once(server, 'listening');
    const client = createSocket('udp4');
    client.connect(server.address().port, '127.0.0.1');
    await once(client, 'connect');
    try {
      const { fd } = (client as unknown as Record<symbol, { handle: { fd: number } }>)[
        Object.getOwnPropertySymbols(client).find(symbol => symbol.description === 'state symbol')!
      ]!.handle;
      const remote = { address: '127.0.0.1', port: server.address().port };
      const { found } = await lookUp(socketEvent({ ...now(), fd, remote }));
      expect(found).toMatchObject([
        { protocol: 17, localAddress: '127.0.0.1', localPort: client.address().port },
      ]);
    } finally {
      client.close();
      server.close();
    }
  });

  it('does not find what is closed', async () => {
    const { found, counters } = await lookUp(socketEvent({ ...now(), fd: 999_999 }));
    expect(found).toEqual([]);
    expect(counters.gone).toBe(1);
  });

  it('tells an accept on a UNIX socket', async () => {
    const server = createServer().listen(join(tmpdir(), `ends-${process.pid}.sock`));
    await once(server, 'listening');
    const ends = openSocketEnds();
    try {
      const accept = socketEvent({
        ...now(),
        action: 'accept',
        fd: fdOf(server),
        family: undefined,
        remote: undefined,
      });
      expect(ends.familyOfAccept(accept)).toBe(1);
      expect(ends.familyOfAccept({ ...accept, fd: 999_999 })).toBeUndefined();
    } finally {
      ends.close();
      server.close();
    }
  });
});

describe('SocketEnds', () => {
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
    mkdirSync(join(root, `${pid}/fdinfo`));
    mkdirSync(join(root, `${pid}/net`));
    symlinkSync(`net:[${namespace}]`, join(root, `${pid}/ns/net`));
    for (const [fd, inode] of Object.entries(inodes)) setFd(pid, Number(fd), inode);
  };
  const setFd = (pid: number, fd: number, inode: number | undefined): void => {
    const path = join(root, `${pid}/fd/${fd}`);
    rmSync(path, { force: true });
    if (inode !== undefined) symlinkSync(`socket:[${inode}]`, path);
  };
  const diag = (inode: number, facts: Partial<DiagSocket> = {}): DiagSocket => {
    const id = Buffer.alloc(48);
    id.writeUInt16BE(facts.local?.port ?? 50_000, 0);
    return {
      family: 2,
      protocol: 6,
      state: 1,
      local: { address: '10.0.0.2', port: 50_000 },
      remote: { address: '10.0.0.1', port: 443 },
      inode,
      id,
      closedMs: undefined,
      ...facts,
    };
  };

  const setUp = (
    limits: Partial<SocketEndsLimits> = {},
    { procfs = new ProcfsReader(root), cpuMs = undefined as (() => number) | undefined } = {},
  ) => {
    const state = {
      now: 0,
      cpu: 0,
      listCost: 1,
      sockets: [] as DiagSocket[],
      unix: [] as number[],
      fails: false,
    };
    const lists: ListQuestion[] = [];
    const exact: number[] = [];
    const lister: SocketLister = {
      list(question) {
        lists.push(question);
        state.cpu += state.listCost;
        if (state.fails) throw new Error('EPERM');
        return state.sockets.filter(
          ({ family, protocol, inode }) =>
            family === question.family &&
            protocol === question.protocol &&
            (question.others !== undefined || question.inodes.has(inode)),
        );
      },
      exact(_family, _protocol, id) {
        const port = Buffer.from(id).readUInt16BE(0);
        exact.push(port);
        return state.sockets.find(({ local }) => local.port === port);
      },
      isUnix: inode => state.unix.includes(inode),
      close() {},
    };
    const ends = new SocketEnds({
      procfs,
      lists: new SocketLists(procfs, lister),
      now: () => state.now,
      wallMs: () => BASE + state.now,
      cpuMs: cpuMs ?? (() => state.cpu),
      limits,
    });
    let eid = 0;
    const see = (facts: Partial<SocketEvent> = {}, before = 0): number => {
      const stamp = BASE + state.now - before;
      ends.see(
        socketEvent({ seconds: Math.floor(stamp / 1000), milliseconds: stamp % 1000, ...facts }),
        ++eid,
      );
      return eid;
    };
    /** Lets time pass in steps, and returns what was found. */
    const pass = (milliseconds: number, step = 5) => {
      const found = [];
      for (let passed = 0; passed < milliseconds; passed += step) {
        state.now += step;
        ends.look();
        found.push(...ends.take());
      }
      return found;
    };
    const look = (): void => {
      ends.look();
    };
    return { ends, state, lists, exact, see, look, pass };
  };

  it('lists the sockets once for all that came together, and tells them when nobody else can turn up', () => {
    addProcess(100, { 3: 7, 4: 8 });
    const { state, lists, see, look, pass, ends } = setUp();
    state.sockets = [diag(7), diag(8, { local: { address: '10.0.0.2', port: 50_002 } })];
    see();
    see({ fd: 4 });
    look();
    expect(ends.take()).toEqual([]);
    expect(lists.map(({ protocol, remotePort, inodes }) => [protocol, remotePort, [...inodes]])).toEqual([
      [17, 443, [7, 8]],
      [6, 443, [7, 8]],
    ]);
    expect(pass(110)).toMatchObject([
      { eid: 1, localPort: 50_000, protocol: 6 },
      { eid: 2, localPort: 50_002 },
    ]);
    expect(ends.isWaiting).toBe(false);
  });

  it('asks for one socket alone where it can be guessed which ends it has', () => {
    addProcess(100, { 3: 7 });
    const { state, lists, exact, see, look, pass } = setUp();
    state.sockets = [diag(7)];
    see();
    look();
    pass(110);
    expect(lists).toHaveLength(2);
    setFd(100, 3, 9);
    state.sockets = [
      diag(8, { local: { address: '10.0.0.2', port: 50_002 } }),
      diag(9, { local: { address: '10.0.0.2', port: 50_004 } }),
    ];
    see();
    look();
    // The first one is not the socket that the descriptor is.
    expect(exact).toEqual([50_002, 50_004]);
    expect(pass(110)).toMatchObject([{ eid: 2, localPort: 50_004 }]);
    expect(lists).toHaveLength(2);
  });

  it('guesses after a listing that came too late, by the connections that it shows', () => {
    addProcess(100, { 3: 7 });
    const { state, exact, see, look, pass } = setUp();
    const at = (port: number) => ({ local: { address: '10.0.0.2', port } });
    // Closed by now: nobody's.
    state.sockets = [50_000, 50_002, 50_010, 40_000].map(port => diag(0, { state: 6, ...at(port) }));
    see();
    look();
    pass(110);
    setFd(100, 3, 9);
    state.sockets = [diag(9, at(50_012))];
    see();
    look();
    expect(exact).toEqual([50_012]);
    expect(pass(110)).toMatchObject([{ eid: 2, localPort: 50_012 }]);
  });

  it('takes no socket with another port, none that listens, and none that still waits where the call has returned', () => {
    addProcess(100, { 3: 7, 4: 8, 5: 9, 6: 10 });
    const { state, see, look, pass, ends } = setUp();
    writeFileSync(join(root, '100/fdinfo/5'), 'pos:\t0\nflags:\t02\n');
    writeFileSync(join(root, '100/fdinfo/6'), 'pos:\t0\nflags:\t04002\n');
    const remote = { address: '10.0.0.1', port: 80 };
    state.sockets = [
      diag(7, { remote }),
      diag(8, { state: 10 }),
      diag(9, { state: 2 }),
      diag(10, { state: 2 }),
    ];
    see();
    see({ fd: 4 });
    see({ fd: 5, outcome: 'in_progress', exit: -115 });
    const underWay = see({ fd: 6, outcome: 'in_progress', exit: -115 });
    look();
    expect(pass(110).map(({ eid }) => eid)).toEqual([underWay]);
    expect(ends.counters).toMatchObject({ found: 1, gone: 3 });
  });

  it('never tells the end of a socket that a descriptor was used for again', () => {
    addProcess(100, { 3: 8 });
    const { state, see, look, pass } = setUp();
    state.sockets = [diag(8)];
    // The first call's socket is closed, and the second call, whose record is still to come, has connected.
    see();
    look();
    const second = see({}, 1);
    look();
    expect(pass(110).map(({ eid }) => eid)).toEqual([second]);
  });

  it('finds sockets of another namespace where that says so, and in no other', () => {
    addProcess(100, { 3: 7 }, 2);
    addProcess(101, { 3: 8 }, 3);
    const { state, lists, see, look, pass } = setUp();
    state.sockets = [diag(7)];
    const line = (inode: number) =>
      `sl\n 0: 0200000A:C350 0100000A:01BB 01 00000000:00000000 00:00000000 00000000 0 0 ${inode} 1\n`;
    writeFileSync(join(root, '100/net/udp'), 'sl\n');
    writeFileSync(join(root, '100/net/tcp'), line(7));
    writeFileSync(join(root, '101/net/udp'), 'sl\n');
    writeFileSync(join(root, '101/net/tcp'), line(7));
    see();
    see({ pid: 101 });
    look();
    expect(pass(110)).toMatchObject([{ eid: 1, localAddress: '10.0.0.2', localPort: 50_000 }]);
    expect(lists).toEqual([]);
  });

  it('says of an accept whose connection is gone what the listening socket says', () => {
    addProcess(100, { 3: 7, 4: 8 });
    const { state, see, look, pass } = setUp();
    state.sockets = [
      diag(7, {
        state: 10,
        local: { address: '0.0.0.0', port: 80 },
        remote: { address: '0.0.0.0', port: 0 },
      }),
      diag(8, {
        state: 10,
        local: { address: '10.0.0.2', port: 81 },
        remote: { address: '0.0.0.0', port: 0 },
      }),
    ];
    const accept = { action: 'accept', exit: 9, family: undefined, remote: undefined } as const;
    see({ ...accept, fd: 3 });
    see({ ...accept, fd: 4, exit: 10 });
    look();
    expect(pass(110)).toMatchObject([
      { eid: 1, family: 2, protocol: 6, localAddress: undefined, localPort: 80, remotePort: undefined },
      { eid: 2, localAddress: '10.0.0.2', localPort: 81 },
    ]);
  });

  it('tells no end of an accept from a socket of another port, as it may have come to the descriptor since', () => {
    addProcess(100, { 3: 7, 9: 8 });
    const { state, see, look, pass } = setUp();
    state.sockets = [
      diag(7, {
        state: 10,
        local: { address: '10.0.0.2', port: 80 },
        remote: { address: '0.0.0.0', port: 0 },
      }),
      diag(8, { local: { address: '10.0.0.2', port: 50_000 } }),
    ];
    see({ action: 'accept', exit: 9, family: undefined, remote: undefined });
    look();
    expect(pass(110)).toMatchObject([{ localPort: 80, remotePort: undefined }]);
  });

  it('knows the port of a listening socket that is closed by its bind', () => {
    addProcess(100, { 9: 8 });
    const { state, see, look, pass } = setUp();
    state.sockets = [diag(8, { local: { address: '10.0.0.2', port: 80 } })];
    see({ action: 'bind', local: { address: '0.0.0.0', port: 80 }, remote: undefined });
    see({ action: 'accept', exit: 9, family: undefined, remote: undefined });
    look();
    expect(pass(110)).toMatchObject([
      { family: 2, localAddress: '10.0.0.2', localPort: 80, remotePort: 443 },
    ]);
  });

  it('waits for a bound socket to show, as it does when it listens', () => {
    addProcess(100, { 3: 7 });
    const { state, see, look, pass } = setUp();
    see({ action: 'bind', local: { address: '10.0.0.2', port: 0 }, remote: undefined });
    look();
    pass(10);
    state.sockets = [diag(7, { state: 10, local: { address: '10.0.0.2', port: 40_000 } })];
    expect(pass(110)).toMatchObject([{ localPort: 40_000, localAddress: undefined, protocol: 6 }]);
  });

  it('looks at few where many come, and lists once for those', () => {
    const fds = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [i, i + 1]));
    addProcess(100, fds);
    const { ends, see, pass, lists } = setUp({
      maxPromptPerSecond: 100,
      maxLooksPerSecond: 20,
      saveLooksMs: 200,
    });
    for (let i = 0; i < 300; i++) {
      see({ fd: i });
      if (i % 10 === 9) pass(10, 10);
    }
    expect(ends.isPrompt).toBe(false);
    expect(ends.counters.refused).toBeGreaterThan(250);
    expect(lists.length).toBeLessThan(20);
  });

  it('spends no more on listing than it may, and lists all that waits when it may again', () => {
    const fds = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i, i + 1]));
    addProcess(100, fds);
    const { state, see, pass, ends } = setUp({ listingMsPerSecond: 100 });
    state.listCost = 30;
    for (let i = 0; i < 100; i++) {
      see({ fd: i });
      pass(10, 10);
    }
    expect(state.cpu).toBeLessThan(100 + 100 + 60);
    pass(2_000);
    expect(ends.isWaiting).toBe(false);
    expect(ends.counters.gone + ends.counters.refused).toBe(100);
  });

  it('goes on where the kernel refuses, and counts it', () => {
    addProcess(100, { 3: 7 });
    const { state, see, look, pass, ends } = setUp();
    state.fails = true;
    see();
    look();
    expect(pass(110)).toEqual([]);
    expect(ends.counters).toEqual({ found: 0, gone: 1, refused: 0, failed: 2 });
  });

  describe('with very many namespaces', () => {
    const portOf = (pid: number): number => 10_000 + (pid - FIRST_PID);
    /** The list of sockets in the namespace of a process: one connection, whose port is like no other's. */
    const listOf = (pid: number): string => {
      const local = `0200000A:${portOf(pid).toString(16).toUpperCase()}`;
      const rest = `01 00000000:00000000 00:00000000 00000000     0        0 ${pid} 1`;
      return `  sl  local_address rem_address   st\n   0: ${local} 0100000A:01BB ${rest}\n`;
    };
    /** Milliseconds of CPU that a list costs. */
    const LIST_MS = 0.5;

    /** @param milliseconds between two events, each in a namespace of its own */
    const lookAtMany = (milliseconds: number) => {
      const state = { cpu: 0 };
      const crowd = new CrowdedProcfs(pid => {
        state.cpu += LIST_MS;
        return listOf(pid);
      });
      const { ends, see, pass, state: clock } = setUp({}, { procfs: crowd, cpuMs: () => state.cpu });
      const found: FoundEnds[] = [];
      for (let i = 0; i < MANY; i++) {
        see({ pid: FIRST_PID + i });
        if (milliseconds > 0) found.push(...pass(milliseconds, milliseconds));
      }
      found.push(...pass(3_000, 10));
      return { ends, found, crowd, cpu: state.cpu, seconds: clock.now / 1_000 };
    };

    it.each([
      ['one a millisecond', 1],
      ['one in five', 5],
      ['all at once', 0],
    ])('comes to an end, within its share of the CPU, and with right answers: %s', (_, milliseconds) => {
      const { ends, found, crowd, cpu, seconds } = lookAtMany(milliseconds);
      expect(ends.isWaiting).toBe(false);
      const { gone, refused } = ends.counters;
      expect(found.length + gone + refused).toBe(MANY);
      expect(found.length).toBeGreaterThan(0);
      // Each row has the end of its own namespace.
      for (const { eid, localPort } of found) expect(localPort).toBe(portOf(FIRST_PID + eid - 1));
      const { listingMsPerSecond } = SOCKET_ENDS_LIMITS;
      expect(cpu).toBeLessThanOrEqual(listingMsPerSecond * (seconds + 1) + LIST_MS * 2);
      // The list of UDP sockets, and that of TCP sockets.
      expect(crowd.lists).toBeLessThanOrEqual(2 * MANY);
      expect(crowd.links.namespace).toBeLessThanOrEqual(1 + MANY);
      expect(crowd.links.descriptor).toBeLessThanOrEqual(MANY);
    });
  });
});
