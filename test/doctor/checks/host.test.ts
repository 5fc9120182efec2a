import { expect, test } from 'vitest';
import { checkHost } from '../../../src/doctor/checks/host.ts';
import type { HostFacts } from '../../../src/runtime/host-facts.ts';
import { healthy, troubles } from '../facts.ts';

const check = (host: Partial<HostFacts>) => troubles(checkHost({ host: { ...healthy.host, ...host } }));

test('nothing is wrong with root on Linux', () => {
  expect(check({})).toEqual([]);
});

test.each<[string, Partial<HostFacts>, string, string, string]>([
  ['no audit', { kernelHasAudit: false }, 'kernel', 'problem', 'audit=0'],
  ['a container', { inInitialNamespaces: false }, 'namespaces', 'problem', '--pid=host'],
  ['root without the capability', { canControlAudit: false }, 'privileges', 'problem', 'AUDIT_CONTROL'],
  ['a user', { canControlAudit: false, isRoot: false }, 'privileges', 'unknown', 'as root'],
  ['macOS without audit', { platform: 'darwin' }, 'kernel', 'problem', 'OpenBSM'],
  [
    'a user on macOS',
    { platform: 'darwin', hasAuditPipe: true, isRoot: false },
    'privileges',
    'unknown',
    'as root',
  ],
  ['another system', { platform: 'freebsd' }, 'kernel', 'problem', 'Linux or macOS'],
])('%s', (_, host, name, status, fix) => {
  expect(check(host)).toEqual([
    { check: name, status, found: expect.any(String), fix: expect.stringContaining(fix) },
  ]);
});
