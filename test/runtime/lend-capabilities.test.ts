import { describe, expect, test } from 'vitest';
import { capabilityMask } from '../../src/runtime/capabilities.ts';
import { lendCapabilities } from '../../src/runtime/lend-capabilities.ts';
import { EPERM, FakeKernel } from './fake-privileges.ts';

const OWN = capabilityMask(['CAP_AUDIT_CONTROL', 'CAP_NET_ADMIN']);
const LENT = capabilityMask(['CAP_AUDIT_CONTROL']);
const start = { permitted: OWN, effective: OWN, bounding: OWN };

describe('lendCapabilities', () => {
  test('programs started meanwhile get what is lent, later ones nothing', () => {
    const kernel = new FakeKernel(start);
    const before = kernel.main;
    const ambient = lendCapabilities(['CAP_AUDIT_CONTROL'], kernel, () => kernel.main.ambient);
    expect(ambient).toBe(LENT);
    expect(kernel.main).toEqual(before);
  });

  test('lends nothing that it has not', () => {
    const kernel = new FakeKernel(start);
    const ambient = lendCapabilities(
      ['CAP_AUDIT_CONTROL', 'CAP_SYS_PTRACE'],
      kernel,
      () => kernel.main.ambient,
    );
    expect(ambient).toBe(LENT);
  });

  test('takes back what it lent when the start fails', () => {
    const kernel = new FakeKernel(start);
    const fail = (): never => {
      throw new Error('no such program');
    };
    expect(() => lendCapabilities(['CAP_AUDIT_CONTROL'], kernel, fail)).toThrow('no such program');
    expect(kernel.main).toMatchObject({ ambient: 0n, inheritable: 0n, effective: OWN });
  });

  test('starts the program all the same where the kernel refuses, or cannot be asked', () => {
    const refusing = new FakeKernel(start, { errnos: { raise: EPERM, capset: EPERM } });
    expect(lendCapabilities(['CAP_AUDIT_CONTROL'], refusing, () => 'started')).toBe('started');
    const silent = { threads: () => [], prctl: () => EPERM, capset: () => EPERM };
    expect(lendCapabilities(['CAP_AUDIT_CONTROL'], silent, () => 'started')).toBe('started');
  });
});
