import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Of what a program prints. */
const MAX_BYTES = 64 * 1024 * 1024;

/** What of this machine's settings a root needs to reach the registries: taken at run time, kept nowhere. */
export interface Registries {
  /** Environment of npm and apt. */
  readonly env: Readonly<Record<string, string>>;
  /** Debian's mirror. */
  readonly mirror: string;
  /** Files and directories that go to the same place in the root. */
  readonly files: readonly string[];
}

const NPM_SETTINGS = ['registry', 'proxy', 'https-proxy', 'noproxy', 'cafile'] as const;
const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'no_proxy'];

export const readRegistries = async (): Promise<Registries> => {
  const env: Record<string, string> = {};
  const files = ['/etc/resolv.conf', '/etc/apt/apt.conf.d', '/etc/apt/auth.conf.d'];
  for (const name of PROXY_VARIABLES) {
    const value = process.env[name] ?? process.env[name.toUpperCase()];
    if (value !== undefined) env[name] = value;
  }
  const config = JSON.parse((await run('npm', ['config', 'list', '--json'])).stdout);
  for (const name of NPM_SETTINGS) {
    if (typeof config[name] !== 'string' || config[name] === '') continue;
    env[`npm_config_${name.replaceAll('-', '_')}`] = config[name];
    if (name === 'cafile') files.push(config[name]);
  }
  const uris = (await run('apt-get', ['indextargets', '--format', '$(REPO_URI)'])).stdout.split('\n');
  const mirror = uris.find(uri => /\/debian\/?$/.test(uri)) ?? 'http://deb.debian.org/debian';
  return { env, mirror, files };
};

/** The result of a command in a root. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface CommandOptions {
  /** `root`, or the ordinary user that `makeFreshRoot` adds. */
  readonly user: 'root' | 'tester';
  readonly directory: string;
}

/** A throw-away system in a directory. */
export interface FreshRoot {
  readonly path: string;
  /** Runs a line of shell; a failure is an outcome too. */
  run(line: string, options: CommandOptions): Promise<Outcome>;
  remove(): Promise<void>;
}

const IDS = { root: '0:0', tester: '1000:1000' } as const;
const HOMES = { root: '/root', tester: '/home/tester' } as const;

export interface FreshRootOptions {
  readonly suite: string;
  readonly packages: readonly string[];
  readonly registries: Registries;
  /** Directory to make it in, which an ordinary user may enter. */
  readonly parent: string;
}

/** Makes a minimal Debian with some packages more. Takes a minute for the first of a suite, and root. */
export const makeFreshRoot = async (options: FreshRootOptions): Promise<FreshRoot> => {
  const { suite, packages, registries, parent } = options;
  const path = await mkdtemp(join(parent, `${suite}-`));
  const remove = () => rm(path, { recursive: true, force: true });
  const copySettings = async () => {
    for (const file of registries.files) {
      if (!existsSync(file)) continue;
      await mkdir(join(path, file, '..'), { recursive: true });
      await cp(file, join(path, file), { recursive: true, dereference: true, force: true });
    }
  };
  try {
    await run('cp', ['-a', `${await minimalDebian(options)}/.`, path]);
    await copySettings();
    const root: FreshRoot = {
      path,
      remove,
      run: (line, { user, directory }) => inRoot({ path, line, user, directory, env: registries.env }),
    };
    await required(root, 'useradd --create-home --uid 1000 tester');
    if (packages.length > 0) {
      await required(root, `apt-get install -y --no-install-recommends ${packages.join(' ')}`);
      // Debian's ca-certificates writes a file that may be one of these.
      await copySettings();
    }
    return root;
  } catch (error) {
    await remove();
    throw error;
  }
};

/** A system with nothing but what every Debian has; made once for each suite. */
const minimalDebian = async ({ suite, registries, parent }: FreshRootOptions): Promise<string> => {
  const path = join(parent, suite);
  if (existsSync(path)) return path;
  const making = `${path}.part`;
  await run('debootstrap', ['--variant=minbase', suite, making, registries.mirror], { maxBuffer: MAX_BYTES });
  await rename(making, path);
  return path;
};

/** Runs a line as root. @throws Error with what it printed if it fails */
export const required = async (root: FreshRoot, line: string): Promise<string> => {
  const { status, stdout, stderr } = await root.run(line, { user: 'root', directory: '/' });
  if (status !== 0) throw new Error(`${line}: ended with ${status}: ${stderr}${stdout}`);
  return stdout.trim();
};

/**
 * Its mounts are in a namespace of their own, and gone with the command. The root itself is a mount, too: rpm 4.20 unshares it for
 * scriptlets, which the kernel refuses otherwise.
 */
const IN_ROOT = `mount --bind "$0" "$0" && mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" &&
  exec chroot --userspec="$1" "$0" /bin/sh -c "$2"`;

const inRoot = async (options: {
  path: string;
  line: string;
  user: 'root' | 'tester';
  directory: string;
  env: Readonly<Record<string, string>>;
}): Promise<Outcome> => {
  const { path, line, user, directory, env } = options;
  const begin = performance.now();
  const args = ['--mount', 'sh', '-c', IN_ROOT, path, IDS[user], `cd '${directory}' && ${line}`];
  const own = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: HOMES[user],
    LANG: 'C.UTF-8',
    DEBIAN_FRONTEND: 'noninteractive',
    DEBCONF_NOWARNINGS: 'yes',
  };
  const result = await run('unshare', args, { env: { ...own, ...env }, maxBuffer: MAX_BYTES }).then(
    ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
    error => ({
      status: Number(error.code ?? 1),
      stdout: String(error.stdout),
      stderr: String(error.stderr ?? error),
    }),
  );
  return { ...result, seconds: (performance.now() - begin) / 1000 };
};

/** Puts a Node and an npm of the registry into a root, as nodejs.org's archives do. */
export const installNode = async (
  root: FreshRoot,
  versions: { node: string; npm: string },
  scratch: string,
): Promise<void> => {
  const unpack = async (name: string, to: string) => {
    const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', scratch, name]);
    await mkdir(to, { recursive: true });
    await run('tar', ['-xzf', join(scratch, stdout.trim()), '-C', to, '--strip-components=1']);
  };
  await unpack(`node-linux-${process.arch}@${versions.node}`, join(root.path, 'usr/local'));
  const npm = join(root.path, 'usr/local/lib/node_modules/npm');
  await unpack(`npm@${versions.npm}`, npm);
  await required(root, 'ln -sf ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm');
};

/** The names of the programs in a root's usual directories. */
export const programs = async (root: FreshRoot): Promise<ReadonlySet<string>> =>
  new Set(
    (await Promise.all(['usr/bin', 'usr/local/bin'].map(part => readdir(join(root.path, part))))).flat(),
  );
