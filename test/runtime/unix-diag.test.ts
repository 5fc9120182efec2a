import { once } from 'node:events';
import { fstatSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UnixDiag } from '../../src/runtime/unix-diag.ts';
import { encodeUnixDiagRequest, parseUnixDiagPeer } from '../../src/runtime/unix-diag-request.ts';
import { unless, whyNotLinux } from '../unless.ts';

/** struct unix_diag_msg, and attributes behind it. */
const message = (...attributes: readonly (readonly [type: number, value: Uint8Array])[]): Buffer =>
  Buffer.concat([
    Buffer.alloc(16),
    ...attributes.map(([type, value]) => {
      const bytes = Buffer.alloc(4 + ((value.length + 3) & ~3));
      bytes.writeUInt16LE(4 + value.length, 0);
      bytes.writeUInt16LE(type, 2);
      bytes.set(value, 4);
      return bytes;
    }),
  ]);

test('the request names one socket', () => {
  expect(Buffer.from(encodeUnixDiagRequest(0x01020304)).toString('hex')).toBe(
    '01000000ffffffff0403020104000000ffffffffffffffff',
  );
});

test('the peer is read from among other attributes', () => {
  const peer = Buffer.from([0x39, 0x30, 0, 0]);
  expect(parseUnixDiagPeer(message([0, Buffer.from('name!')], [2, peer], [6, Buffer.of(1)]))).toBe(12345);
  expect(parseUnixDiagPeer(message([0, Buffer.from('name')]))).toBeUndefined();
  expect(parseUnixDiagPeer(message())).toBeUndefined();
});

test('whatever the bytes, it ends, and reads nothing beyond them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
      const peer = parseUnixDiagPeer(bytes);
      expect(peer === undefined || peer >= 0).toBe(true);
    }),
  );
  const whole = message([2, Buffer.from([1, 2, 3, 4])]);
  for (let length = 0; length < whole.length; length++)
    expect(parseUnixDiagPeer(whole.subarray(0, length))).toBeUndefined();
});

describe('the kernel', unless(whyNotLinux), () => {
  test('says which socket is the other end', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'unix-diag-'));
    const path = join(directory, 's');
    const server = createServer().listen(path);
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const client = connect(path);
    await once(client, 'connect');
    const [served] = await accepted;
    const inode = (socket: Socket): number =>
      fstatSync((socket as Socket & { _handle: { fd: number } })._handle.fd).ino;
    const diag = new UnixDiag();
    try {
      expect(diag.peerOf(inode(served))).toBe(inode(client));
      expect(diag.peerOf(inode(client))).toBe(inode(served));
      expect(diag.peerOf(0xfffffffe)).toBeUndefined();
      expect(diag.peerOf(inode(served))).toBe(inode(client));
    } finally {
      diag.close();
      for (const socket of [client, served]) socket.destroy();
      server.close();
      rmSync(directory, { recursive: true });
    }
  });
});
