import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { imageTar, whyNoBusybox } from './busybox-image.ts';
import { whyNotLive } from './kernel-audit.ts';

export const IMAGE = 'localhost/osquery-audit-events-test:1';

const isThere = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
/** Why containers cannot be run here. */
export const whyNotContainers =
  whyNotLive ??
  (isThere('podman') && isThere('runc') && whyNoBusybox === undefined
    ? undefined
    : 'it needs podman, runc and a busybox that is linked statically');

/** What runs in a container, with nothing of systemd. */
export const runOn = (network: string, ...args: readonly string[]): readonly string[] => [
  ...['run', '--rm', '--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--network', network],
  ...['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000', ...args],
];
export const run = (...args: readonly string[]): readonly string[] => runOn('none', ...args);

/** The host's programs, with what they take. */
export const PROGRAMS = ['/usr', '/lib', '/lib64'].flatMap(path =>
  existsSync(path) ? ['-v', `${realpathSync(path)}:${path}:ro`] : [],
);

/** An image of busybox alone, with accounts of its own. */
export const makeImage = (): void => {
  execFileSync('podman', ['import', '-', IMAGE], { input: imageTar(), stdio: ['pipe', 'ignore', 'pipe'] });
};

export const removeImage = (): void => {
  spawnSync('podman', ['rmi', '-f', IMAGE]);
};
