import { expect, test } from 'vitest';
import { checkAuditd } from '../../../src/doctor/checks/auditd.ts';
import { healthy, troubles } from '../facts.ts';

test('the kernel thread kauditd is not auditd', () => {
  expect(troubles(checkAuditd(healthy))).toEqual([]);
});

test('auditd that runs', () => {
  const processes = {
    names: new Map([
      [1, 'init'],
      [321, 'auditd'],
    ]),
    ofUsers: new Set<number>(),
    complete: true,
  };
  expect(troubles(checkAuditd({ ...healthy, processes }))).toMatchObject([
    {
      check: 'auditd',
      status: 'problem',
      found: expect.stringContaining('pid 321'),
      fix: expect.stringContaining('systemctl stop auditd'),
    },
  ]);
});

test('processes that are hidden', () => {
  const processes = { names: new Map(), ofUsers: new Set<number>(), complete: false };
  expect(troubles(checkAuditd({ ...healthy, processes }))).toMatchObject([
    { check: 'auditd', status: 'unknown' },
  ]);
});

test.each([
  ['/etc/systemd/system/multi-user.target.wants/auditd.service', 'systemctl disable auditd'],
  ['/etc/rc3.d/S11auditd', 'update-rc.d auditd disable'],
])('auditd started at boot by %s', (path, fix) => {
  expect(troubles(checkAuditd({ ...healthy, boot: { starters: [path], masked: false } }))).toMatchObject([
    {
      check: 'auditd at boot',
      status: 'problem',
      found: expect.stringContaining(path),
      fix: expect.stringContaining(fix),
    },
  ]);
  expect(troubles(checkAuditd({ ...healthy, boot: { starters: [path], masked: true } }))).toEqual([]);
});

test('on macOS auditd belongs there', () => {
  expect(checkAuditd({ ...healthy, host: { ...healthy.host, platform: 'darwin' } })).toEqual([]);
});
