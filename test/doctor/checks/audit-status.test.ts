import { expect, test } from 'vitest';
import { checkAuditStatus } from '../../../src/doctor/checks/audit-status.ts';
import type { Facts } from '../../../src/doctor/facts.ts';
import { auditFacts, bare, coreWith, EXTENSION, healthy, OSQUERYD, troubles } from '../facts.ts';

const found = (facts: Facts, check: string) => checkAuditStatus(facts).find(result => result.check === check);
const withAudit = (...args: Parameters<typeof auditFacts>): Facts => ({
  ...healthy,
  audit: auditFacts(...args),
});

test('what auditctl -s prints', () => {
  expect(checkAuditStatus(healthy).map(({ status, found: text }) => `${status}: ${text}`)).toEqual([
    'ok: enabled 1, failure 0, pid 710, rate_limit 0, backlog_limit 65536, lost 0, backlog 0, backlog_wait_time 0',
    'ok: 1: on',
    'ok: the extension, pid 710, has the audit socket',
  ]);
});

test('audit at rest is in order while no extension runs', () => {
  expect(troubles(checkAuditStatus(bare))).toEqual([]);
});

test('switched off under a running extension', () => {
  expect(found(withAudit({ enabled: 0 }), 'audit enabled')).toMatchObject({
    status: 'problem',
    fix: expect.stringContaining('restart the extension'),
  });
  const facts = { ...withAudit({ enabled: 0 }), core: coreWith({ audit_allow_config: 'false' }) };
  expect(found(facts, 'audit enabled')).toMatchObject({
    status: 'problem',
    fix: expect.stringContaining('--audit_allow_config=true'),
  });
});

test('switched off, and processes are hidden', () => {
  const processes = { names: new Map(), ofUsers: new Set<number>(), complete: false };
  expect(found({ ...bare, processes }, 'audit enabled')).toMatchObject({ status: 'unknown' });
});

test('locked, with and without our rules', () => {
  expect(found(withAudit({ enabled: 2 }), 'audit enabled')).toMatchObject({
    status: 'ok',
    found: expect.stringContaining('locked'),
  });
  expect(found(withAudit({ enabled: 2 }, []), 'audit enabled')).toMatchObject({
    status: 'problem',
    found: expect.stringContaining('before the next boot'),
    fix: expect.stringContaining('-e 2'),
  });
});

test.each([
  ['auditd', 'problem', 'stop auditd'],
  ['osqueryd', 'problem', '--disable_audit=true'],
  ['osqueryi', 'problem', '--disable_audit=true'],
  [undefined, 'unknown', 'the next process that asks'],
] as const)('the socket belongs to %s', (comm, status, fix) => {
  const names = new Map([
    [1, 'init'],
    [EXTENSION, 'osquery-audit-e'],
    ...(comm === undefined ? [] : [[44, comm] as const]),
  ]);
  const facts = {
    ...withAudit({ pid: 44 }),
    processes: { names, ofUsers: new Set<number>(), complete: true },
  };
  expect(found(facts, 'audit owner')).toMatchObject({
    status,
    found: expect.stringContaining('pid 44'),
    fix: expect.stringContaining(fix),
  });
});

test('nobody has the socket, though the extension runs', () => {
  const facts = withAudit({ pid: 0 });
  expect(found(facts, 'audit owner')).toMatchObject({ status: 'problem' });
  expect(
    found({ ...facts, core: coreWith({ custom_audit_mode: 'multicast' }) }, 'audit owner'),
  ).toMatchObject({ status: 'ok' });
});

test.each([
  [{ failure: 2 }, 'audit failure', 'problem'],
  [{ rateLimit: 100 }, 'audit rate_limit', 'problem'],
  [{ backlog: 60, backlogLimit: 64 }, 'audit backlog', 'problem'],
  [{ lost: 3 }, 'audit lost', 'unknown'],
] as const)('%j', (status, check, verdict) => {
  expect(troubles(checkAuditStatus(withAudit(status)))).toMatchObject([{ check, status: verdict }]);
});

test('audit that may not be read', () => {
  const audit = { kind: 'unreadable', why: 'not permitted' } as const;
  const host = { ...healthy.host, isRoot: false };
  expect(checkAuditStatus({ ...healthy, audit, host })).toEqual([
    { check: 'audit status', status: 'unknown', found: 'not permitted', fix: 'run the doctor as root' },
  ]);
});

test('the owner is looked for by its pid', () => {
  expect(found({ ...healthy, audit: auditFacts({ pid: OSQUERYD }) }, 'audit owner')).toMatchObject({
    status: 'problem',
  });
});
