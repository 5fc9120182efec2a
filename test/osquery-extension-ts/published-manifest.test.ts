import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { repositoryOf } from '../../src/osquery-extension-ts/scripts/repository-of.ts';

const home = fileURLToPath(new URL('../../src/osquery-extension-ts/', import.meta.url));
const HTTPS = 'git+https://example.org/owner/name.git';

describe('the repository of a remote', () => {
  it.each([
    ['https://example.org/owner/name.git', HTTPS],
    ['https://someone@example.org/owner/name.git', HTTPS],
    ['https://x-access-token:secret@example.org/owner/name.git', HTTPS],
    ['https://example.org/owner/name.git?token=secret#secret', HTTPS],
    ['https://example.org:8443/owner/name', 'git+https://example.org:8443/owner/name'],
    ['git@example.org:owner/name.git', 'git+ssh://git@example.org/owner/name.git'],
    ['ssh://git:secret@example.org:22/owner/name.git', 'git+ssh://git@example.org:22/owner/name.git'],
    ['git://example.org/owner/name.git', 'git://example.org/owner/name.git'],
  ])('of %s', (remote, url) => {
    expect(repositoryOf(remote, 'src/x')).toEqual({ type: 'git', url, directory: 'src/x' });
  });

  it.each([
    '/srv/git/name.git',
    '../name',
    'C:\\name',
    'file:///srv/git/name.git',
    'http://localhost:3000/owner/name.git',
    'https://192.0.2.1/owner/name.git',
    'alias:owner/name.git',
    'ext::sh -c evil',
    '',
  ])('is none for "%s", which others cannot reach', remote => {
    expect(repositoryOf(remote, 'src/x')).toBeUndefined();
  });
});

/** A clone that has no more of the package than its manifest, and what makes it what others get. */
const startClone = (remote?: string) => {
  const root = mkdtempSync(join(tmpdir(), 'oext-clone-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const package_ = join(root, 'src/osquery-extension-ts');
  mkdirSync(package_, { recursive: true });
  cpSync(join(home, 'scripts'), join(package_, 'scripts'), { recursive: true });
  cpSync(join(home, 'package.json'), join(package_, 'package.json'));
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, stdio: 'ignore' });
  git('init');
  if (remote !== undefined) git('remote', 'add', 'origin', remote);
  const run = (...args: string[]) => {
    const script = join(package_, 'scripts/published-manifest.ts');
    const { status, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
    return { status, stderr };
  };
  const path = join(package_, 'package.json');
  return { run, path, kept: `${path}.kept`, manifest: () => JSON.parse(readFileSync(path, 'utf8')) };
};

const original = readFileSync(join(home, 'package.json'), 'utf8');
const SILENT = { status: 0, stderr: '' };

describe('the manifest that is published', () => {
  it('has the repository of the clone, and is put back', () => {
    const { run, path, kept, manifest } = startClone('https://token@example.org/owner/name.git');
    expect(run()).toEqual(SILENT);
    expect(manifest()).toMatchObject({
      name: 'osquery-extension-ts',
      repository: { type: 'git', url: HTTPS, directory: 'src/osquery-extension-ts' },
    });
    expect(manifest()).not.toHaveProperty('scripts');
    expect(run('--restore')).toEqual(SILENT);
    expect(readFileSync(path, 'utf8')).toBe(original);
    expect(existsSync(kept)).toBe(false);
  });

  it('has none without a remote, and says so in a line', () => {
    const { run, manifest } = startClone();
    const { status, stderr } = run();
    expect(status).toBe(0);
    expect(stderr).toMatch(/^package\.json: no repository, as .*\n$/);
    expect(manifest()).not.toHaveProperty('repository');
  });

  it('is made of the original again where packing was cut off', () => {
    const { run, path, manifest } = startClone('https://example.org/owner/name.git');
    run();
    expect(run()).toEqual(SILENT);
    expect(manifest()).toMatchObject({ repository: { url: HTTPS } });
    run('--restore');
    expect(readFileSync(path, 'utf8')).toBe(original);
  });

  it('stays as it is where nothing was packed', () => {
    const { run, path } = startClone();
    expect(run('--restore')).toEqual(SILENT);
    expect(readFileSync(path, 'utf8')).toBe(original);
    writeFileSync(path, '{}');
    run('--restore');
    expect(readFileSync(path, 'utf8')).toBe('{}');
  });
});
