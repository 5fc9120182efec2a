import { expect, test } from 'vitest';
import type { ReadFacts } from '../../../src/doctor/facts.ts';
import { planSelfTest } from '../../../src/doctor/self-test/plan-self-test.ts';
import {
  auditFacts,
  bare,
  coreWith,
  EXTENSION,
  healthy,
  idleStatus,
  ownRules,
  runningCore,
} from '../facts.ts';

const nobody = { names: new Map([[1, 'init']]), ofUsers: new Set<number>(), complete: true };

test('the standard name is asked where it leads to us', () => {
  expect(planSelfTest(healthy)).toEqual({
    kind: 'osquery',
    socketPath: runningCore.path,
    table: 'process_events',
  });
  const free = { ...runningCore, tables: [{ name: 'process_events', native: false }] };
  expect(planSelfTest({ ...healthy, core: free })).toMatchObject({ table: 'process_events' });
});

test("else our own, past core's empty table", () => {
  expect(planSelfTest({ ...healthy, core: coreWith({ disable_tables: 'socket_events' }) })).toMatchObject({
    kind: 'osquery',
    table: 'audit_process_events',
  });
});

test('kernel audit is read only while nobody has it', () => {
  expect(planSelfTest(bare)).toEqual({ kind: 'kernel' });
  expect(
    planSelfTest({
      ...healthy,
      core: { ...runningCore, extensions: new Map() },
      processes: nobody,
      audit: auditFacts(idleStatus, []),
    }),
  ).toEqual({ kind: 'kernel' });
});

test('an owner that has ended is nobody', () => {
  expect(planSelfTest({ ...bare, audit: auditFacts({ pid: 4711 }, []) })).toEqual({ kind: 'kernel' });
});

test.each<[string, Partial<ReadFacts>, string]>([
  [
    'programs are not recorded',
    { ...healthy, core: coreWith({ audit_allow_process_events: 'false' }) },
    '--audit_allow_process_events',
  ],
  ['a user', { host: { ...bare.host, isRoot: false, canControlAudit: false } }, 'needs root'],
  [
    'macOS',
    { host: { ...bare.host, platform: 'darwin', hasAuditPipe: true } },
    'no running osquery has the extension',
  ],
  ['a container', { host: { ...bare.host, inInitialNamespaces: false } }, 'container'],
  ['audit that cannot be read', { audit: { kind: 'unreadable', why: 'no reply' } }, 'no reply'],
  [
    'auditd',
    {
      audit: auditFacts({ pid: 9 }, []),
      processes: { names: new Map([[9, 'auditd']]), ofUsers: new Set<number>(), complete: true },
    },
    'auditd (pid 9)',
  ],
  [
    'an owner that is hidden',
    {
      audit: auditFacts({ pid: 9 }, []),
      processes: { names: new Map(), ofUsers: new Set<number>(), complete: false },
    },
    'pid 9',
  ],
  [
    'an extension in multicast mode',
    {
      processes: {
        names: new Map([
          [1, 'init'],
          [EXTENSION, 'osquery-audit-e'],
        ]),
        ofUsers: new Set<number>(),
        complete: true,
      },
    },
    'not registered',
  ],
  [
    'hidden processes',
    { processes: { names: new Map(), ofUsers: new Set<number>(), complete: false } },
    'cannot be seen',
  ],
  ['locked', { audit: auditFacts({ ...idleStatus, enabled: 2 }, []) }, 'locked'],
  ['rules of a killed extension', { audit: auditFacts(idleStatus, ownRules()) }, 'killed extension'],
])('not made: %s', (_, change, why) => {
  expect(planSelfTest({ ...bare, ...change })).toEqual({
    kind: 'skip',
    why: expect.stringContaining(why),
    fix: expect.any(String),
  });
});
