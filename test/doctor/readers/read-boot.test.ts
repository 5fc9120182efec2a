import { expect, test } from 'vitest';
import { readBoot } from '../../../src/doctor/readers/read-boot.ts';
import { type FakeFile, fakeRoot } from '../fake-root.ts';

const unit = { link: '/usr/lib/systemd/system/auditd.service' } as const;

test('a host without auditd', () => {
  expect(readBoot(fakeRoot({}))).toEqual({ starters: [], masked: false });
});

test.each<[string, FakeFile]>([
  ['/etc/systemd/system/multi-user.target.wants/auditd.service', unit],
  ['/etc/systemd/system/sysinit.target.wants/auditd.service', unit],
  ['/usr/lib/systemd/system/multi-user.target.wants/auditd.service', { link: '../auditd.service' }],
  ['/lib/systemd/system/multi-user.target.requires/auditd.service', { link: '../auditd.service' }],
  ['/etc/rc2.d/S01auditd', { link: '../init.d/auditd' }],
  ['/etc/rc.d/rc3.d/S11auditd', { link: '../init.d/auditd' }],
  ['/etc/runlevels/default/auditd', { link: '/etc/init.d/auditd' }],
])('%s starts it', (path, file) => {
  expect(readBoot(fakeRoot({ [path]: file }))).toEqual({ starters: [path], masked: false });
});

test.each<[string, FakeFile]>([
  ['/etc/systemd/system/auditd.service', { text: '[Unit]' }],
  ['/usr/lib/systemd/system/auditd.service', '[Unit]'],
  ['/etc/systemd/system/multi-user.target.wants/systemd-journald-audit.socket', { link: 'x' }],
  ['/etc/rc2.d/K01auditd', { link: '../init.d/auditd' }],
  ['/etc/rc0.d/S01auditd', { link: '../init.d/auditd' }],
  ['/etc/init.d/auditd', '#!/bin/sh'],
])('%s does not', (path, file) => {
  expect(readBoot(fakeRoot({ [path]: file }))).toEqual({ starters: [], masked: false });
});

test('with /lib a link to /usr/lib each starter counts once', () => {
  const root = fakeRoot({
    '/lib': { link: 'usr/lib' },
    '/usr/lib/systemd/system/multi-user.target.wants/auditd.service': unit,
  });
  expect(readBoot(root).starters).toHaveLength(1);
});

test.each<[string, FakeFile]>([
  ['a link to /dev/null', { link: '/dev/null' }],
  ['an empty file', { text: '' }],
])('masked by %s', (_, file) => {
  const root = fakeRoot({
    '/etc/systemd/system/auditd.service': file,
    '/etc/systemd/system/multi-user.target.wants/auditd.service': unit,
  });
  expect(readBoot(root)).toMatchObject({ masked: true });
});
