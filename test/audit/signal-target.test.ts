import { describe, expect, it } from 'vitest';
import { damage } from '../../src/audit/damage.ts';
import { signalTarget } from '../../src/audit/signal-target.ts';
import { SyscallReader } from '../../src/audit/syscall-record.ts';
import { group, syscallFields, untrusted } from './kernel-records.ts';

const syscalls = new SyscallReader();

const object = (pid: number, comm: string) =>
  [1318, `opid=${pid} oauid=-1 ouid=0 oses=-1 ocomm=${untrusted(comm)}`] as const;
const target = (
  values: Record<string, string | number>,
  ...objects: readonly (readonly [number, string])[]
) => {
  damage.records = 0;
  const records = group([1300, syscallFields({ items: 0, exit: 0, ...values })], ...objects);
  const reading = syscalls.read(records.records[0]!, new Set(['kill', 'tkill', 'tgkill']));
  if (reading.kind !== 'syscall') throw new Error(reading.kind);
  return signalTarget(records, reading.syscall);
};
const kill = { syscall: 62, a0: '4843', a1: 'f', a2: '0' };

describe('signalTarget', () => {
  it('is the process that the kernel recorded', () => {
    expect(target(kill, object(18499, 'sh'))).toEqual({ pid: 18499, comm: 'sh', signal: 15 });
    expect(target(kill, object(7, 'a b'))).toEqual({ pid: 7, comm: 'a b', signal: 15 });
  });

  it('has the signal where each call has it', () => {
    expect(target({ ...kill, syscall: 200 }, object(7, 'x'))).toMatchObject({ signal: 15 });
    expect(target({ syscall: 234, a0: '7', a1: '8', a2: '9' }, object(7, 'x'))).toMatchObject({ signal: 9 });
  });

  it('is what the call was given where there are several, or none was recorded', () => {
    const toGroup = { ...kill, a0: 'ffffffffffffb7bd' };
    expect(target(toGroup, object(1, 'x'), object(2, 'y'))).toEqual({
      pid: -18499,
      comm: undefined,
      signal: 15,
    });
    expect(target({ ...kill, a1: '0' })).toEqual({ pid: 0x4843, comm: undefined, signal: 0 });
  });

  it('is not taken from a record that is cut off', () => {
    const [type, fields] = object(18499, 'program');
    for (let end = 0; end < fields.length; end++) {
      expect(target(kill, [type, fields.slice(0, end)])).toMatchObject({ pid: 0x4843, comm: undefined });
      expect(damage.records).toBe(1);
    }
  });
});
