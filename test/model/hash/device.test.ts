import { readFileSync, statSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAuditDevice, statDevice } from '../../../src/model/hash/device.ts';
import { parseMountinfo } from '../../../src/model/procfs/mountinfo.ts';

describe('device numbers', () => {
  it("are read from audit's hexadecimal", () => {
    expect(parseAuditDevice('fd:00')).toBe('253:0');
    expect(parseAuditDevice('103:1f')).toBe('259:31');
    expect(parseAuditDevice('00:01')).toBe('0:1');
  });

  it.each(['', 'fd', 'fd:', ':00', 'fd:00:00', 'xx:00', '123456789:0', 'fd:00 '])(
    'are not read from %j',
    text => {
      expect(parseAuditDevice(text)).toBeUndefined();
    },
  );

  it('are unpacked from stat as macOS packs them', () => {
    expect(statDevice(0x01000005n, 'darwin')).toBe(parseAuditDevice('01:05'));
    expect(statDevice(0x01012345n, 'darwin')).toBe(parseAuditDevice('01:12345'));
    // st_dev is signed there.
    expect(statDevice(-1n, 'darwin')).toBe('255:16777215');
  });

  it('are unpacked from stat as the kernel packs them', () => {
    expect(statDevice(0xfe00n)).toBe('254:0');
    expect(statDevice(0x15n)).toBe('0:21');
    // makedev(0x12345, 0x6789a)
    expect(statDevice(0x120006783459an)).toBe(`${0x12345}:${0x6789a}`);
    const proc = parseMountinfo(readFileSync('/proc/self/mountinfo')).find(
      ({ mountPoint }) => mountPoint === '/proc',
    )!;
    expect(statDevice(statSync('/proc', { bigint: true }).dev)).toBe(`${proc.major}:${proc.minor}`);
  });

  it('are the same whichever way they were written', () => {
    const part = fc.integer({ min: 0, max: 0xfffff });
    fc.assert(
      fc.property(part, part, (major, minor) => {
        const [ma, mi] = [BigInt(major), BigInt(minor)];
        const packed =
          ((ma & 0xfffff000n) << 32n) | ((ma & 0xfffn) << 8n) | ((mi & 0xffffff00n) << 12n) | (mi & 0xffn);
        expect(parseAuditDevice(`${major.toString(16)}:${minor.toString(16)}`)).toBe(statDevice(packed));
      }),
    );
  });
});
