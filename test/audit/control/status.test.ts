import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AuditStatusChange,
  encodeStatusChange,
  parseAuditStatus,
} from '../../../src/audit/control/status.ts';

const words = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => {
    bytes.writeUInt32LE(value, 4 * i);
  });
  return bytes;
};

describe('parseAuditStatus', () => {
  // struct audit_status: mask, enabled, failure, pid, rate_limit, backlog_limit, lost, backlog, feature_bitmap,
  // backlog_wait_time, backlog_wait_time_actual.
  const reply = words(0, 1, 2, 1234, 5, 8192, 4_000_000_000, 7, 0x7f, 60_000, 9);
  const status = {
    enabled: 1,
    failure: 2,
    pid: 1234,
    rateLimit: 5,
    backlogLimit: 8192,
    lost: 4_000_000_000,
    backlog: 7,
    featureBitmap: 0x7f,
    backlogWaitTime: 60_000,
  };

  it('reads the reply of a current kernel', () => expect(parseAuditStatus(reply)).toEqual(status));

  it('reads what longer kernels send', () =>
    expect(parseAuditStatus(Buffer.concat([reply, words(1, 2, 3)]))).toEqual(status));

  it('reads what older kernels leave out as 0', () => {
    expect(parseAuditStatus(reply.subarray(0, 32))).toEqual({
      ...status,
      featureBitmap: 0,
      backlogWaitTime: 0,
    });
    expect(parseAuditStatus(reply.subarray(0, 36))).toEqual({ ...status, backlogWaitTime: 0 });
  });

  it('reads a reply cut at any byte, and only its whole words', () => {
    for (let length = 0; length <= reply.length; length++) {
      const padded = Buffer.concat([reply.subarray(0, length - (length % 4)), Buffer.alloc(44)]);
      expect(parseAuditStatus(reply.subarray(0, length))).toEqual(parseAuditStatus(padded));
    }
  });

  it('reads from within another buffer', () => {
    const offset = Buffer.concat([Buffer.alloc(3, 0xff), reply]).subarray(3);
    expect(parseAuditStatus(offset)).toEqual(status);
  });
});

describe('encodeStatusChange', () => {
  it.each<[AuditStatusChange, Buffer]>([
    [{}, words(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
    [{ enabled: 1 }, words(0x01, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
    [{ failure: 2 }, words(0x02, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0)],
    [{ pid: 77 }, words(0x04, 0, 0, 77, 0, 0, 0, 0, 0, 0, 0)],
    [{ rateLimit: 9 }, words(0x08, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0)],
    [{ backlogLimit: 8192 }, words(0x10, 0, 0, 0, 0, 8192, 0, 0, 0, 0, 0)],
    [{ backlogWaitTime: 0 }, words(0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
    [{ enabled: 0, pid: 0 }, words(0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
  ])('%j', (change, expected) => expect(Buffer.from(encodeStatusChange(change))).toEqual(expected));

  it('is read back, and changes nothing it does not name', () => {
    const value = fc.nat(0xffffffff);
    fc.assert(
      fc.property(
        fc.record(
          {
            enabled: value,
            failure: value,
            pid: value,
            rateLimit: value,
            backlogLimit: value,
            backlogWaitTime: value,
          },
          { requiredKeys: [] },
        ),
        change => {
          const bytes = encodeStatusChange(change);
          expect(parseAuditStatus(bytes)).toMatchObject(change);
          let bits = 0;
          for (let mask = Buffer.from(bytes).readUInt32LE(0); mask > 0; mask >>>= 1) bits += mask & 1;
          expect(bits).toBe(Object.keys(change).length);
        },
      ),
    );
  });
});
