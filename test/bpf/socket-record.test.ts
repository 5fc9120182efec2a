import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readSocketRecord, SOCKET } from '../../src/bpf/socket-record.ts';
import { encodeSocketRecord } from './encode-socket-record.ts';

test('a record of a call that audit follows', () => {
  const record = encodeSocketRecord({ kind: 'connect', result: -115, protocol: 17, remote: [10, 0, 0, 1] });
  expect(readSocketRecord(record, 0, record.length)).toMatchObject({
    kind: 'connect',
    tgid: 100,
    isAudited: true,
    call: { seconds: 1_700_000_000, milliseconds: 4 },
    comm: 'curl',
    fd: 5,
    result: -115,
    family: 2,
    protocol: 17,
    localPort: 40_000,
    remotePort: 443,
    local: Buffer.from([127, 0, 0, 1]),
    remote: Buffer.from([10, 0, 0, 1]),
  });
});

test('without a descriptor, and without a call', () => {
  const record = encodeSocketRecord({
    fd: -1,
    inCall: 0,
    local: new Array(16).fill(1),
    remote: new Array(16).fill(2),
  });
  const read = readSocketRecord(record, 0, record.length)!;
  expect(read.fd).toBeUndefined();
  expect(read.call).toBeUndefined();
  expect([read.family, read.local.length, read.remote.length]).toEqual([10, 16, 16]);
});

test('any bytes: a record, or none', () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: SOCKET.bytes + 16 });
  fc.assert(
    fc.property(bytes, array => {
      const buffer = Buffer.from(array);
      const read = readSocketRecord(buffer, 0, buffer.length);
      if (buffer.length < SOCKET.bytes) expect(read).toBeUndefined();
      else if (read !== undefined) expect(read.comm.length).toBeLessThanOrEqual(16);
    }),
  );
  const whole = encodeSocketRecord();
  for (let length = 0; length < whole.length; length++) {
    expect(readSocketRecord(whole.subarray(0, length), 0, length)).toBeUndefined();
  }
});
