import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type EncodedRows, OsqueryError } from 'osquery-extension-ts';
import { expect, it, onTestFinished, vi } from 'vitest';
import {
  DirectConnections,
  type DirectConnectionsOptions,
} from '../../../src/osquery-extension-ts/src/server/direct-connections.ts';
import type { RequestOrigin } from '../../../src/osquery-extension-ts/src/server/open-request.ts';
import type { BegunConnection } from '../../../src/osquery-extension-ts/src/server/server-connection.ts';
import { encodeRequest } from '../../../src/osquery-extension-ts/src/wire/request-codec.ts';
import { socketPath, until } from '../support.ts';

const ping = encodeRequest('Extension', 'ping', 1, []).bytes;
const PONG = Buffer.from('pong');

/** What Node has below a socket. */
interface Handle {
  fd: number;
  close(): void;
}

/** A server's clients, each with what it had sent when it was accepted, and what is left to sockets. */
const serve = async (
  options: Partial<DirectConnectionsOptions> = {},
): Promise<{
  readonly direct: DirectConnections;
  /** Connects a client that has sent some bytes, and maybe gone then. */
  readonly accept: (bytes: Uint8Array, then?: { readonly goes?: boolean }) => Promise<Socket>;
  /** How connections were begun that are left to sockets. */
  readonly left: (BegunConnection | undefined)[];
  readonly dropped: unknown[];
}> => {
  const left: (BegunConnection | undefined)[] = [];
  const dropped: unknown[] = [];
  const direct = new DirectConnections({
    maxRequestBytes: 1 << 20,
    handle: () => [PONG],
    refusalOf: () => undefined,
    onDrop: reason => dropped.push(reason),
    ...options,
  });
  const listening = {
    onconnection: (_status: number, client: Handle): void => {
      left.push(direct.begun);
      client.close();
    },
  };
  direct.serve({ _handle: listening } as unknown as Server);

  const path = socketPath();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(path);
  await once(server, 'listening');
  onTestFinished(() => {
    direct.close();
    server.close();
  });
  const accept = async (bytes: Uint8Array, { goes = false } = {}): Promise<Socket> => {
    const accepted = once(server, 'connection') as Promise<[Socket & { _handle: { fd: number } }]>;
    const socket = connect({ path, allowHalfOpen: true });
    socket.on('error', () => {});
    const [served] = await accepted;
    onTestFinished(() => {
      socket.destroy();
      served.destroy();
    });
    await new Promise<void>(resolve => socket.write(bytes, () => resolve()));
    if (goes) {
      socket.destroy();
      await once(socket, 'close');
    }
    const client: Handle = {
      fd: served._handle.fd,
      close: () => {
        client.fd = -1;
        served.destroy();
      },
    };
    listening.onconnection(0, client);
    return socket;
  };
  return { direct, accept, left, dropped };
};

/** Nobody looks for clients that stay. */
const withoutLooks = (): void => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
};

const replyTo = async (socket: Socket): Promise<Buffer> => ((await once(socket, 'data')) as [Buffer])[0];

it('who asks once and closes is answered without a socket, whether or not the answer is a promise', async () => {
  withoutLooks();
  for (const answer of [() => [PONG], async () => [PONG]]) {
    const { accept, left, dropped } = await serve({ handle: answer });
    for (let i = 0; i < 20; i++) {
      const client = await accept(ping);
      expect(await replyTo(client)).toEqual(PONG);
      client.destroy();
    }
    expect(left).toEqual([]);
    expect(dropped).toEqual([]);
  }
});

it('who sends nothing yet, half a request, or more than one gets a socket with what has come', async () => {
  const { accept, left } = await serve();
  const two = Buffer.concat([ping, ping]);
  for (const bytes of [Buffer.alloc(0), ping.subarray(0, 5), two]) {
    await accept(bytes);
    expect(left.at(-1)).toEqual({ received: bytes });
  }
});

it('what is no message, or too long, is left to the socket, which tells why', async () => {
  const { accept, left } = await serve({ maxRequestBytes: 10 });
  for (const bytes of [Buffer.from('GET / HTTP/1.1'), ping, Buffer.alloc(70_000, 0x80)]) {
    await accept(bytes);
    expect(left.at(-1)).toEqual({ received: bytes.subarray(0, 65_536) });
  }
});

it('an answer that takes a turn of the loop goes on by a socket, with its request', async () => {
  const late = Promise.withResolvers<readonly Buffer[]>();
  const requests: RequestOrigin[] = [];
  const { accept, left, direct } = await serve({
    handle: (_message, from) => {
      requests.push(from);
      return late.promise;
    },
  });
  await accept(ping);
  await until(() => left.length > 0);
  expect(left).toEqual([{ bytes: ping.length, request: requests[0], answered: late.promise }]);
  expect(direct.count).toBe(0);
  late.resolve([PONG]);
});

it('a reply that is long, or made late, is left to a socket', async () => {
  const chunks: EncodedRows['chunks'][] = [[Buffer.alloc(17_000)], [{ length: 4, make: () => [PONG] }]];
  const { accept, left } = await serve({ handle: () => chunks[left.length]! });
  for (const answered of chunks) {
    await accept(ping);
    expect(left.at(-1)).toMatchObject({ bytes: ping.length, answered });
  }
});

it('who stays connected, or asks again, gets a socket', async () => {
  const { accept, left } = await serve();
  const client = await accept(ping);
  expect(await replyTo(client)).toEqual(PONG);
  client.write(ping);
  await until(() => left.length > 0);
  expect(left).toHaveLength(1);
});

it('a client that is refused is closed, and told of once', async () => {
  const refusal = new OsqueryError('OSQUERY_PEER_REFUSED', 'not you');
  const { accept, left, dropped } = await serve({ refusalOf: () => refusal });
  const client = await accept(ping);
  client.resume();
  // What it had sent is not read.
  await new Promise(resolve => client.once('close', resolve));
  expect(left).toEqual([]);
  expect(dropped).toEqual([refusal]);
});

it('a handler that throws costs its own connection, and the request knows', async () => {
  const reasons: unknown[] = [];
  const { accept, dropped } = await serve({
    handle: (message, { signal }) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      if (message.length > 0) throw new Error('no');
      return [PONG];
    },
  });
  const client = await accept(ping);
  client.resume();
  await once(client, 'end');
  expect(dropped).toEqual([new Error('no')]);
  expect(reasons).toMatchObject([{ code: 'OSQUERY_CONNECTION_LOST' }]);
});

it('the request of a client that went before its reply is aborted', async () => {
  const reasons: unknown[] = [];
  const { accept, left, dropped } = await serve({
    handle: (_message, { signal }) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      return [PONG];
    },
  });
  await accept(ping, { goes: true });
  expect(reasons).toMatchObject([{ code: 'OSQUERY_CONNECTION_LOST' }]);
  expect(dropped).toMatchObject([{ code: 'EPIPE' }]);
  expect(left).toEqual([]);
});

it('closing lets go of clients that have their replies', async () => {
  withoutLooks();
  const { accept, direct, left } = await serve();
  const client = await accept(ping);
  expect(await replyTo(client)).toEqual(PONG);
  const closed = once(client, 'end');
  direct.close();
  client.resume();
  await closed;
  expect(direct.count).toBe(0);
  expect(left).toEqual([]);
});

it('where Node is another one, all clients get sockets', async () => {
  const direct = new DirectConnections({
    maxRequestBytes: 1,
    handle: () => [PONG],
    refusalOf: () => undefined,
    onDrop: () => {},
  });
  direct.serve({} as Server);
  direct.serve({ _handle: {} } as unknown as Server);
  expect(direct.begun).toBeUndefined();
});
