import { spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { OsqueryError, Plugin } from 'osquery-extension-ts';
import {
  CHANNELS,
  ExtensionClient,
  ExtensionManagerServer,
  type ExtensionServer,
  type ExtensionServerOptions,
} from 'osquery-extension-ts/server';
import type { ServerRejectedMessage } from 'osquery-extension-ts/types';
import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeRequest } from '../../../src/osquery-extension-ts/src/wire/request-codec.ts';
import { unless, whyNotRoot } from '../../unless.ts';
import { socketPath, until } from '../support.ts';
import { rawClient } from './raw-client.ts';
import { startServer } from './start-server.ts';

const BIG = 4 * 1024 * 1024;
/** One row of BIG bytes in a chunk of its own for each answer, as a SELECT of some columns makes them. */
const bigRow = (): Buffer => {
  const row = Buffer.alloc(BIG);
  Buffer.from('0b0b00000001000000016b', 'hex').copy(row);
  row.writeInt32BE(BIG - 15, 11);
  return row;
};
const big: Plugin = {
  registry: 'table',
  name: 'big',
  routes: () => [],
  call: () => ({ count: 1, chunks: [bigRow()] }),
};
const askBig = encodeRequest('Extension', 'call', 1, ['table', 'big', {}]).bytes;
const ping = encodeRequest('Extension', 'ping', 1, []).bytes;

const start = (options: Partial<ExtensionServerOptions> = {}): Promise<ExtensionServer> =>
  startServer({ uuid: 9, plugins: [big], ...options });

const answers = async (server: ExtensionServer): Promise<string> => {
  await using client = new ExtensionClient({ socketPath: server.socketPath });
  return (await client.ping()).message;
};

/** Reasons for which connections were dropped while the test ran. */
const rejected = (): Pick<OsqueryError, 'code' | 'message'>[] => {
  const reasons: Pick<OsqueryError, 'code' | 'message'>[] = [];
  const listener = (data: unknown): void => {
    // Not the error itself, whose stack holds what was being sent.
    const { code, message } = (data as ServerRejectedMessage).reason as OsqueryError;
    reasons.push({ code, message });
  };
  subscribe(CHANNELS.serverRejected, listener);
  onTestFinished(() => {
    unsubscribe(CHANNELS.serverRejected, listener);
  });
  return reasons;
};

/** call(3: …) as deep as it goes: structs, lists of lists, maps of maps. */
const nested = (field: string, inner: string, depth: number): Buffer =>
  Buffer.from(`800100010000000463616c6c00000001${field}${inner.repeat(depth)}`, 'hex');

/** What one bad client of many does with its connection. */
const badManners: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['says nothing', Buffer.alloc(0)],
  ['sends half a request', askBig.subarray(0, askBig.length - 3)],
  ['sends garbage', Buffer.from('\0\xff\x80\x01garbage', 'latin1')],
  ['announces 4 GiB', Buffer.from('800100010000000463616c6c000000010b0001ffffffff', 'hex')],
  ['announces 2 GiB', Buffer.from('800100010000000463616c6c000000010b00017fffffff', 'hex')],
  ['announces a negative list', Buffer.from('800100010000000463616c6c000000010f00010b80000000', 'hex')],
  ['announces a negative map', Buffer.from('800100010000000463616c6c000000010d00030b0bffffffff', 'hex')],
  ['announces 2^31 - 1 structs', Buffer.from('800100010000000463616c6c000000010f00010c7fffffff', 'hex')],
  ['nests structs', nested('', '0c0001', 50_000)],
  ['nests lists', nested('0f0001', '0f00000001', 50_000)],
  ['nests maps', nested('0d0001', '0d0d00000001', 50_000)],
  ['asks much and reads nothing', askBig],
];

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

describe('a server and hostile clients', () => {
  it('holds no more of the replies that nobody reads than it is allowed', async () => {
    const dropped = rejected();
    const server = await start({ limits: { maxPendingReplyBytes: 3.5 * BIG } });
    const before = process.memoryUsage().arrayBuffers;
    const readers = await Promise.all(Array.from({ length: 40 }, () => rawClient(server.socketPath, true)));
    for (const { socket } of readers) socket.write(askBig);
    await until(() => dropped.length === 37);
    expect(server.connectionCount).toBe(3);
    await until(() => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers - before < 4 * BIG;
    });
    expect(new Set(dropped.map(({ code }) => code))).toEqual(new Set(['OSQUERY_TOO_LARGE']));
    // What is given back when they go, or have read, is there for others.
    const [reader, ...others] = readers;
    for (const { socket } of others) socket.destroy();
    reader!.socket.destroy();
    await until(() => server.connectionCount === 0);
    for (let i = 0; i < 10; i++) {
      await using client = new ExtensionClient({ socketPath: server.socketPath });
      expect(await client.call('table', 'big', {})).toHaveLength(1);
    }
  });

  it('drops who reads nothing, not who asks next and reads', async () => {
    const dropped = rejected();
    const server = await start({ limits: { maxPendingReplyBytes: 3.5 * BIG } });
    const silent = await Promise.all(Array.from({ length: 3 }, () => rawClient(server.socketPath, true)));
    for (const { socket } of silent) socket.write(askBig);
    await until(() => server.connectionCount === 3);
    await using client = new ExtensionClient({ socketPath: server.socketPath });
    // One after the other, each has to be let in once.
    for (let i = 0; i < 5; i++) expect(await client.call('table', 'big', {})).toHaveLength(1);
    expect(dropped.map(({ code }) => code)).toEqual(['OSQUERY_TOO_LARGE']);
    expect(server.connectionCount).toBe(3);
    for (const { socket } of silent) socket.destroy();
  });

  it('makes no more of a reply than is read', async () => {
    const chunks = 100;
    let made = 0;
    const late: Plugin = {
      registry: 'table',
      name: 'late',
      routes: () => [],
      call: () => ({
        count: chunks,
        chunks: Array.from({ length: chunks }, () => ({
          length: BIG,
          make: () => {
            made++;
            return [bigRow()];
          },
        })),
      }),
    };
    const server = await start({ plugins: [late], limits: { maxPendingReplyBytes: 3.5 * BIG } });
    const { socket } = await rawClient(server.socketPath, true);
    socket.write(encodeRequest('Extension', 'call', 1, ['table', 'late', {}]).bytes);
    await until(() => made > 0);
    expect(await answers(server)).toBe('pong');
    expect(made).toBe(1);
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    socket.resume();
    await until(() => bytes > chunks * BIG);
    expect(made).toBe(chunks);
  });

  it('serves others while 500 connections do all that is bad at once', async () => {
    const dropped = rejected();
    const server = await start({ limits: { maxPendingReplyBytes: 8 * BIG, requestTimeoutMs: 500 } });
    const before = process.memoryUsage().arrayBuffers;
    const clients = await Promise.all(Array.from({ length: 500 }, () => rawClient(server.socketPath, true)));
    clients.forEach(({ socket }, index) => {
      socket.write(badManners[index % badManners.length]![1]);
    });
    for (let i = 0; i < 20; i++) expect(await answers(server)).toBe('pong');
    // Left are those that say nothing, and those whose replies are within the limit.
    const silent = clients.filter((_, index) => index % badManners.length === 0).length;
    await until(() => server.connectionCount <= silent + 7);
    expect(dropped.length).toBeGreaterThan(400);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * BIG);
    for (const { socket } of clients) socket.destroy();
    await until(() => server.connectionCount === 0);
    expect(await answers(server)).toBe('pong');
  });

  it.each(badManners.slice(2, -1))('drops at once a client that %s', async (_, bytes) => {
    const dropped = rejected();
    const server = await start();
    const { socket, received } = await rawClient(server.socketPath);
    socket.write(bytes);
    expect(await received).toHaveLength(0);
    expect(dropped).toHaveLength(1);
    expect(await answers(server)).toBe('pong');
  });

  it('lives on when there are no descriptors left', async () => {
    const path = socketPath();
    const program = `
      import { ExtensionServer } from 'osquery-extension-ts/server';
      const server = new ExtensionServer({ managerSocketPath: ${JSON.stringify(path)}, uuid: 9, plugins: [] });
      await server.listen();
      console.log('listening');
      process.stdin.resume();
      process.stdin.on('end', () => server.close(0));`;
    const child = spawn(
      '/bin/sh',
      [
        '-c',
        'ulimit -n 64; exec "$@"',
        'sh',
        process.execPath,
        '--conditions=source',
        '--input-type=module',
        '-e',
        program,
      ],
      { stdio: ['pipe', 'pipe', 'inherit'], cwd: process.cwd() },
    );
    onTestFinished(() => void child.kill());
    await once(child.stdout, 'data');
    const clients = await Promise.all(Array.from({ length: 200 }, () => rawClient(`${path}.9`)));
    for (const { socket } of clients) socket.destroy();
    // It answers again when they are gone.
    await until(async () => {
      await using client = new ExtensionClient({ socketPath: `${path}.9`, timeoutMs: 1_000 });
      return await client.ping().then(
        ({ message }) => message === 'pong',
        () => false,
      );
    });
    child.stdin.end();
    expect((await once(child, 'exit'))[0]).toBe(0);
  });
});

describe('a server and clients of other users', () => {
  const connectAs = async (uid: number, path: string): Promise<string> => {
    const program = `
      use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0);
      connect($s, pack_sockaddr_un($ARGV[0])) or (print("refused: $!"), exit);
      syswrite($s, pack("H*", $ARGV[1])); print(sysread($s, my $answer, 1000) ? "answered" : "closed");`;
    const child = spawn('/usr/bin/perl', ['-e', program, path, ping.toString('hex')], { uid });
    let out = '';
    child.stdout.on('data', text => {
      out += text;
    });
    await once(child, 'close');
    return out;
  };

  it('keeps them out by the mode of its socket file', unless(whyNotRoot), async () => {
    const server = await start();
    chmodSync(dirname(server.socketPath), 0o755);
    expect(await connectAs(65_534, server.socketPath)).toBe('refused: Permission denied');
    expect(await connectAs(0, server.socketPath)).toBe('answered');
  });

  it('asks refusePeer of each, with the descriptor of its connection', async () => {
    const dropped = rejected();
    const asked: number[] = [];
    let refusal: string | undefined;
    const server = await start({
      refusePeer: fd => {
        asked.push(fd);
        return refusal;
      },
    });
    expect(await answers(server)).toBe('pong');
    expect(asked).toEqual([expect.toSatisfy((fd: number) => Number.isInteger(fd) && fd > 2)]);
    refusal = 'not you';
    const { socket, received } = await rawClient(server.socketPath);
    socket.write(ping);
    expect(await received).toHaveLength(0);
    expect(dropped).toMatchObject([{ code: 'OSQUERY_PEER_REFUSED', message: 'not you' }]);
    await until(() => server.connectionCount === 0);
  });

  it('refuses whom refusePeer cannot decide on', async () => {
    const dropped = rejected();
    const path = socketPath();
    const nobody = (): never => {
      throw new Error('no idea');
    };
    const manager = new ExtensionManagerServer({
      socketPath: path,
      handlers: {
        call: nobody,
        extensions: nobody,
        options: nobody,
        registerExtension: nobody,
        deregisterExtension: nobody,
        query: nobody,
        getQueryColumns: nobody,
      },
      refusePeer: nobody,
    });
    await manager.listen();
    onTestFinished(() => manager.close(0));
    const { received } = await rawClient(path);
    expect(await received).toHaveLength(0);
    expect(dropped).toMatchObject([{ code: 'OSQUERY_PEER_REFUSED', message: 'no idea' }]);
  });
});
