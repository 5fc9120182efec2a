import { expect, test } from 'vitest';
import type { AuditControl } from '../../../src/audit/control/control.ts';
import { AuditError } from '../../../src/audit/errors.ts';
import { readAudit } from '../../../src/doctor/readers/read-audit.ts';
import { idleStatus, ownRules } from '../facts.ts';

const control = (parts: Partial<AuditControl>): { readonly control: AuditControl; closed: number } => {
  const fake = {
    closed: 0,
    control: {
      ...parts,
      close: () => {
        fake.closed++;
      },
    } as AuditControl,
  };
  return fake;
};

test('status and rules, and the socket is closed again', async () => {
  const rules = ownRules();
  const fake = control({ getStatus: async () => idleStatus, listRules: async () => rules });
  expect(await readAudit(() => fake.control)).toEqual({ kind: 'read', status: idleStatus, rules });
  expect(fake.closed).toBe(1);
});

test('what the kernel refuses is said in its words, and the socket is closed again', async () => {
  const refuse = async (): Promise<never> => {
    throw new AuditError('no-permission', 'not permitted (EPERM)', { errno: 1 });
  };
  const fake = control({ getStatus: refuse });
  expect(await readAudit(() => fake.control)).toEqual({ kind: 'unreadable', why: 'not permitted (EPERM)' });
  expect(fake.closed).toBe(1);
});

test('no audit socket at all', async () => {
  const open = (): never => {
    throw new AuditError('no-audit', 'no audit here');
  };
  expect(await readAudit(open)).toEqual({ kind: 'unreadable', why: 'no audit here' });
});

test('a fault of ours is not passed off as the kernel', async () => {
  const fake = control({
    getStatus: async () => {
      throw new TypeError('a fault');
    },
  });
  await expect(readAudit(() => fake.control)).rejects.toThrow('a fault');
  expect(fake.closed).toBe(1);
});
