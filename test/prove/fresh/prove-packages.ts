/*
 * Proves that the packages install, upgrade and go as they should: `npm run prove:packages -- [--packages DIRECTORY]
 * [--suite trixie] [--directory DIR]`, as root, with Debian's debootstrap, after `npm run package -- --arch amd64` (or
 * arm64 on such a machine). All of it happens in a throw-away Debian; rpm is Debian's there, without a database of what
 * Debian has, so that it is told not to look for dependencies.
 *
 * Prints a line for each step; ends with status 1 if one did not do what it should.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import manifest from '../../../package.json' with { type: 'json' };
import { architectures } from '../../../src/build/package/architectures.ts';
import { type FreshRoot, makeFreshRoot, readRegistries } from './fresh-root.ts';

const run = promisify(execFile);
const project = fileURLToPath(new URL('../../..', import.meta.url));
const { values: flags } = parseArgs({
  options: {
    packages: { type: 'string', default: join(project, 'dist', 'packages') },
    suite: { type: 'string', default: 'trixie' },
    directory: { type: 'string', default: '/var/tmp' },
  },
});
const packages = resolve(flags.packages);

const skipped = (why: string): never => {
  console.log(`prove:packages: skipped: ${why}`);
  process.exit(0);
};
if (process.geteuid?.() !== 0) skipped('it takes root to make a system in a directory');
if (!['/usr/sbin/debootstrap', '/usr/bin/debootstrap'].some(path => existsSync(path))) {
  skipped('debootstrap is not installed (Debian: apt-get install debootstrap)');
}
const { version } = manifest;
const architecture = architectures.find(({ node }) => node === process.arch)!;
const deb = join(packages, `osquery-audit-events_${version}-1_${architecture.deb}.deb`);
const rpm = join(packages, `osquery-audit-events-${version}-1.${architecture.rpm}.rpm`);
if (!existsSync(deb)) skipped(`${deb} is not there: npm run package makes it`);

/** The line that packages add. */
const LINE = '/usr/lib/osquery/extensions/osquery-audit-events.ext';
const LOAD = '/etc/osquery/extensions.load';
const STATE = '/var/lib/osquery-audit-events';
const DISK = '/usr/lib/osquery/extensions';

interface Step {
  readonly what: string;
  /** Shell, as root, in the root. */
  readonly line: string;
  /** Whether it may fail, and what it then says. */
  readonly fails?: RegExp;
  /** Shell that has to print this, from there on. */
  readonly after: Readonly<Record<string, string>>;
}

const load = `cat -A ${LOAD}`;
const others = `mkdir -p /etc/osquery; printf '/opt/a.ext\\r\\n# mine' >${LOAD}`;
const othersAfter = '/opt/a.ext^M$\n# mine^M$\n';
const othersLoad = `${othersAfter}${LINE}^M$\n`;
const versionLine = `osquery-audit-events ${version}\n`;

const debSteps: readonly Step[] = [
  {
    what: 'install where nothing is',
    line: 'dpkg -i /new.deb',
    after: { [load]: `${LINE}$\n`, 'osquery-audit-events --version': versionLine, 'dpkg --audit': '' },
  },
  {
    what: 'run it there',
    line: 'cp -r /usr/share/osquery-audit-events/packs /tmp/packs',
    after: {
      'osquery-audit-events shell --replay /exec.log --json "SELECT count(*) > 0 AS n FROM process_events" | tr -d " \\n"':
        '[{"n":"1"}]',
    },
  },
  {
    what: 'remove and purge',
    line: `mkdir -p ${STATE}; dpkg -r osquery-audit-events; ls -d ${STATE}; dpkg -P osquery-audit-events`,
    after: { [load]: '', [`ls -d ${STATE} ${LINE} 2>/dev/null || true`]: '' },
  },
  {
    what: "install the version before, beside others' lines with CRLF and no final end",
    line: `${others}; dpkg -i /old.deb`,
    after: { [load]: othersLoad },
  },
  {
    what: 'upgrade',
    line: 'dpkg -i /new.deb',
    after: { [load]: othersLoad, [`${LINE} --version`]: versionLine },
  },
  {
    what: 'upgrade where somebody commented the line out',
    line: `sed -i 's,^/usr,#/usr,' ${LOAD}; dpkg -i /new.deb 2>&1`,
    after: { [load]: `${othersAfter}#${LINE}^M$\n` },
  },
  {
    what: 'remove where it is commented out',
    line: `dpkg -r osquery-audit-events; sed -i '/^#.usr/d' ${LOAD}; dpkg -i /old.deb`,
    after: { [load]: othersLoad },
  },
  {
    what: 'an upgrade for which the disk is too small leaves the version before as it was',
    line: `cp ${LINE} /keep && mount -t tmpfs -o size=180m tmpfs ${DISK} && cp -p /keep ${LINE} && dpkg -i /new.deb; status=$?; cmp /keep ${LINE} || status=99; ls -A ${DISK}; umount ${DISK}; exit $status`,
    fails: /No space left on device/,
    after: { [load]: othersLoad, [`${LINE} --version`]: versionLine },
  },
  {
    what: 'an extensions.load that is a symbolic link is told, and stays',
    line: `dpkg -P osquery-audit-events && mv ${LOAD} /real && ln -s /real ${LOAD} && dpkg -i /new.deb`,
    fails: /extensions\.load: expected a file, got a symbolic link/,
    after: {
      'cat -A /real': othersAfter,
      "dpkg-query -W -f '${Status}' osquery-audit-events": 'install ok half-configured',
    },
  },
  {
    what: 'the installation goes on when that is put right',
    line: `rm ${LOAD} && mv /real ${LOAD} && dpkg --configure osquery-audit-events`,
    after: { [load]: othersLoad, 'dpkg --audit': '' },
  },
  {
    what: 'a read-only /etc is told, and nothing half written',
    line: `mount --bind /etc/osquery /etc/osquery && mount -o remount,bind,ro /etc/osquery && sed -i s/x/x/ /dev/null; dpkg -r osquery-audit-events 2>&1; umount /etc/osquery; ls -A /etc/osquery`,
    after: { [load]: othersLoad, 'ls -A /etc/osquery': 'extensions.load\n' },
  },
];

const rpmSteps: readonly Step[] = [
  {
    what: 'rpm: install',
    line: `rm -f ${LOAD}; ${others}; rpm --initdb; rpm -i --nodeps /new.rpm`,
    after: { [load]: othersLoad, 'osquery-audit-events --version': versionLine },
  },
  {
    what: 'rpm: again, as an upgrade',
    line: 'rpm -U --nodeps --force /new.rpm',
    after: { [load]: othersLoad },
  },
  {
    what: 'rpm: its files are as it knows them',
    line: 'true',
    after: { 'rpm -V --nodeps osquery-audit-events': '' },
  },
  {
    what: 'rpm: erase',
    line: 'rpm -e --nodeps osquery-audit-events',
    after: { [load]: othersAfter, [`ls ${LINE} 2>/dev/null || true`]: '' },
  },
];

/** Tries one step; returns what was wrong. */
const tryStep = async (root: FreshRoot, { line, fails, after }: Step): Promise<readonly string[]> => {
  const where = { user: 'root', directory: '/' } as const;
  const problems: string[] = [];
  const { status, stdout, stderr } = await root.run(`{ ${line}; }`, where);
  if (fails === undefined ? status !== 0 : status === 0 || !fails.test(stderr + stdout)) {
    problems.push(`status ${status}, expected ${fails ?? 0}: ${stderr}${stdout}`);
  }
  for (const [command, expected] of Object.entries(after)) {
    const outcome = await root.run(command, where);
    if (outcome.stdout !== expected) {
      problems.push(
        `${command}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(outcome.stdout)} ${outcome.stderr}`,
      );
    }
  }
  return problems;
};

const scratch = await mkdtemp(join(flags.directory, 'prove-packages-'));
try {
  await chmod(scratch, 0o755);
  const registries = await readRegistries();
  const steps = [...debSteps, ...(existsSync(rpm) ? rpmSteps : [])];
  const root = await makeFreshRoot({
    suite: flags.suite,
    packages: ['rpm', 'libstdc++6'],
    registries,
    parent: scratch,
  });
  try {
    await copyFile(deb, join(root.path, 'new.deb'));
    if (existsSync(rpm)) await copyFile(rpm, join(root.path, 'new.rpm'));
    await copyFile(join(project, 'fixtures/exec.log'), join(root.path, 'exec.log'));
    // The same with a lower version.
    const before = join(scratch, 'before');
    await run('dpkg-deb', ['--raw-extract', deb, before]);
    await run('sed', ['-i', 's/^Version: .*/Version: 0.0.1/', join(before, 'DEBIAN', 'control')]);
    await run('dpkg-deb', ['--root-owner-group', '-Znone', '--build', before, join(root.path, 'old.deb')]);
    for (const step of steps) {
      const problems = await tryStep(root, step);
      console.log(`${problems.length === 0 ? 'ok     ' : 'problem'}  ${step.what}`);
      for (const problem of problems) console.log(`         ${problem}`);
      if (problems.length > 0) process.exitCode = 1;
    }
  } finally {
    await root.remove();
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
