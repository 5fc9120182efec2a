import { execFile } from 'node:child_process';
import { mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { PROGRAM } from '../../runtime/program-name.ts';
import type { Architecture } from './architectures.ts';
import { filesBelow, type Release, settle, template } from './stage-tree.ts';

const run = promisify(execFile);
const MAX_BYTES = 64 * 1024 * 1024;
const MAINTAINER = 'The osquery-audit-events maintainers <osquery-audit-events@users.noreply.github.com>';

export interface PackageOptions {
  readonly release: Release;
  readonly architecture: Architecture;
  /** The staged tree. */
  readonly tree: string;
  /** Directory for temporary files. */
  readonly scratch: string;
  /** Directory for the package. */
  readonly output: string;
}

/** Makes builds reproducible: fixed times, and no settings of the user or the machine. */
const environment = ({ epoch }: Release): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
  SOURCE_DATE_EPOCH: String(epoch),
});

/** Makes the Debian package with dpkg-deb. Returns its path, as the other functions here do. */
export const makeDeb = async ({
  release,
  architecture,
  tree,
  scratch,
  output,
}: PackageOptions): Promise<string> => {
  const { version, epoch } = release;
  const root = join(scratch, 'deb');
  await run('cp', ['-a', tree, root]);
  const control = join(root, 'DEBIAN');
  await mkdir(control);
  const kilobytes = await sizeInKilobytes(tree);
  const values = { VERSION: version, DEB: architecture.deb, MAINTAINER, KILOBYTES: String(kilobytes) };
  await writeFile(join(control, 'control'), await template('control', values));
  const SCRIPTLETS = await template('scriptlets.sh', {});
  for (const name of ['postinst', 'prerm', 'postrm']) {
    await writeFile(join(control, name), await template(name, { SCRIPTLETS }), { mode: 0o755 });
  }
  const overrides = join(root, 'usr/share/lintian/overrides');
  await mkdir(overrides, { recursive: true });
  await writeFile(join(overrides, PROGRAM), await template('lintian-overrides', {}));
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  const changelog = await template('changelog.Debian', { VERSION: version, MAINTAINER, DATE: date });
  await writeFile(
    join(root, 'usr/share/doc', PROGRAM, 'changelog.Debian.gz'),
    gzipSync(changelog, { level: 9 }),
  );
  const sums = await run('sh', ['-c', 'find usr -type f | LC_ALL=C sort | xargs -d "\\n" md5sum'], {
    cwd: root,
  });
  await writeFile(join(control, 'md5sums'), sums.stdout);
  await settle(root, epoch);
  const file = join(output, `${PROGRAM}_${version}-1_${architecture.deb}.deb`);
  // Level 2 takes a fifth of the time of level 6 and gives a tenth more bytes. One thread, because the bytes must not
  // depend on the number of CPUs.
  const options = ['--root-owner-group', '-Zxz', '-z2', '--threads-max=1', '--build', root, file];
  await run('dpkg-deb', options, { env: environment(release) });
  return file;
};

/** Makes the package for the Red Hat and SUSE families, with rpmbuild. */
export const makeRpm = async (options: PackageOptions): Promise<string> => {
  const { release, architecture, tree, scratch, output } = options;
  const top = join(scratch, 'rpm');
  await mkdir(top);
  const spec = join(top, `${PROGRAM}.spec`);
  const values = {
    VERSION: release.version,
    MAINTAINER,
    TREE: tree,
    SCRIPTLETS: await template('scriptlets.sh', {}),
    FILES: rpmFiles(await filesBelow(tree)),
  };
  await writeFile(spec, await template(`${PROGRAM}.spec`, values));
  const defines = {
    _topdir: top,
    _rpmdir: top,
    _build_name_fmt: '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm',
    _buildhost: 'localhost',
    use_source_date_epoch_as_buildtime: '1',
    clamp_mtime_to_source_date_epoch: '1',
    _binary_payload: 'w2.xzdio',
    // Files go into the package unchanged.
    debug_package: '%{nil}',
    __os_install_post: '%{nil}',
    _build_id_links: 'none',
  };
  const args = Object.entries(defines).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  await run('rpmbuild', ['-bb', `--target=${architecture.rpm}-linux`, ...args, spec], {
    env: environment(release),
    maxBuffer: MAX_BYTES,
  });
  const made = (await readdir(top)).find(name => name.endsWith('.rpm'));
  if (made === undefined) throw new Error('expected a package from rpmbuild, got none');
  const file = join(output, made);
  await rename(join(top, made), file);
  return file;
};

/** Lists our files, and only the one directory that is ours: the others belong to the system. */
const rpmFiles = (paths: readonly string[]): string => {
  const share = `/usr/share/${PROGRAM}`;
  const doc = `/usr/share/doc/${PROGRAM}`;
  const isOwn = (path: string): boolean => path.startsWith(`${share}/`) || path.startsWith(`${doc}/`);
  const others = paths.filter(path => !isOwn(path));
  return ['%defattr(-,root,root,-)', share, `%doc ${doc}`, ...others].join('\n');
};

/** The same files as a tar archive, for all other systems. */
export const makeTar = async (options: PackageOptions): Promise<string> => {
  const { release, architecture, tree, output } = options;
  const directory = `${PROGRAM}-${release.version}`;
  const file = join(output, `${directory}-linux-${architecture.deb}.tar.gz`);
  const args = [
    '--create',
    '--sort=name',
    `--mtime=@${release.epoch}`,
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--format=gnu',
    '--use-compress-program=gzip -n -9',
    `--transform=s,^\\.,${directory},`,
    `--directory=${tree}`,
    `--file=${file}`,
    '.',
  ];
  await run('tar', args, { env: environment(release) });
  return file;
};

const sizeInKilobytes = async (tree: string): Promise<number> => {
  let bytes = 0;
  for (const path of await filesBelow(tree)) bytes += (await stat(join(tree, path))).size;
  return Math.ceil(bytes / 1024);
};
