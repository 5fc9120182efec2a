import { execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ExtensionClient } from 'osquery-extension-ts/server';
import type { ExtensionUuid } from 'osquery-extension-ts/types';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { elfNeeds, newestVersion } from '../../src/build/elf-needs.ts';
import { tryExecutable } from '../../src/build/package/try-executable.ts';
import { replacements } from '../../src/build/replacements.ts';
import { commands } from '../../src/cli/commands.ts';
import { type FakeCore, startFakeCore, until } from '../osquery-extension-ts/support.ts';
import { unless, whyNotLinux, whyNotRoot } from '../unless.ts';

/*
 * The extension's one file as a user has it: alone, somewhere else, without an environment.
 */

const run = promisify(execFile);
const project = fileURLToPath(new URL('../..', import.meta.url));
const BUILD_MS = 120_000;

type Registration = FakeCore['registered'] extends Map<ExtensionUuid, infer T> ? T : never;

let directory: string;
let extension: string;
/** What the build said. */
let built: string;
let log: string;
/** Where the program may put things; it is to be empty afterwards. */
let temporary: string;
/** Where it runs: packages there are not to be run. */
let elsewhere: string;

/** Runs the extension's file with nothing in its environment but a place for temporary files. */
const runExtension = (args: readonly string[], options: { env?: NodeJS.ProcessEnv; uid?: number } = {}) =>
  run(extension, args, { cwd: elsewhere, ...options, env: { TMPDIR: temporary, ...options.env } });

/** Everything of ours in the places where native parts are put. */
const leftovers = (): readonly string[] => [
  ...readdirSync(temporary),
  ...['/run', '/var/tmp', '/dev/shm', directory].flatMap(path =>
    readdirSync(path).filter(name => name.startsWith('osquery-audit-events-')),
  ),
];

const sql = 'SELECT path, cmdline FROM process_events';
const shell = (uid?: number) =>
  runExtension(['shell', '--replay', log, '--json', sql], uid === undefined ? {} : { uid });

/** Of two versions of numbers the first is not the later one. */
const expectAtMost = (version: string | undefined, limit: string): void => {
  if (version !== undefined) expect(limit.localeCompare(version, 'en', { numeric: true })).not.toBe(-1);
};

describe('the extension file', unless(whyNotLinux), () => {
  beforeAll(async () => {
    // Not in a directory for temporary files: those may be mounted noexec.
    mkdirSync(join(project, 'dist'), { recursive: true });
    directory = realpathSync(mkdtempSync(join(project, 'dist', 'test-')));
    chmodSync(directory, 0o755);
    extension = join(directory, 'osquery-audit-events.ext');
    const build = ['--conditions=source', join(project, 'src/build/build-ext.ts'), '--output', extension];
    built = (await run(process.execPath, build)).stdout;
    log = join(directory, 'exec.log');
    cpSync(join(project, 'fixtures', 'exec.log'), log);
    temporary = mkdtempSync('/tmp/ext-');
    chmodSync(temporary, 0o1777);
    elsewhere = join(directory, 'elsewhere');
    for (const name of [
      'koffi',
      'netlink',
      'thrift',
      'bufferutil',
      'node-gyp-build',
      'osquery-extension-ts',
    ]) {
      mkdirSync(join(elsewhere, 'node_modules', name), { recursive: true });
      writeFileSync(
        join(elsewhere, 'node_modules', name, 'index.js'),
        "console.log('planted'); process.exit(99);",
      );
    }
  }, BUILD_MS);
  afterAll(() => {
    for (const path of [directory, temporary]) rmSync(path, { recursive: true, force: true });
  });

  test('passes the checks osquery makes before it starts an extension', () => {
    const { mode, uid } = statSync(extension);
    expect(mode & 0o7777).toBe(0o755);
    expect([0, process.geteuid?.()]).toContain(uid);
  });

  test('is of a size that can be sent to thousands of servers, which the build says', () => {
    expect(statSync(extension).size).toBeLessThan(120e6);
    expect(built).toMatch(
      new RegExp(`^${extension}: [\\d.]+ MB, for Linux on ${process.arch} with glibc 2\\.28; .* \\d+ ms`),
    );
  });

  test('needs the libraries that every glibc server has, in versions of 2018 at most', () => {
    const needs = elfNeeds(readFileSync(extension));
    const known = /^(lib(c|m|dl|pthread|stdc\+\+|gcc_s)\.so\.\d|ld-linux-(x86-64|aarch64)\.so\.\d)$/;
    for (const library of needs.libraries) expect(library).toMatch(known);
    const newest = { GLIBC_: '2.28', GLIBCXX_: '3.4.25', CXXABI_: '1.3.11', GCC_: '8.0.0' };
    for (const [prefix, limit] of Object.entries(newest)) expectAtMost(newestVersion(needs, prefix), limit);
    // Its native parts are loaded by the same libraries.
    for (const { asset } of replacements(process.arch)) {
      if (asset === undefined || !asset.name.endsWith('.node')) continue;
      const part = elfNeeds(readFileSync(join(project, 'node_modules', asset.file)));
      for (const library of part.libraries) expect(library).toMatch(known);
      for (const [prefix, limit] of Object.entries(newest)) expectAtMost(newestVersion(part, prefix), limit);
    }
  });

  test('works where there is nothing else but these libraries', unless(whyNotRoot), async () => {
    const root = join(directory, 'bare');
    const put = (path: string) => {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      copyFileSync(path, join(root, path));
    };
    const listing = (await run('ldd', [extension])).stdout;
    const libraries = [...listing.matchAll(/(?<==> |^\s)(\/\S+)/gm)].map(([, path]) => path!);
    expect(libraries.some(path => path.includes('ld-linux'))).toBe(true);
    for (const path of libraries) put(path);
    copyFileSync(extension, join(root, 'x.ext'));
    copyFileSync(log, join(root, 'exec.log'));
    mkdirSync(join(root, 'tmp'));
    mkdirSync(join(root, 'dev'));
    await run('mknod', [join(root, 'dev', 'null'), 'c', '1', '3']);
    const { stdout } = await run('chroot', [root, '/x.ext', 'shell', '--replay', '/exec.log', '--json', sql]);
    expect(stdout).toBe((await shell()).stdout);
    rmSync(root, { recursive: true });
  });

  test('is all that the build leaves', () => {
    expect(readdirSync(directory).sort()).toEqual(['elsewhere', 'exec.log', 'osquery-audit-events.ext']);
  });

  test('passes what packages try of it, and nothing else does', async () => {
    const options = { root: project.replace(/\/$/, ''), executable: extension, emulator: [] };
    await tryExecutable({ ...options, version: packageJson.version });
    await expect(tryExecutable({ ...options, version: '999.0.0' })).rejects.toThrow(
      'expected /^osquery-audit-events 999',
    );
  });

  test('says its version', async () => {
    expect(await runExtension(['--version'])).toEqual({
      stdout: `osquery-audit-events ${packageJson.version}\n`,
      stderr: '',
    });
  });

  test.each(commands.map(({ name, usage }) => ({ name, usage })))(
    'has help on the command "$name"',
    async ({ name, usage }) => {
      const { stdout, stderr } = await runExtension([...(name === '' ? [] : [name]), '--help']);
      expect(stdout).toContain(`osquery-audit-events ${usage}\n`);
      expect(stderr).toBe('');
    },
  );

  test('has the settings with it that setup writes', async () => {
    const etc = mkdtempSync(join(elsewhere, 'etc-'));
    writeFileSync(join(etc, 'osquery.conf'), '{');
    const { stdout, stderr } = await runExtension(['setup', '--dry-run', '--etc', etc]);
    expect(stdout).toContain(`\n+${extension}\n`);
    expect(stdout).toContain('+--disable_tables=process_events,socket_events,user_events');
    expect(stdout).toContain('+    "process_events": {');
    expect(stdout).toContain('osquery.conf, line 1, is not JSON');
    expect(stderr).toBe('');
  });

  test('does nothing that NODE_OPTIONS asks for', async () => {
    const planted = join(elsewhere, 'node_modules', 'koffi', 'index.js');
    const { stdout } = await runExtension(['--version'], { env: { NODE_OPTIONS: `--require=${planted}` } });
    expect(stdout).toContain('osquery-audit-events');
  });

  test('runs the shell, whose extension is the same file', async () => {
    const { stdout, stderr } = await shell();
    expect(JSON.parse(stdout)).not.toEqual([]);
    expect(stderr).toBe('');
    expect(leftovers()).toEqual([]);
  });

  test('serves an ordinary user as well', unless(whyNotRoot), async () => {
    expect((await shell(65534)).stdout).toBe((await shell()).stdout);
    expect(leftovers()).toEqual([]);
  });

  test('registers with core and answers it, without any file to its native parts', async () => {
    const core = await startFakeCore({ query: () => [] });
    const child = spawn(
      extension,
      ['--socket', core.socketPath, '--timeout', '3', '--interval', '3', '--replay', log],
      { cwd: elsewhere, env: { TMPDIR: temporary }, stdio: 'inherit' },
    );
    const ended = new Promise(resolve => child.once('exit', resolve));
    await until(() => core.registered.size > 0 || child.exitCode !== null);
    expect(child.exitCode).toBe(null);
    expect(leftovers()).toEqual([]);
    const libraries = new Set(
      readFileSync(`/proc/${child.pid}/maps`, 'utf8')
        .split('\n')
        .filter(line => / r-xp /.test(line))
        .map(line => line.slice(73))
        .filter(path => path !== extension && !/^(\/usr)?\/lib|^\[|^$/.test(path)),
    );
    expect(libraries.size).toBeGreaterThan(0);
    for (const path of libraries) expect(path).toMatch(/\/#\d+ \(deleted\)$/);

    const [[uuid, { routes }]] = [...core.registered] as [[ExtensionUuid, Registration]];
    const socketPath = `${core.socketPath}.${uuid}`;
    await using client = new ExtensionClient({ socketPath });
    // Its file is there a moment before anybody listens.
    await until(() =>
      client.ping().then(
        () => true,
        () => false,
      ),
    );
    const table = [...routes.get('table')!.keys()].find(name => name.endsWith('process_events'))!;
    const rows = await client.call('table', table, { action: 'generate', context: '{}' });
    expect(rows).not.toEqual([]);

    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(core.registered.size).toBe(0);
    expect(leftovers()).toEqual([]);
  });
});
