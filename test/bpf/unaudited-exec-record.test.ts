import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TASK } from '../../src/bpf/task-record.ts';
import {
  MAX_ARGUMENT_BYTES,
  MAX_PATH_BYTES,
  readUnauditedExec,
  UNAUDITED,
  UNAUDITED_EXEC,
} from '../../src/bpf/unaudited-exec-record.ts';
import { unauditedExecRecord } from './unaudited-exec.ts';

const read = (bytes: Buffer) => readUnauditedExec(bytes, 0, bytes.length);

describe('an exec that audit cannot see', () => {
  test('who executed what', () => {
    const found = read(unauditedExecRecord({ argv: ['/bin/sh', '-c', '', 'a b'], tty: 'pts0' }))!;
    expect(found).toMatchObject({
      tgid: 4321,
      parent: 1234,
      auid: 4_294_967_295,
      session: 4_294_967_295,
      uid: 1000,
      euid: 1001,
      suid: 1002,
      fsuid: 1003,
      inode: 260_958n,
      device: 0xfe00000,
      mode: 0o100755,
      argumentBytes: 16,
      isAudited: false,
    });
    expect(found.arguments.toString()).toBe('/bin/sh\0-c\0\0a b\0');
    expect(found.tty?.toString()).toBe('pts0');
    expect(found.filename?.toString()).toBe('/usr/bin/thing');
    expect(found.interpreter?.toString()).toBe('/bin/sh');
  });

  test('no terminal, and paths that were cut, are not told', () => {
    const found = read(unauditedExecRecord({ filename: 'x'.repeat(MAX_PATH_BYTES - 1) }))!;
    expect(found.tty).toBeUndefined();
    expect(found.filename).toBeUndefined();
    expect(found.interpreter).toBeDefined();
    const longest = 'x'.repeat(MAX_PATH_BYTES - 2);
    expect(read(unauditedExecRecord({ filename: longest }))!.filename?.toString()).toBe(longest);
  });

  test('of a long command line the first part', () => {
    const found = read(unauditedExecRecord({ argv: ['x'.repeat(3 * MAX_ARGUMENT_BYTES)] }))!;
    expect(found.argumentBytes).toBe(3 * MAX_ARGUMENT_BYTES + 1);
    expect(found.arguments).toHaveLength(MAX_ARGUMENT_BYTES);
  });

  test('what is cut off is no record, at every byte', () => {
    const whole = unauditedExecRecord({});
    for (let length = 0; length < whole.length; length++) {
      expect(readUnauditedExec(whole, 0, length)).toBeUndefined();
    }
  });

  test('of any bytes nothing longer comes out than there is room for', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), bytes => {
        const record = Buffer.alloc(UNAUDITED.bytes);
        for (let at = 0; at < record.length; at += bytes.length)
          record.set(bytes.subarray(0, record.length - at), at);
        record.writeUInt32LE(UNAUDITED_EXEC, TASK.kind);
        const found = read(record)!;
        expect(found.arguments.length).toBeLessThanOrEqual(MAX_ARGUMENT_BYTES);
        expect(found.filename?.length ?? 0).toBeLessThan(MAX_PATH_BYTES);
      }),
    );
  });
});
