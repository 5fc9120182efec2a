import { expect, test } from 'vitest';
import { howToAuditFromBoot } from '../../../src/doctor/boot-parameter.ts';
import { readSystem } from '../../../src/doctor/readers/read-system.ts';
import { type FakeFile, fakeRoot } from '../fake-root.ts';

test('a host that tells nothing', () => {
  expect(readSystem(fakeRoot({}))).toEqual({
    ids: [],
    isOstree: false,
    isTransactional: false,
    auditsFromBoot: false,
  });
});

test('the distribution, those it is made from, and the command line of the kernel', () => {
  const root = fakeRoot({
    '/etc/os-release': 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n',
    '/usr/lib/os-release': 'ID=other\n',
    '/proc/cmdline': 'BOOT_IMAGE=/vmlinuz ro audit=1\n',
  });
  expect(readSystem(root)).toEqual({
    ids: ['rocky', 'rhel', 'centos', 'fedora'],
    isOstree: false,
    isTransactional: false,
    auditsFromBoot: true,
  });
});

const release = (id: string, like = ''): Record<string, FakeFile> => ({
  '/usr/lib/os-release': `ID=${id}\nID_LIKE='${like}'\n`,
});

test.each<[string, Record<string, FakeFile>, string]>([
  ['Debian', release('debian'), 'update-grub'],
  ['Ubuntu', release('ubuntu', 'debian'), 'update-grub'],
  ['RHEL', release('rhel', 'fedora'), 'grubby --update-kernel=ALL --args=audit=1'],
  ['Alma', release('almalinux', 'rhel centos fedora'), 'grubby'],
  ['Amazon Linux', release('amzn', 'fedora'), 'grubby'],
  ['Fedora', release('fedora'), 'grubby'],
  ['SLES', release('sles', 'suse'), 'grub2-mkconfig -o /boot/grub2/grub.cfg'],
  ['openSUSE', release('opensuse-leap', 'suse opensuse'), 'grub2-mkconfig'],
  ['Flatcar', release('flatcar', 'coreos'), 'linux_append'],
  ['Bottlerocket', release('bottlerocket'), 'settings.boot.kernel-parameters'],
  ['NixOS', release('nixos'), 'boot.kernelParams'],
  ['Arch', release('arch'), 'grub-mkconfig'],
  ['Fedora CoreOS', { ...release('fedora'), '/run/ostree-booted': '' }, 'rpm-ostree kargs --append=audit=1'],
  [
    'SLE Micro',
    { ...release('sle-micro', 'suse'), '/usr/sbin/transactional-update': '' },
    'transactional-update grub.cfg',
  ],
  ['another one', release('other'), 'boot loader'],
  ['one of an unknown name', {}, 'boot loader'],
])('how %s starts its kernel with audit=1', (_, files, way) => {
  const how = howToAuditFromBoot(readSystem(fakeRoot(files)));
  expect(how).toContain(way);
  expect(how).toMatch(/audit=1|"audit" = \["1"\]/);
  expect(how).toMatch(/, then restart the system$/);
});
