import { expect, test } from 'vitest';
import { readSecurity } from '../../../src/doctor/readers/read-security.ts';
import { fakeRoot } from '../fake-root.ts';

test('what the kernel says', () => {
  const root = fakeRoot({
    '/sys/kernel/security/lsm': 'capability,landlock,apparmor',
    '/proc/sys/kernel/seccomp/actions_logged': 'kill_process trap log\n',
  });
  expect(readSecurity(root)).toEqual({
    modules: ['capability', 'landlock', 'apparmor'],
    loggedActions: ['kill_process', 'trap', 'log'],
  });
});

test('nothing logged is not the same as not known', () => {
  expect(readSecurity(fakeRoot({ '/proc/sys/kernel/seccomp/actions_logged': '\n' }))).toEqual({
    modules: undefined,
    loggedActions: [],
  });
});
