import { describe, expect, test } from 'vitest';
import {
  capabilityHeader,
  capabilityMask,
  capabilityNumbers,
  encodeCapabilities,
  hasCapability,
  parseThreadStatus,
} from '../../src/runtime/capabilities.ts';

const STATUS = [
  'Name:\tCapPrm:\t00000000000000ff',
  'Umask:\t0077',
  'CapInh:\t0000000000000000',
  'CapPrm:\t0000002040081004',
  'CapEff:\t0000002040081004',
  'CapBnd:\t000001fffeffffff',
  'CapAmb:\t0000000000000001',
  'NoNewPrivs:\t1',
  'Seccomp:\t0',
  '',
].join('\n');

describe('capabilities', () => {
  test('are bits by their numbers', () => {
    expect(capabilityMask([])).toBe(0n);
    expect(capabilityMask(['CAP_DAC_READ_SEARCH', 'CAP_AUDIT_READ'])).toBe((1n << 2n) | (1n << 37n));
    expect(capabilityNumbers(0x20_4008_1004n)).toEqual([2, 12, 19, 30, 37]);
    expect(capabilityNumbers(0n)).toEqual([]);
    expect(hasCapability(0x20_4008_1004n, 'CAP_AUDIT_CONTROL')).toBe(true);
    expect(hasCapability(0x20_4008_1004n, 'CAP_SETPCAP')).toBe(false);
  });

  test("are read from a thread's status", () => {
    expect(parseThreadStatus(STATUS)).toEqual({
      inheritable: 0n,
      permitted: 0x20_4008_1004n,
      effective: 0x20_4008_1004n,
      bounding: 0x1ff_feff_ffffn,
      ambient: 1n,
      noNewPrivileges: true,
    });
    expect(parseThreadStatus(STATUS.replace('NoNewPrivs:\t1', 'NoNewPrivs:\t0'))?.noNewPrivileges).toBe(
      false,
    );
  });

  test.each(['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs'])(
    'are unknown without the line %s, as a kernel that is too old has it',
    name => {
      const lines = STATUS.split('\n').filter(line => !line.startsWith(name));
      expect(parseThreadStatus(lines.join('\n'))).toBeUndefined();
    },
  );

  test('that are cut off are unknown', () => {
    for (let length = 0; length < STATUS.indexOf('NoNewPrivs:\t1') + 13; length++) {
      expect(parseThreadStatus(STATUS.slice(0, length))).toBeUndefined();
    }
  });

  test('are given to the kernel as two triples of 32 bits', () => {
    const bytes = encodeCapabilities({
      effective: 0x20_4008_1004n,
      permitted: 0x1ff_feff_ffffn,
      inheritable: 1n << 37n,
    });
    expect([...new Uint32Array(bytes.buffer)]).toEqual([0x4008_1004, 0xfeff_ffff, 0, 0x20, 0x1ff, 0x20]);
    expect([...new Uint32Array(capabilityHeader().buffer)]).toEqual([0x2008_0522, 0]);
  });
});
