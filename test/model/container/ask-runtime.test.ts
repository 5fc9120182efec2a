import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RuntimeSockets } from '../../../src/model/container/ask-runtime.ts';
import { fieldOf, textField } from '../../../src/model/container/protobuf.ts';
import { containerdSocket } from '../../../src/model/container/runtimes/containerd.ts';

const ID = 'ab'.repeat(32);
const IMAGE = 'docker.io/library/nginx:1.27';
const DIGEST = `sha256:${'ef'.repeat(32)}`;
const REQUEST = { id: ID, runtime: 'containerd' } as const;

let directory: string;
let path: string;
const servers: (Server | Http2Server)[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'runtime-'));
  path = join(directory, 'runtime.sock');
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(directory, { recursive: true });
});

const listen = (server: Server | Http2Server): Promise<void> => {
  servers.push(server);
  return new Promise(resolve => server.listen(path, resolve));
};

const setUp = (answerMs = 60_000) => {
  const time = { now: 0 };
  const sockets = new RuntimeSockets(() => time.now, { containerd: { ...containerdSocket, path } }, answerMs);
  return { time, sockets };
};

/** Messages inside messages. */
const nested = (number: number, ...parts: readonly Buffer[]): Buffer => {
  const inner = Buffer.concat(parts).toString('latin1');
  return textField(number, inner);
};

/** Answers as containerd 1.6 did on the wire: the messages are those that it sent, with less in them. */
const containerd = (answers: ReadonlyMap<string, Buffer>, asked: string[] = []): Http2Server => {
  const server = createHttp2Server();
  server.on('stream', (stream, headers) => {
    const pieces: Buffer[] = [];
    stream.on('error', () => {});
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => {
      const key = `${headers['containerd-namespace']} ${headers[':path']!.split('.').at(-1)}`;
      asked.push(`${key} ${fieldOf(Buffer.concat(pieces).subarray(5), 1)}`);
      const answer = answers.get(key);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () =>
        stream.sendTrailers({ 'grpc-status': answer === undefined ? '5' : '0' }),
      );
      if (answer === undefined) {
        stream.end();
        return;
      }
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(answer.length, 1);
      stream.end(Buffer.concat([prefix, answer]));
    });
  });
  return server;
};

const container = nested(
  1,
  textField(1, ID),
  nested(2, textField(1, 'a label'), textField(2, 'x')),
  textField(3, IMAGE),
);
const image = nested(
  1,
  textField(1, IMAGE),
  nested(3, textField(1, 'application/x'), textField(2, DIGEST), Buffer.of(0x18, 0x80, 0x01)),
);

describe('RuntimeSockets', () => {
  it('learns of containerd which image a container is of, in whichever of its namespaces', async () => {
    const asked: string[] = [];
    await listen(
      containerd(
        new Map([
          ['default Containers/Get', container],
          ['default Images/Get', image],
        ]),
        asked,
      ),
    );
    expect(await setUp().sockets.ask(REQUEST)).toEqual({
      name: undefined,
      image: IMAGE,
      imageDigest: DIGEST,
      podName: undefined,
      podNamespace: undefined,
    });
    expect(asked).toEqual([
      `k8s.io Containers/Get ${ID}`,
      `default Containers/Get ${ID}`,
      `default Images/Get ${IMAGE}`,
    ]);
  });

  it('believes no answer that is of another container, or no message', async () => {
    const other = nested(1, textField(1, 'another'), textField(3, IMAGE));
    for (const answer of [other, Buffer.from('no message'), Buffer.alloc(0), Buffer.alloc(2_000_000)]) {
      const server = containerd(new Map([['default Containers/Get', answer]]));
      await listen(server);
      expect(await setUp().sockets.ask(REQUEST)).toBeUndefined();
      servers.pop();
      await new Promise(resolve => server.close(resolve));
    }
  });

  it('gives up a runtime that says nothing, and leaves it alone for a while', async () => {
    let connections = 0;
    await listen(
      createServer(socket => {
        connections++;
        socket.on('error', () => {}).resume();
      }),
    );
    const { sockets, time } = setUp(20);
    expect(await sockets.ask(REQUEST)).toBeUndefined();
    expect(await sockets.ask(REQUEST)).toBeUndefined();
    expect(connections).toBe(1);
    time.now = 61_000;
    expect(await sockets.ask(REQUEST)).toBeUndefined();
    expect(connections).toBe(2);
  });

  it('says nothing where no runtime is, or none that has a socket', async () => {
    const { sockets } = setUp();
    expect(existsSync(path)).toBe(false);
    expect(await sockets.ask(REQUEST)).toBeUndefined();
    expect(await sockets.ask({ id: ID, runtime: 'docker' })).toBeUndefined();
    expect(await sockets.ask({ id: '../x', runtime: 'containerd' })).toBeUndefined();
  });
});

describe('fieldOf', () => {
  it('finds what textField wrote, behind fields of any other kind', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 1_000 }), fc.string(), (number, text) => {
        const others = Buffer.of(0x08, 0xff, 0x01, 0x0d, 1, 2, 3, 4, 0x09, 1, 2, 3, 4, 5, 6, 7, 8);
        const message = Buffer.concat([others, textField(1, 'x'), textField(number, text)]);
        expect(fieldOf(message, number)?.toString()).toBe(Buffer.from(text).toString());
        for (let end = others.length + 3; end < message.length; end++)
          expect(fieldOf(message.subarray(0, end), number)).toBeUndefined();
      }),
    );
  });

  it('ends at whatever is no message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 1, max: 8 }), (bytes, number) => {
        const found = fieldOf(Buffer.from(bytes), number);
        expect(found === undefined || found.length <= bytes.length).toBe(true);
      }),
    );
  });
});
