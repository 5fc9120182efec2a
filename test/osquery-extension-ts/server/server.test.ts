import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import fc from 'fast-check';
import { OsqueryError, OsqueryStatusError, type Plugin, TablePlugin } from 'osquery-extension-ts';
import {
  CHANNELS,
  ExtensionClient,
  ExtensionServer,
  type ExtensionServerOptions,
} from 'osquery-extension-ts/server';
import type { ServerRejectedMessage } from 'osquery-extension-ts/types';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MessageReader } from '../../../src/osquery-extension-ts/src/wire/message-reader.ts';
import { encodeRequest } from '../../../src/osquery-extension-ts/src/wire/request-codec.ts';
import { until } from '../support.ts';
import { message } from '../wire/messages.ts';
import { rawClient } from './raw-client.ts';
import { startServer } from './start-server.ts';

const table = new TablePlugin(
  { name: 't', columns: [{ name: 'a', type: 'TEXT' }] },
  { generate: () => [{ a: 'answer' }] },
);

const start = (options: Partial<ExtensionServerOptions> = {}): Promise<ExtensionServer> =>
  startServer({ uuid: 31, plugins: [table], ...options });

function clientOf(server: ExtensionServer): ExtensionClient {
  const client = new ExtensionClient({ socketPath: server.socketPath });
  onTestFinished(() => client.close());
  return client;
}

const plugin = (name: string, call: Plugin['call']): Plugin => ({
  registry: 'table',
  name,
  routes: () => [],
  call,
});

const pingBytes = encodeRequest('Extension', 'ping', 1, []).bytes;
const callBytes = encodeRequest('Extension', 'call', 2, [
  'table',
  't',
  { action: 'generate', context: '{}' },
]).bytes;

/** The names of the messages in a stream. */
function namesIn(bytes: Buffer): string[] {
  const reader = new MessageReader(1 << 26);
  reader.push(bytes);
  const names: string[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    names.push(next.toString('latin1', 8, 8 + next.readInt32BE(4)));
  }
  expect(reader.pendingBytes).toBe(0);
  return names;
}

/** Reasons for which connections were dropped while the test ran. */
function droppedConnections(): OsqueryError[] {
  const reasons: OsqueryError[] = [];
  const listener = (data: unknown): void => {
    reasons.push((data as ServerRejectedMessage).reason as OsqueryError);
  };
  subscribe(CHANNELS.serverRejected, listener);
  onTestFinished(() => {
    unsubscribe(CHANNELS.serverRejected, listener);
  });
  return reasons;
}

describe('an extension’s server', () => {
  it('answers ping with its uuid, and call with the plugin’s rows', async () => {
    const client = clientOf(await start());
    expect(await client.ping()).toEqual({ code: 0, message: 'pong', uuid: 31 });
    expect(await client.call('table', 't', { action: 'generate', context: '{}' })).toMatchObject([
      { a: 'answer' },
    ]);
    expect(await client.call('table', 't', { action: 'columns' })).toEqual(table.routes());
  });

  it('takes rows as objects from any plugin', async () => {
    const logger: Plugin = {
      registry: 'logger',
      name: 'l',
      routes: () => [],
      call: async request => [{ got: request.string ?? '' }, {}],
    };
    const client = clientOf(await start({ plugins: [table, logger] }));
    expect(await client.call('logger', 'l', { string: '…' })).toEqual([{ got: '…' }, {}]);
  });

  it('answers a status with the message of what was thrown', async () => {
    const client = clientOf(
      await start({
        plugins: [
          plugin('error', () => {
            throw new Error('out of order');
          }),
          plugin('status', async () => {
            throw new OsqueryStatusError({ code: 2, message: 'fatal' });
          }),
          plugin('nothing', () => {
            throw undefined;
          }),
          plugin('no rows', () => [{ a: 5 }] as never),
        ],
      }),
    );
    const statusOf = (name: string, registry = 'table') =>
      client.call(registry, name, {}).catch((error: OsqueryStatusError) => error.status);
    expect(await statusOf('error')).toEqual({ code: 1, message: 'out of order', uuid: 31 });
    expect(await statusOf('status')).toEqual({ code: 2, message: 'fatal', uuid: 31 });
    expect(await statusOf('nothing')).toEqual({ code: 1, message: 'undefined', uuid: 31 });
    expect(await statusOf('no rows')).toEqual({
      code: 1,
      message: 'value of "a" is number; rows hold text',
      uuid: 31,
    });
    expect(await statusOf('x')).toEqual({
      code: 1,
      message: 'this extension has no table plugin "x"',
      uuid: 31,
    });
    expect(await statusOf('x', 'y')).toEqual({
      code: 1,
      message: 'this extension has no registry "y"',
      uuid: 31,
    });
    expect(client.connects).toBe(1);
  });

  it('answers an unknown method with a Thrift exception', async () => {
    const server = await start();
    const { socket, received } = await rawClient(server.socketPath);
    socket.end(encodeRequest('ExtensionManager', 'options', 3, []).bytes);
    expect((await received).toString('latin1')).toContain('Unknown function options');
  });

  it('answers a call of missing or wrong arguments', async () => {
    const server = await start();
    const { socket, received } = await rawClient(server.socketPath);
    // call() without fields; call(1: i32, 3: string).
    socket.write(Buffer.from('800100010000000463616c6c0000000100', 'hex'));
    socket.end(
      Buffer.from(
        '800100010000000463616c6c0000000208000100000001 0b00030000000161 00'.replaceAll(' ', ''),
        'hex',
      ),
    );
    expect(namesIn(await received)).toEqual(['call', 'call']);
  });

  it('tells of shutdown after it has answered', async () => {
    let told = 0;
    const server = await start({
      onShutdown: () => {
        told += 1;
      },
    });
    const client = clientOf(server);
    await client.shutdown();
    expect(told).toBe(1);
  });

  it('refuses two plugins of one name', () => {
    expect(
      () => new ExtensionServer({ managerSocketPath: '/x', uuid: 1, plugins: [table, table] }),
    ).toThrowError('two table plugins are named t');
  });

  it('refuses an answer that is too large to be sent', async () => {
    const client = clientOf(
      await start({
        plugins: [plugin('big', () => ({ count: 1, chunks: [Buffer.alloc(2000)] }))],
        limits: { maxReplyBytes: 1000 },
      }),
    );
    await expect(client.call('table', 'big', {})).rejects.toThrowError(
      /1 rows of 2000 bytes.*at most 1000 bytes/,
    );
  });

  it('serves connections in parallel and each in order', async () => {
    const gate = Promise.withResolvers<void>();
    const server = await start({
      plugins: [
        plugin('slow', async () => {
          await gate.promise;
          return [];
        }),
        table,
      ],
    });
    const slow = clientOf(server);
    const answers: string[] = [];
    const waiting = [
      slow.call('table', 'slow', {}).then(() => answers.push('slow')),
      slow.ping().then(() => answers.push('after slow')),
    ];
    await clientOf(server).ping();
    answers.push('other');
    gate.resolve();
    await Promise.all(waiting);
    expect(answers).toEqual(['other', 'slow', 'after slow']);
  });

  it('answers requests that come all at once, and a client that has stopped writing', async () => {
    const server = await start();
    const { socket, received } = await rawClient(server.socketPath);
    const requests = Array.from({ length: 20_000 }, (_, i) => (i % 100 > 0 ? pingBytes : callBytes));
    socket.end(Buffer.concat(requests));
    expect(namesIn(await received)).toEqual(
      requests.map(request => (request === pingBytes ? 'ping' : 'call')),
    );
  });

  it('tells a plugin at once that its caller has gone while it works', async () => {
    const started = Promise.withResolvers<AbortSignal>();
    const server = await start({
      plugins: [
        plugin('slow', async (_, { signal }) => {
          started.resolve(signal);
          await once(signal, 'abort');
          return [];
        }),
      ],
    });
    const { socket } = await rawClient(server.socketPath);
    socket.write(encodeRequest('Extension', 'call', 1, ['table', 'slow', {}]).bytes);
    const signal = await started.promise;
    expect(signal.aborted).toBe(false);
    // As core does when it is killed, or its query is: both sides of the connection are gone.
    socket.destroy();
    await until(() => signal.aborted);
    await until(() => server.connectionCount === 0);
  });

  it('answers a client that has only closed its writing side, which may still leave', async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const signals: AbortSignal[] = [];
    const server = await start({
      plugins: [
        plugin('slow', async (_, { signal }) => {
          const gate = gates[signals.length]!;
          signals.push(signal);
          await gate.promise;
          return [{ a: 'late' }];
        }),
      ],
    });
    const request = encodeRequest('Extension', 'call', 1, ['table', 'slow', {}]).bytes;
    const stays = await rawClient(server.socketPath);
    stays.socket.end(request);
    await until(() => signals.length === 1);
    const leaves = await rawClient(server.socketPath);
    leaves.socket.end(request);
    await until(() => signals.length === 2);
    leaves.socket.destroy();
    await until(() => signals[1]!.aborted);
    if (process.platform === 'linux') expect(signals[0]!.aborted).toBe(false);
    gates[0]!.resolve();
    expect(String(await stays.received)).toContain('late');
    gates[1]!.resolve();
  });

  it('tells a plugin that its caller has gone', async () => {
    const started = Promise.withResolvers<AbortSignal>();
    const server = await start({
      plugins: [
        plugin('slow', async (_, { signal }) => {
          started.resolve(signal);
          await once(signal, 'abort');
          return [];
        }),
      ],
      limits: { writeTimeoutMs: 50 },
    });
    const client = clientOf(server);
    const call = client.call('table', 'slow', {});
    const settled = Promise.allSettled([call]);
    const signal = await started.promise;
    expect(signal.aborted).toBe(false);
    await server.close(0);
    await until(() => signal.aborted);
    expect(await settled).toMatchObject([{ status: 'rejected' }]);
  });

  it.each([
    ['whose reply it did not take whole', 64 * 1024 * 1024, true],
    ['that went before a short reply', 10, true],
    ['that had its reply', 10, false],
  ])('tells a plugin, or not, of a caller %s', async (_, bytes, goes) => {
    const calls: AbortSignal[] = [];
    const gate = Promise.withResolvers<void>();
    const server = await start({
      plugins: [
        plugin('slow', async (_request, { signal }) => {
          calls.push(signal);
          await gate.promise;
          return [{ a: 'x'.repeat(bytes) }];
        }),
      ],
    });
    const request = encodeRequest('Extension', 'call', 3, ['table', 'slow', { action: 'generate' }]).bytes;
    const { socket } = await rawClient(server.socketPath, goes);
    socket.write(request);
    await until(() => calls.length === 1);
    if (goes && bytes < 1024) socket.destroy();
    gate.resolve();
    if (goes) {
      await new Promise(resolve => setTimeout(resolve, 50));
      socket.destroy();
      await until(() => calls[0]!.aborted);
    } else {
      await once(socket, 'data');
      socket.destroy();
      await until(() => server.connectionCount === 0);
      expect(calls[0]!.aborted).toBe(false);
    }
  });

  it('finishes replies under way when it is closed, and takes nothing new', async () => {
    const gate = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const server = await start({
      plugins: [
        plugin('slow', async () => {
          started.resolve();
          await gate.promise;
          return [{ done: 'yes' }];
        }),
      ],
    });
    const answer = clientOf(server).call('table', 'slow', {});
    await started.promise;
    const closed = server.close(10_000);
    await expect(clientOf(server).ping()).rejects.toBeInstanceOf(OsqueryError);
    gate.resolve();
    expect(await answer).toEqual([{ done: 'yes' }]);
    await closed;
    expect(server.connectionCount).toBe(0);
  });
});

describe('a server and unusual messages', () => {
  const call = encodeRequest('Extension', 'call', 1, ['table', 't', { action: 'generate' }]).bytes;
  /** The same message without a version: name, type, number. */
  const loose = Buffer.concat([call.subarray(4, 12), Buffer.of(1), call.subarray(12)]);

  it('reads messages that are not strict', async () => {
    const server = await start();
    const { socket, received } = await rawClient(server.socketPath);
    const ping = Buffer.from('0000000470696e67010000000200', 'hex');
    for (const byte of ping) socket.write(Buffer.of(byte));
    socket.end(loose);
    const replies = await received;
    expect(namesIn(replies)).toEqual(['ping', 'call']);
    expect(replies.toString('latin1')).toContain('answer');
  });

  it('bounds the nesting of what it does not know, and keeps the connection', async () => {
    const server = await start();
    const { socket, received } = await rawClient(server.socketPath);
    /** call() with a field 9 that nobody knows, of structs in structs. */
    const nested = (depth: number): Buffer =>
      Buffer.concat([
        call.subarray(0, 16),
        Buffer.from('0c0009'.repeat(depth), 'hex'),
        Buffer.alloc(depth),
        call.subarray(16),
      ]);
    socket.write(nested(60));
    socket.write(nested(4000));
    socket.end(call);
    const text = (await received).toString('latin1');
    expect(namesIn(await received)).toEqual(['call', 'call', 'call']);
    expect(text.match(/answer/g)).toHaveLength(2);
    expect(text).toContain('values nested more than 64 deep');
  });
});

describe('a server and hostile bytes', () => {
  it('gets a request that is cut anywhere: no answer, no harm', async () => {
    const server = await start();
    for (const bytes of [pingBytes, callBytes]) {
      for (let length = 0; length < bytes.length; length += 1) {
        const { socket, received } = await rawClient(server.socketPath);
        socket.end(bytes.subarray(0, length));
        expect(await received).toHaveLength(0);
      }
    }
    expect((await clientOf(server).ping()).message).toBe('pong');
  });

  it('gets a request byte by byte: the same answer', async () => {
    const server = await start();
    const { socket, received } = await rawClient(server.socketPath);
    for (const byte of callBytes) {
      socket.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    socket.end();
    expect(namesIn(await received)).toEqual(['call']);
  });

  it('drops a client whose bytes are no request, and serves the others', async () => {
    const dropped = droppedConnections();
    const server = await start();
    const other = clientOf(server);
    const garbage = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'latin1'),
      Buffer.from('80010001fffffffe', 'hex'),
      // call(1: a string of 4 GiB - 1, of 2 GiB - 1), call(3: a map of 2^31 - 1 entries).
      Buffer.from('800100010000000463616c6c000000010b0001ffffffff', 'hex'),
      Buffer.from('800100010000000463616c6c000000010b00017fffffff', 'hex'),
      Buffer.from('800100010000000463616c6c000000010d00030b0b7fffffff', 'hex'),
    ];
    for (const bytes of garbage) {
      const { socket, received } = await rawClient(server.socketPath);
      socket.write(bytes);
      expect(await received).toHaveLength(0);
      expect((await other.ping()).message).toBe('pong');
    }
    expect(dropped.map(reason => reason.code)).toEqual([
      'OSQUERY_PROTOCOL',
      'OSQUERY_PROTOCOL',
      'OSQUERY_PROTOCOL',
      'OSQUERY_PROTOCOL',
      'OSQUERY_TOO_LARGE',
      'OSQUERY_TOO_LARGE',
    ]);
    expect(other.connects).toBe(1);
  });

  it('survives any bytes, and any well-formed message that is no request of its own', async () => {
    const server = await start();
    const other = clientOf(server);
    const damaged = fc
      .tuple(fc.constantFrom(pingBytes, callBytes), fc.nat(), fc.nat(255))
      .map(([bytes, at, byte]) => {
        const copy = Buffer.from(bytes);
        copy[at % copy.length] = byte;
        return copy;
      });
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 100 }), message, damaged), async bytes => {
        const { socket, received } = await rawClient(server.socketPath);
        socket.end(bytes);
        await received;
        expect((await other.ping()).message).toBe('pong');
      }),
      { numRuns: 300 },
    );
    expect(other.connects).toBe(1);
  });

  it('takes requests up to its limit and no longer ones', async () => {
    const server = await start({
      limits: { maxRequestBytes: 1000 },
      plugins: [plugin('e', request => [request])],
    });
    const client = clientOf(server);
    const overhead = encodeRequest('Extension', 'call', 1, ['table', 'e', { k: '' }]).bytes.length;
    const fits = { k: 'x'.repeat(1000 - overhead) };
    expect(await client.call('table', 'e', fits)).toEqual([fits]);
    await expect(client.call('table', 'e', { k: `${fits.k}x` })).rejects.toBeInstanceOf(OsqueryError);
    expect(await client.call('table', 'e', fits)).toEqual([fits]);
  });

  it('bounds the unfinished requests of all connections together', async () => {
    const dropped = droppedConnections();
    const server = await start({ limits: { maxPendingRequestBytes: 50_000 } });
    // call(1: a string of 20,000 bytes, of which 15,000 come)
    const part = Buffer.concat([
      Buffer.from('800100010000000463616c6c000000010b000100004e20', 'hex'),
      Buffer.alloc(15_000),
    ]);
    const clients = await Promise.all(Array.from({ length: 5 }, () => rawClient(server.socketPath)));
    for (const { socket } of clients) socket.write(part);
    await until(() => dropped.length === 2 && server.connectionCount === 3);
    expect(dropped.map(reason => reason.code)).toEqual(['OSQUERY_TOO_LARGE', 'OSQUERY_TOO_LARGE']);
    for (const { socket } of clients) socket.destroy();
    await until(() => server.connectionCount === 0);
    const again = await rawClient(server.socketPath);
    again.socket.write(part);
    expect((await clientOf(server).ping()).message).toBe('pong');
    expect(dropped).toHaveLength(2);
  });

  it('counts requests that are being answered among them', async () => {
    const dropped = droppedConnections();
    const gate = Promise.withResolvers<void>();
    const server = await start({
      limits: { maxPendingRequestBytes: 50_000 },
      plugins: [plugin('slow', () => gate.promise.then(() => []))],
    });
    const request = encodeRequest('Extension', 'call', 1, ['table', 'slow', { k: 'x'.repeat(20_000) }]).bytes;
    const clients = await Promise.all(Array.from({ length: 3 }, () => rawClient(server.socketPath)));
    for (const { socket } of clients) socket.end(request);
    await until(() => dropped.length === 1);
    expect(server.connectionCount).toBe(2);
    gate.resolve();
    const answers = await Promise.all(clients.map(({ received }) => received));
    expect(answers.filter(answer => answer.length > 0)).toHaveLength(2);
    const again = await rawClient(server.socketPath);
    again.socket.end(Buffer.concat([request, request]));
    expect(namesIn(await again.received)).toEqual(['call', 'call']);
  });

  it('serves 500 connections', async () => {
    const server = await start();
    const clients = Array.from({ length: 500 }, () => clientOf(server));
    const answers = await Promise.all(
      clients.map(client => client.call('table', 't', { action: 'generate' })),
    );
    expect(answers).toMatchObject(clients.map(() => [{ a: 'answer' }]));
    expect(server.connectionCount).toBe(500);
    await Promise.all(clients.map(client => client.close()));
    await until(() => server.connectionCount === 0);
  });

  it('has no more connections than it is allowed', async () => {
    const server = await start({ limits: { maxConnections: 3 } });
    const clients = Array.from({ length: 3 }, () => clientOf(server));
    await Promise.all(clients.map(client => client.ping()));
    await expect(clientOf(server).ping()).rejects.toBeInstanceOf(OsqueryError);
    await clients[0]?.close();
    await until(() => server.connectionCount === 2);
    expect((await clientOf(server).ping()).message).toBe('pong');
  });
});

describe('a server and slow clients', () => {
  /** One row of about this many bytes. */
  const bigRow = (bytes: number): Buffer => {
    const row = Buffer.alloc(bytes);
    Buffer.from('0b0b00000001000000016b', 'hex').copy(row);
    row.writeInt32BE(bytes - 15, 11);
    return row;
  };

  it('writes no faster than they read, and holds one copy of what many wait for', async () => {
    const bytes = 20 * 1024 * 1024;
    const rows = { count: 1, chunks: [bigRow(bytes)] };
    let asked = 0;
    const server = await start({
      plugins: [
        plugin('big', () => {
          asked += 1;
          return rows;
        }),
      ],
    });
    const request = encodeRequest('Extension', 'call', 1, ['table', 'big', {}]).bytes;
    const before = process.memoryUsage().arrayBuffers;
    const readers = await Promise.all(Array.from({ length: 20 }, () => rawClient(server.socketPath, true)));
    for (const { socket } of readers) socket.write(request);
    await until(() => asked === readers.length);
    expect((await clientOf(server).ping()).message).toBe('pong');
    // 400 MiB are wanted; what the 20 paused readers make the server hold is a batch each.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * bytes);
    // And they get it all when they read after all.
    let length = 0;
    const last = readers[0]!;
    last.socket.on('data', (chunk: Buffer) => {
      length += chunk.length;
    });
    last.socket.resume();
    last.socket.end();
    await last.received;
    expect(length).toBeGreaterThan(bytes);
  });

  it('drops them when they read nothing for too long', async () => {
    const dropped = droppedConnections();
    const server = await start({
      plugins: [plugin('big', () => ({ count: 1, chunks: [bigRow(8 * 1024 * 1024)] }))],
      limits: { writeTimeoutMs: 50 },
    });
    const { socket } = await rawClient(server.socketPath, true);
    socket.write(encodeRequest('Extension', 'call', 1, ['table', 'big', {}]).bytes);
    await until(() => server.connectionCount === 1);
    await until(() => server.connectionCount === 0);
    expect(dropped.map(reason => reason.message)).toEqual(['262144 bytes of a reply not read within 50 ms']);
  });

  it('drops half a request that does not go on, also one that goes on slowly', async () => {
    const dropped = droppedConnections();
    const server = await start({ limits: { requestTimeoutMs: 60 } });
    const { socket, received } = await rawClient(server.socketPath);
    socket.write(callBytes.subarray(0, 30));
    expect(await received).toHaveLength(0);

    const other = await rawClient(server.socketPath);
    let sent = 0;
    const trickle = setInterval(() => {
      // A string of 1 KiB byte by byte: each byte comes in time, the whole does not.
      other.socket.write(
        sent === 0 ? Buffer.from('800100010000000463616c6c000000010b000100000400', 'hex') : 'x',
      );
      sent += 1;
    }, 5);
    onTestFinished(() => clearInterval(trickle));
    expect(await other.received).toHaveLength(0);
    expect(dropped.map(reason => reason.message)).toEqual([
      'request not complete within 60 ms',
      'request not complete within 60 ms',
    ]);
  });

  it('drops a connection that asks nothing', async () => {
    const dropped = droppedConnections();
    const server = await start({ limits: { idleTimeoutMs: 50 } });
    const { received } = await rawClient(server.socketPath);
    expect(await received).toHaveLength(0);
    expect(dropped.map(reason => reason.message)).toEqual(['no request within 50 ms']);
  });
});

describe('diagnostics', () => {
  it('publish each call and each request', async () => {
    const seen: [string, unknown][] = [];
    for (const name of [CHANNELS.clientCall, CHANNELS.serverRequest]) {
      const listener = (data: unknown): void => {
        seen.push([name, data]);
      };
      subscribe(name, listener);
      onTestFinished(() => {
        unsubscribe(name, listener);
      });
    }
    const server = await start();
    const client = clientOf(server);
    await client.call('table', 't', { action: 'generate' });
    await client.call('table', 'x', {}).catch(() => {});
    const socketPathOf = { socketPath: server.socketPath, milliseconds: expect.any(Number) };
    expect(seen).toEqual([
      [CHANNELS.serverRequest, { ...socketPathOf, method: 'call', replyBytes: expect.any(Number) }],
      [CHANNELS.clientCall, { ...socketPathOf, method: 'call' }],
      [CHANNELS.serverRequest, { ...socketPathOf, method: 'call', replyBytes: expect.any(Number) }],
      [CHANNELS.clientCall, { ...socketPathOf, method: 'call', error: expect.any(OsqueryStatusError) }],
    ]);
  });
});
