import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { architectures } from '../../../src/build/package/architectures.ts';
import { makeDeb, makeRpm, makeTar, type PackageOptions } from '../../../src/build/package/make-packages.ts';
import { shippedPages } from '../../../src/build/package/shipped-pages.ts';
import { stageTree } from '../../../src/build/package/stage-tree.ts';
import { unless, whyNotLinux } from '../../unless.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const release = { root, version: '1.2.3', epoch: 1_700_000_000 };

const has = (program: string) =>
  run('sh', ['-c', `command -v ${program}`]).then(
    () => true,
    () => false,
  );
const tools = { deb: await has('dpkg-deb'), rpm: await has('rpmbuild') };

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'packages-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** What a package is made of, with a stand-in for the executable. */
const prepare = async (name: string, architecture = architectures[0]!): Promise<PackageOptions> => {
  const scratch = join(directory, name);
  const output = join(scratch, 'out');
  mkdirSync(output, { recursive: true });
  const executable = join(scratch, 'x.ext');
  // As a program of this machine's is, so that rpmbuild has something to look at.
  cpSync('/bin/true', executable);
  const tree = join(scratch, 'tree');
  await stageTree(tree, { release, architecture, executable, bill: '{}\n' });
  return { release, architecture, tree, scratch, output };
};

const makers = [
  { kind: 'deb', make: makeDeb, file: 'osquery-audit-events_1.2.3-1_amd64.deb', isPossible: tools.deb },
  { kind: 'rpm', make: makeRpm, file: 'osquery-audit-events-1.2.3-1.x86_64.rpm', isPossible: tools.rpm },
  { kind: 'tar', make: makeTar, file: 'osquery-audit-events-1.2.3-linux-amd64.tar.gz', isPossible: true },
];

describe('a package', unless(whyNotLinux), () => {
  test.for(makers)('$kind is the same bytes twice', async ({ kind, make, file, isPossible }, { skip }) => {
    skip(!isPossible, `no tool to make a ${kind} is installed`);
    const one = await make(await prepare('one'));
    process.umask(0o077);
    const other = await make(await prepare('other')).finally(() => process.umask(0o022));
    expect(basename(one)).toBe(file);
    expect(readFileSync(one).equals(readFileSync(other))).toBe(true);
  });

  test(
    "has what a server needs, root's, and nothing of this machine",
    unless(tools.deb ? undefined : 'dpkg-deb is not installed'),
    async () => {
      const { stdout } = await run('dpkg-deb', ['--contents', await makeDeb(await prepare('one'))]);
      const files = stdout
        .split('\n')
        .filter(line => line.startsWith('-'))
        .map(line => line.replace(/^(\S+) (\S+) .* \.(\S+)$/, '$1 $2 $3'));
      expect(files).toEqual(
        expect.arrayContaining([
          '-rwxr-xr-x root/root /usr/lib/osquery/extensions/osquery-audit-events.ext',
          '-rwxr-xr-x root/root /usr/bin/osquery-audit-events',
          '-rw-r--r-- root/root /usr/share/osquery-audit-events/osquery.flags',
          '-rw-r--r-- root/root /usr/share/osquery-audit-events/packs/process_events.conf',
          '-rw-r--r-- root/root /usr/share/doc/osquery-audit-events/README.md',
          '-rw-r--r-- root/root /usr/share/doc/osquery-audit-events/src/doctor/README.md',
          '-rw-r--r-- root/root /usr/share/man/man1/osquery-audit-events.1.gz',
          '-rw-r--r-- root/root /usr/share/man/man5/osquery-audit-events-tables.5.gz',
        ]),
      );
      expect(files.filter(file => file.includes('/etc/'))).toEqual([]);
    },
  );
});

test('the pages of a package lead to pages that it has', async () => {
  const pages = await shippedPages(root);
  expect([...pages.keys()]).toEqual(
    expect.arrayContaining(['README.md', 'tables/README.md', 'src/flags/tuning.md']),
  );
  for (const [path, page] of pages) {
    for (const [, link] of page.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)) {
      if (!/^[a-z]+:/.test(link!))
        expect(pages.has(join(dirname(path), link!)), `${path}: ${link}`).toBe(true);
    }
  }
});

describe('the command of packages', () => {
  const start = async (loader: string, glibc: string) => {
    const { tree } = await prepare('start', { ...architectures[0]!, loader });
    const bin = join(directory, 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'getconf'), `#!/bin/sh\necho ${glibc}\n`, { mode: 0o755 });
    const script = join(tree, 'usr/bin/osquery-audit-events');
    return run('sh', [script], { env: { PATH: `${bin}:/usr/bin:/bin` } }).then(
      () => ({ code: 0, stderr: '' }),
      ({ code, stderr }: { code: number; stderr: string }) => ({ code, stderr }),
    );
  };

  test('says in one line that the C library is another one, or too old', async () => {
    expect(await start('/nonexistent/loader', 'glibc 2.36')).toEqual({
      code: 126,
      stderr:
        'osquery-audit-events: expected glibc 2.28 or later, and there is no /nonexistent/loader: this system has another C library\n',
    });
    for (const glibc of ['glibc 2.5', 'glibc 2.17', 'glibc 2.27']) {
      expect(await start('/bin/sh', glibc)).toEqual({
        code: 126,
        stderr: `osquery-audit-events: expected glibc 2.28 or later, this system has ${glibc}\n`,
      });
    }
    for (const glibc of ['glibc 2.28', 'glibc 2.31', 'glibc 2.41', 'glibc 3.0']) {
      // There is no executable to run here: the shell says so.
      expect((await start('/bin/sh', glibc)).stderr).not.toContain('expected glibc');
    }
  });
});
