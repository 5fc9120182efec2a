import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeDiagRequest,
  encodeExactRequest,
  parseDiagMessage as parse,
  withPort,
} from '../../../src/model/sockets/sock-diag.ts';

const parseDiagMessage = (bytes: Uint8Array, inodes?: ReadonlySet<number>) => parse(bytes, 6, inodes);

const message = (
  family: number,
  src: readonly number[],
  sport: number,
  dst: readonly number[],
  dport: number,
) => {
  const bytes = Buffer.alloc(72);
  bytes[0] = family;
  bytes[1] = 1;
  bytes.writeUInt16BE(sport, 4);
  bytes.writeUInt16BE(dport, 6);
  bytes.set(src, 8);
  bytes.set(dst, 24);
  bytes.writeUInt32LE(1000, 64);
  bytes.writeUInt32LE(4_000_000_001, 68);
  return bytes;
};

describe('parseDiagMessage', () => {
  it('reads both ends, owner and inode', () => {
    expect(parseDiagMessage(message(2, [127, 0, 0, 1], 40_000, [10, 1, 2, 3], 443))).toMatchObject({
      family: 2,
      protocol: 6,
      state: 1,
      local: { address: '127.0.0.1', port: 40_000 },
      remote: { address: '10.1.2.3', port: 443 },
      inode: 4_000_000_001,
    });
    const loopback = [...Array(15).fill(0), 1];
    expect(parseDiagMessage(message(10, loopback, 1, loopback, 2))).toMatchObject({
      local: { address: '::1', port: 1 },
      remote: { address: '::1', port: 2 },
    });
  });

  it('reads how long a closed connection is still listed', () => {
    const bytes = message(2, [127, 0, 0, 1], 40_000, [10, 1, 2, 3], 443);
    bytes.writeUInt32LE(59_988, 52);
    expect(parseDiagMessage(bytes)?.closedMs).toBeUndefined();
    bytes[2] = 3;
    expect(parseDiagMessage(bytes)?.closedMs).toBe(59_988);
  });

  it('refuses other families and whatever is too short', () => {
    expect(parseDiagMessage(message(1, [], 0, [], 0))).toBeUndefined();
    const whole = message(2, [1, 2, 3, 4], 5, [6, 7, 8, 9], 10);
    for (let length = 0; length < whole.length; length++) {
      expect(parseDiagMessage(whole.subarray(0, length))).toBeUndefined();
    }
    expect(parseDiagMessage(Buffer.concat([whole, Buffer.alloc(8)]))).toEqual(parseDiagMessage(whole));
  });

  it('reads only the sockets that are asked for', () => {
    const bytes = message(2, [1, 2, 3, 4], 5, [6, 7, 8, 9], 10);
    expect(parseDiagMessage(bytes, new Set([7, 4_000_000_001]))).toMatchObject({ inode: 4_000_000_001 });
    expect(parseDiagMessage(bytes, new Set([7]))).toBeUndefined();
  });

  it('reads back any IPv4 ends', () => {
    const port = fc.integer({ min: 0, max: 65_535 });
    const address = fc.uint8Array({ minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(address, port, address, port, (src, sport, dst, dport) => {
        expect(parseDiagMessage(message(2, [...src], sport, [...dst], dport))).toMatchObject({
          local: { address: src.join('.'), port: sport },
          remote: { address: dst.join('.'), port: dport },
        });
      }),
    );
  });

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), bytes => {
        parseDiagMessage(bytes);
      }),
    );
  });
});

describe('encodeDiagRequest', () => {
  it('has the size and places of struct inet_diag_req_v2', () => {
    const request = Buffer.from(encodeDiagRequest(10, 17, 443));
    expect(request).toHaveLength(56);
    expect([request[0], request[1]]).toEqual([10, 17]);
    expect(request.readUInt16BE(10)).toBe(443);
    // TIME_WAIT (6) and LISTEN (10) are not asked for.
    expect(request.readUInt32LE(4).toString(2)).toBe('101110111111');
  });
});

describe('encodeExactRequest', () => {
  it('asks by the ends that a message told, with another port, whatever the cookie', () => {
    const bytes = message(2, [127, 0, 0, 1], 40_000, [10, 1, 2, 3], 443);
    bytes.fill(9, 44, 52);
    const { id } = parseDiagMessage(bytes)!;
    const request = Buffer.from(encodeExactRequest(2, 6, withPort(id, 'local', 40_002)));
    expect(request).toHaveLength(56);
    expect([request.readUInt16BE(8), request.readUInt16BE(10)]).toEqual([40_002, 443]);
    expect([...request.subarray(12, 16), ...request.subarray(28, 32)]).toEqual([127, 0, 0, 1, 10, 1, 2, 3]);
    expect(request.subarray(48).every(byte => byte === 0xff)).toBe(true);
    expect(withPort(id, 'remote', 80)).not.toEqual(id);
  });
});
