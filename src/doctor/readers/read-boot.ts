import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { BootFacts } from '../facts.ts';

/** systemd's unit directories for links made by hand, by packages, and until the next boot. */
const SYSTEMD = [
  '/etc/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
  '/run/systemd/system',
];
const UNIT = 'auditd.service';
/** Run levels of System V in which services run, and those of OpenRC. */
const SYSV = [
  '/etc/rc2.d',
  '/etc/rc3.d',
  '/etc/rc4.d',
  '/etc/rc5.d',
  '/etc/rc.d/rc2.d',
  '/etc/rc.d/rc3.d',
  '/etc/rc.d/rc4.d',
  '/etc/rc.d/rc5.d',
];
const OPENRC = ['/etc/runlevels/boot', '/etc/runlevels/default', '/etc/runlevels/sysinit'];

/** Finds what starts auditd at boot, below `root`. */
export const readBoot = (root: string): BootFacts => {
  const list = (directory: string): readonly string[] => {
    try {
      return readdirSync(join(root, directory)).sort();
    } catch {
      return [];
    }
  };
  // With a merged /usr both names lead to the same directory.
  const directories = isLink(join(root, '/lib'))
    ? SYSTEMD.filter(path => path !== '/lib/systemd/system')
    : SYSTEMD;
  const starters = [
    ...directories.flatMap(directory =>
      list(directory)
        .filter(name => /\.(?:wants|requires)$/.test(name))
        .map(name => `${directory}/${name}`)
        .filter(wants => list(wants).includes(UNIT))
        .map(wants => `${wants}/${UNIT}`),
    ),
    ...SYSV.flatMap(directory =>
      list(directory)
        .filter(name => /^S[0-9]{2}auditd$/.test(name))
        .map(name => `${directory}/${name}`),
    ),
    ...OPENRC.filter(directory => list(directory).includes('auditd')).map(directory => `${directory}/auditd`),
  ];
  return { starters, masked: isMasked(join(root, '/etc/systemd/system', UNIT)) };
};

const isLink = (path: string): boolean => {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
};

/** `systemctl mask` links the unit to /dev/null; an empty file does the same. */
const isMasked = (path: string): boolean => {
  try {
    const stat = lstatSync(path);
    return stat.isSymbolicLink() ? readlinkSync(path) === '/dev/null' : stat.size === 0;
  } catch {
    return false;
  }
};
