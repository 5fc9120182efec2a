import { once } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import {
  type EncodedRows,
  ExtensionManagerClient,
  OsqueryError,
  OsqueryStatusError,
  type PluginRow,
} from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { ExtensionClient } from 'osquery-extension-ts/server';
import type { OsqueryErrorCode } from 'osquery-extension-ts/types';
import { describe, expect, it, onTestFinished } from 'vitest';
import { answerGenerated } from '../../../src/osquery-extension-ts/src/wire/reply-codec.ts';
import { encodeResponse } from '../../../src/osquery-extension-ts/src/wire/response-codec.ts';
import { socketPath, startFakeCore, startRawServer, until } from '../support.ts';

function managerClient(path: string, timeoutMs?: number): ExtensionManagerClient {
  const client = new ExtensionManagerClient({
    socketPath: path,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  onTestFinished(() => client.close());
  return client;
}

const NO_ROWS: EncodedRows<Uint8Array> = { count: 0, chunks: [] };
const code = (expected: OsqueryErrorCode) => expect.objectContaining({ code: expected });

/** The reply to a ping with the number that the request carries. */
async function pong(request: Buffer): Promise<Buffer> {
  return answerGenerated('Extension', { ping: () => ({ code: 0, message: 'pong', uuid: 7 }) }, request);
}

describe('the client of core', () => {
  it('speaks every method', async () => {
    const core = await startFakeCore();
    core.options.set('verbose', { value: 'true', defaultValue: 'false', type: 'bool' });
    const client = managerClient(core.socketPath);
    expect(await client.ping()).toEqual({ code: 0, message: 'pong', uuid: 0 });
    expect(await client.call('database', '', { action: 'get', domain: 'd', key: 'ü' })).toEqual([
      { action: 'get', domain: 'd', key: 'ü', registry: 'database', item: '' },
    ]);
    const encoded = await client.callEncoded('database', '', { action: 'get' });
    expect(decodeRows(encoded)).toEqual([{ action: 'get', registry: 'database', item: '' }]);
    expect(await client.query('SELECT 1')).toEqual([{ sql: 'SELECT 1' }]);
    expect(await client.getQueryColumns('SELECT b, a FROM t')).toEqual([
      { name: 'b', type: 'TEXT' },
      { name: 'a', type: 'BIGINT' },
    ]);
    expect(await client.options()).toEqual(
      new Map([['verbose', { value: 'true', defaultValue: 'false', type: 'bool' }]]),
    );
    const info = { name: 'mine', version: '1.2', sdkVersion: '5.0.0', minSdkVersion: '1.0.0' };
    const routes = new Map([
      ['table', new Map([['t', [{ id: 'column', name: 'a', type: 'TEXT', op: '0' }]]])],
    ]);
    const uuid = await client.registerExtension(info, routes);
    expect(core.registered.get(uuid)).toEqual({ info, routes });
    expect(await client.extensions()).toEqual(new Map([[uuid, info]]));
    await client.deregisterExtension(uuid);
    expect(await client.extensions()).toEqual(new Map());
    await client.shutdown();
    expect(client.connects).toBe(1);
  });

  it('keeps uuids of every size', async () => {
    const info = { name: 'n', version: '', sdkVersion: '', minSdkVersion: '' };
    const uuids = [0, 9, 10, 16, 255, 65535, 2 ** 31, 2 ** 40, 2 ** 53 - 1, 2n ** 53n + 1n, 2n ** 63n - 1n];
    const gone: unknown[] = [];
    const core = await startFakeCore({
      extensions: () => new Map(uuids.map(uuid => [uuid, info])),
      registerExtension: () => uuids.at(-2)!,
      deregisterExtension: uuid => {
        gone.push(uuid);
      },
    });
    const client = managerClient(core.socketPath);
    expect(new Set((await client.extensions()).keys())).toEqual(new Set(uuids));
    expect(await client.registerExtension(info, new Map())).toBe(2n ** 53n + 1n);
    for (const uuid of uuids) await client.deregisterExtension(uuid);
    expect(gone).toEqual(uuids);
  });

  it('turns a status other than 0 into an error with it', async () => {
    const core = await startFakeCore({
      query: () => {
        throw new Error('near "bad": syntax error');
      },
      call: () => {
        throw new OsqueryStatusError({ code: 2, message: 'fatal' });
      },
      ping: () => {
        throw new Error('not well');
      },
    });
    const client = managerClient(core.socketPath);
    await expect(client.query('bad')).rejects.toThrowError(
      expect.objectContaining({
        code: 'OSQUERY_STATUS',
        message: 'near "bad": syntax error',
        status: { code: 1, message: 'near "bad": syntax error', uuid: 0 },
      }),
    );
    await expect(client.call('a', 'b', {})).rejects.toThrowError(
      expect.objectContaining({ status: { code: 2, message: 'fatal', uuid: 0 } }),
    );
    await expect(client.deregisterExtension(5)).rejects.toThrowError('No extension UUID found');
    await expect(client.ping()).rejects.toThrowError('not well');
    // None of these is a reason to give up the connection.
    expect(client.connects).toBe(1);
  });

  it('says in core’s words why a registration was refused', async () => {
    const core = await startFakeCore({
      registerExtension: () => {
        throw new Error(
          'Failed adding registry: Registry item t conflicts with another item of the same name.',
        );
      },
    });
    const info = { name: 'mine', version: '1', sdkVersion: '', minSdkVersion: '' };
    const refused = managerClient(core.socketPath).registerExtension(info, new Map());
    await expect(refused).rejects.toBeInstanceOf(OsqueryStatusError);
    await expect(refused).rejects.toThrowError(
      expect.objectContaining({
        code: 'OSQUERY_REGISTRATION_REFUSED',
        message:
          'osquery refused to register extension "mine": ' +
          'Failed adding registry: Registry item t conflicts with another item of the same name.',
      }),
    );
  });

  it('refuses arguments that cannot be sent, and goes on', async () => {
    const core = await startFakeCore();
    const client = managerClient(core.socketPath);
    await expect(client.query(5 as unknown as string)).rejects.toThrowError(code('OSQUERY_INVALID'));
    await expect(client.call('a', 'b', { key: 5 as unknown as string })).rejects.toThrowError(
      code('OSQUERY_INVALID'),
    );
    expect(await client.query('x')).toEqual([{ sql: 'x' }]);
  });

  it('sends any names in a call', async () => {
    const core = await startFakeCore();
    const client = managerClient(core.socketPath);
    for (const json of ['{"__proto__":"x"}', '{"hasOwnProperty":"x"}']) {
      const [row] = await client.call('a', 'b', JSON.parse(json) as PluginRow);
      expect(JSON.stringify(row)).toBe(`${json.slice(0, -1)},"registry":"a","item":"b"}`);
    }
  });

  it('reads many rows', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => ({ i: String(i), text: 'x'.repeat(i % 50) }));
    const core = await startFakeCore({ query: () => rows });
    expect(await managerClient(core.socketPath).query('all')).toEqual(rows);
  });
});

describe('calls at the same time', () => {
  it('are answered in their order over one connection', async () => {
    const order: string[] = [];
    const core = await startFakeCore({
      query: async sql => {
        // The earlier a call, the longer it takes: only the queue can keep them apart.
        await new Promise(resolve => setTimeout(resolve, 20 - Number(sql)));
        order.push(sql);
        return [{ sql }];
      },
    });
    const client = managerClient(core.socketPath);
    const asked = Array.from({ length: 20 }, (_, i) => String(i));
    expect(await Promise.all(asked.map(sql => client.query(sql)))).toEqual(asked.map(sql => [{ sql }]));
    expect(order).toEqual(asked);
    expect(client.connects).toBe(1);
  });

  it('made as one are sent at once, and answered each by itself', async () => {
    const core = await startFakeCore({
      call: (_registry, _item, { key }) => {
        if (key === 'missing') throw new Error('no such key');
        return [{ v: key! }];
      },
    });
    const client = managerClient(core.socketPath);
    const get = (key: string) => ({ registry: 'database', item: '', request: { key } });
    const answers = Promise.all([
      client.callTogether(['a', 'missing', 'b'].map(get)),
      client.ping(),
      client.callTogether([get('c')]),
      client.callTogether([]),
    ]);
    expect((await answers)[0].map(({ status, rows }) => [status.code, rows])).toEqual([
      [0, [{ v: 'a' }]],
      [1, []],
      [0, [{ v: 'b' }]],
    ]);
    expect((await answers)[2]).toMatchObject([{ rows: [{ v: 'c' }] }]);
    expect((await answers)[3]).toEqual([]);
    expect(client.connects).toBe(1);
  });

  it('are read when somebody wants to, or makes another call', async () => {
    const core = await startFakeCore({ call: (_registry, _item, { key }) => [{ v: key! }] });
    const client = managerClient(core.socketPath);
    const get = (key: string) => ({ registry: 'database', item: '', request: { key } });
    const later = (...keys: string[]) => {
      const state = { isRead: false };
      const answers = client.callTogether(keys.map(get), { readLater: true }).then(read => {
        state.isRead = true;
        return read.map(({ rows }) => rows[0]?.v);
      });
      return { state, answers };
    };
    const wait = () => new Promise(resolve => setTimeout(resolve, 50));
    // The first one connects.
    for (let i = 0; i < 3; i++) {
      const { state, answers } = later('a', 'b');
      await wait();
      expect(state.isRead).toBe(false);
      client.readNow();
      expect(await answers).toEqual(['a', 'b']);
    }
    const left = later('c', 'd');
    await wait();
    expect(left.state.isRead).toBe(false);
    expect((await client.ping()).message).toBe('pong');
    expect(await left.answers).toEqual(['c', 'd']);
    const many = ['e', 'f', 'g'].map(key => later(key));
    client.readNow();
    await many[1]!.answers;
    client.readNow();
    expect(await Promise.all(many.map(({ answers }) => answers))).toEqual([['e'], ['f'], ['g']]);
    // The one that is wanted waits behind another when somebody reads.
    later('h');
    const behind = later('i');
    client.readNow();
    expect(await behind.answers).toEqual(['i']);
    expect(client.connects).toBe(1);
  });

  it('that are left unread time out as others do', async () => {
    const core = await startFakeCore();
    const client = managerClient(core.socketPath);
    await client.ping();
    const call = { registry: 'r', item: '', request: {} };
    await expect(client.callTogether([call], { readLater: true, timeoutMs: 30 })).rejects.toThrowError(
      code('OSQUERY_TIMEOUT'),
    );
    expect((await client.ping()).message).toBe('pong');
  });

  it('made as one fail together when a reply is missing', async () => {
    const path = await startRawServer((socket, number) => {
      socket.once('data', () => {
        if (number > 1) return;
        socket.end(Buffer.concat(encodeResponse('call', 1, { code: 0, message: '', uuid: 0 }, NO_ROWS)));
      });
    });
    const client = managerClient(path);
    const call = { registry: 'r', item: '', request: {} };
    await expect(client.callTogether([call, call])).rejects.toThrowError(code('OSQUERY_CONNECTION_LOST'));
  });

  it('may be of different methods, and some may fail', async () => {
    const core = await startFakeCore({
      query: sql => {
        if (sql === 'bad') throw new Error('bad');
        return [{ sql }];
      },
    });
    const client = managerClient(core.socketPath);
    const answers = await Promise.allSettled([
      client.ping(),
      client.query('bad'),
      client.query('good'),
      client.deregisterExtension(1),
      client.extensions(),
    ]);
    expect(answers.map(answer => answer.status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
  });
});

describe('a call that takes too long', () => {
  it('fails alone: later calls get their own replies over a new connection', async () => {
    let asked = 0;
    const core = await startFakeCore({
      query: async (sql, { signal }) => {
        asked += 1;
        if (sql === 'slow') await once(signal, 'abort');
        return [{ sql }];
      },
    });
    const client = managerClient(core.socketPath);
    const slow = client.query('slow', { timeoutMs: 50 });
    const next = client.query('next');
    await expect(slow).rejects.toThrowError(
      expect.objectContaining({
        code: 'OSQUERY_TIMEOUT',
        message: `query: no reply from ${core.socketPath} within 50 ms`,
      }),
    );
    expect(await next).toEqual([{ sql: 'next' }]);
    expect(client.connects).toBe(2);
    expect(asked).toBe(2);
  });

  it('fails while it waits for its turn, without harm to the call before it', async () => {
    const gate = Promise.withResolvers<void>();
    const core = await startFakeCore({
      query: async sql => {
        if (sql === 'first') await gate.promise;
        return [{ sql }];
      },
    });
    const client = managerClient(core.socketPath);
    const first = client.query('first');
    await expect(client.query('second', { timeoutMs: 20 })).rejects.toThrowError(code('OSQUERY_TIMEOUT'));
    gate.resolve();
    expect(await first).toEqual([{ sql: 'first' }]);
    expect(client.connects).toBe(1);
  });

  it('is told by the client’s own limit when it has none', async () => {
    const path = await startRawServer(() => {});
    await expect(managerClient(path, 20).ping()).rejects.toThrowError(code('OSQUERY_TIMEOUT'));
  });

  it.each([0, -1, Number.NaN])('cannot have a limit of %d', async timeoutMs => {
    const core = await startFakeCore();
    await expect(managerClient(core.socketPath).ping({ timeoutMs })).rejects.toThrowError(
      code('OSQUERY_INVALID'),
    );
  });

  it('may have no limit', async () => {
    const core = await startFakeCore();
    expect((await managerClient(core.socketPath).ping({ timeoutMs: Number.POSITIVE_INFINITY })).message).toBe(
      'pong',
    );
  });
});

describe('a call that is aborted', () => {
  it('fails with the reason, and later calls are well', async () => {
    const started = Promise.withResolvers<void>();
    const core = await startFakeCore({
      query: async (sql, { signal }) => {
        if (sql === 'slow') {
          started.resolve();
          await once(signal, 'abort');
        }
        return [{ sql }];
      },
    });
    const client = managerClient(core.socketPath);
    const controller = new AbortController();
    const slow = client.query('slow', { signal: controller.signal });
    await started.promise;
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(slow).rejects.toThrowError(
      expect.objectContaining({ code: 'OSQUERY_ABORTED', name: 'AbortError', cause: reason }),
    );
    expect(await client.query('next')).toEqual([{ sql: 'next' }]);
  });

  it('is not sent when it was aborted before', async () => {
    const core = await startFakeCore();
    const client = managerClient(core.socketPath);
    await expect(client.ping({ signal: AbortSignal.abort() })).rejects.toThrowError(code('OSQUERY_ABORTED'));
    expect(client.connects).toBe(0);
  });
});

describe('a connection that fails', () => {
  it('is made again for the next call', async () => {
    const path = await startRawServer((socket, number) => {
      socket.on('data', async request => {
        if (number === 1) socket.destroy();
        else socket.write(await pong(request as Buffer));
      });
    });
    const client = managerClient(path);
    const [first, second] = await Promise.allSettled([client.ping(), client.ping()]);
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'OSQUERY_CONNECTION_LOST' } });
    expect(second).toMatchObject({ status: 'fulfilled' });
    expect(client.connects).toBe(2);
  });

  it('is made again when core was started again', async () => {
    const path = socketPath();
    const first = await startFakeCore({}, path);
    const client = managerClient(path);
    await client.ping();
    await first.server.close();
    await expect(client.ping()).rejects.toThrowError(OsqueryError);
    await startFakeCore({}, path);
    expect((await client.ping()).message).toBe('pong');
  });

  it('says what is wrong with the path', async () => {
    const missing = socketPath();
    await expect(managerClient(missing).ping()).rejects.toThrowError(
      expect.objectContaining({
        code: 'OSQUERY_CONNECT',
        message: `cannot connect to ${missing}: there is no such socket; is osquery running, with --extensions_socket at this path?`,
      }),
    );
    expect(() => new ExtensionClient({ socketPath: '' })).toThrowError(code('OSQUERY_SOCKET_PATH'));
    expect(() => new ExtensionClient({ socketPath: undefined as never })).toThrowError(
      'socket path: expected a text, got undefined',
    );
    expect(() => new ExtensionClient(undefined as never)).toThrowError(code('OSQUERY_SOCKET_PATH'));
    expect(() => new ExtensionClient({ socketPath: `/${'x'.repeat(200)}` })).toThrowError(
      /201 bytes, at most 10\d/,
    );
  });
});

describe('garbage instead of a reply', () => {
  const answers: [string, (request: Buffer, socket: Socket) => unknown, OsqueryErrorCode][] = [
    ['bytes', (_, socket) => socket.write('HTTP/1.1 400 Bad Request\r\n'), 'OSQUERY_PROTOCOL'],
    ['nothing', (_, socket) => socket.end(), 'OSQUERY_CONNECTION_LOST'],
    [
      'half a reply',
      async (request, socket) => socket.end((await pong(request)).subarray(0, 20)),
      'OSQUERY_CONNECTION_LOST',
    ],
    [
      'two replies',
      async (request, socket) => socket.write(Buffer.concat([await pong(request), await pong(request)])),
      'OSQUERY_PROTOCOL',
    ],
    [
      'the reply to another method',
      (_, socket) =>
        socket.write(
          Buffer.concat(
            encodeResponse('query', 1, { code: 0, message: '', uuid: 0 }, { count: 0, chunks: [] }),
          ),
        ),
      'OSQUERY_PROTOCOL',
    ],
    [
      'the reply to another request',
      async (request, socket) => {
        const reply = await pong(request);
        reply.writeInt32BE(999, 12);
        socket.write(reply);
      },
      'OSQUERY_PROTOCOL',
    ],
    [
      'a string of 2 GiB',
      (_, socket) => socket.write(Buffer.from('800100020000000470696e67000000010c00000b00027fffffff', 'hex')),
      'OSQUERY_TOO_LARGE',
    ],
    [
      'a struct without a result',
      (_, socket) => socket.write(Buffer.from('800100020000000470696e670000000100', 'hex')),
      'OSQUERY_PROTOCOL',
    ],
    [
      'a status without a code',
      (_, socket) => socket.write(Buffer.from('800100020000000470696e67000000010c00000000', 'hex')),
      'OSQUERY_PROTOCOL',
    ],
    [
      'a Thrift exception',
      (_, socket) =>
        socket.write(
          Buffer.from('800100030000000470696e67000000010b0001000000026e6f0800020000000100', 'hex'),
        ),
      'OSQUERY_APPLICATION',
    ],
  ];

  it.each(answers)('%s is a typed error, and the next call is well', async (_, answer, expected) => {
    let requests = 0;
    const path = await startRawServer(socket => {
      socket.on('data', async request => {
        requests += 1;
        if (requests === 1) await answer(request as Buffer, socket);
        else socket.write(await pong(request as Buffer));
      });
    });
    const client = managerClient(path, 5000);
    await expect(client.ping()).rejects.toThrowError(code(expected));
    expect(await client.ping()).toEqual({ code: 0, message: 'pong', uuid: 7 });
  });

  it('never ends the process, whatever bytes come', async () => {
    let garbage = new Uint8Array();
    const path = await startRawServer(socket => {
      socket.on('data', () => socket.end(garbage));
    });
    const client = managerClient(path, 5000);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), fc.boolean(), async (bytes, asReply) => {
        const header = Buffer.from('800100020000000470696e6700000001', 'hex');
        garbage = asReply ? Buffer.concat([header, bytes]) : bytes;
        await expect(client.ping()).rejects.toBeInstanceOf(OsqueryError);
      }),
      { numRuns: 200 },
    );
  });
});

describe('close', () => {
  it('fails what waits, any number of times, and everything after it', async () => {
    const core = await startFakeCore({ query: (_, { signal }) => once(signal, 'abort').then(() => []) });
    const client = new ExtensionManagerClient({ socketPath: core.socketPath });
    const waiting = [client.query('a'), client.query('b')];
    const settled = Promise.allSettled(waiting);
    await Promise.all([client.close(), client.close()]);
    await client.close();
    expect(await settled).toMatchObject([
      { reason: { code: 'OSQUERY_CLOSED' } },
      { reason: { code: 'OSQUERY_CLOSED' } },
    ]);
    await expect(client.ping()).rejects.toThrowError(code('OSQUERY_CLOSED'));
    await until(() => core.server.connectionCount === 0);
  });

  it('comes by itself at the end of a block', async () => {
    const core = await startFakeCore();
    let kept: ExtensionManagerClient;
    {
      await using client = new ExtensionManagerClient({ socketPath: core.socketPath });
      await client.ping();
      kept = client;
    }
    await expect(kept.ping()).rejects.toThrowError(code('OSQUERY_CLOSED'));
  });
});
