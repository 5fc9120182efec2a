import {
  chmodSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { replacements } from '../../src/build/replacements.ts';
import { addonFile, namedFile, unlinkedFile, unnamedFile } from '../../src/runtime/addon-file.ts';
import { addonDirectories, loadAddon, NativeAddonError } from '../../src/runtime/native-addon.ts';
import { unless, whyNotLinux } from '../unless.ts';

const modules = new URL('../../node_modules/', import.meta.url).pathname;
const asset = (name: string): Buffer => {
  const found = replacements(process.arch).find(replacement => replacement.asset?.name === name);
  return readFileSync(join(modules, found!.asset!.file));
};
const openFiles = (): number => readdirSync('/proc/self/fd').length;

let directory: string;
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'addon-')));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('loadAddon', unless(whyNotLinux), () => {
  test.each([
    ['without a name', unnamedFile],
    ['whose name is gone', unlinkedFile],
    ['with a name', namedFile],
    ['as the system can have it', addonFile],
  ])('loads a native part from a file %s and leaves nothing behind', (_, createFile) => {
    const koffi = loadAddon('koffi.node', asset('koffi.node'), [directory], createFile) as {
      version: string;
    };
    const manifest = JSON.parse(readFileSync(join(modules, 'koffi', 'package.json'), 'utf8'));
    expect(koffi.version).toBe(manifest.version);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('keeps two native parts apart', () => {
    const koffi = loadAddon('koffi.node', asset('koffi.node'), [directory]);
    const netlink = loadAddon('netlink.node', asset('netlink.node'), [directory]);
    expect(koffi).toHaveProperty('errno');
    expect(Object.keys(netlink as object)).toEqual(['NativeNetlink']);
  });

  test('passes over directories that cannot be used', () => {
    const missing = join(directory, 'missing');
    const file = join(modules, 'koffi', 'package.json');
    expect(loadAddon('koffi.node', asset('koffi.node'), [missing, file, directory])).toHaveProperty('load');
  });

  test('says of every directory why it would not do, and closes and removes what it made', () => {
    const missing = join(directory, 'missing');
    const before = openFiles();
    const load = (): unknown =>
      loadAddon('some.node', Buffer.from('not ELF'), [missing, directory], namedFile);
    expect(load).toThrow(NativeAddonError);
    expect(load).toThrow(
      /^cannot load some\.node: .*missing \(ENOENT.*\), .*addon\.node: file too short.*set TMPDIR/,
    );
    expect(readdirSync(directory)).toEqual([]);
    expect(openFiles()).toBe(before);
  });
});

describe('the files of native parts', unless(whyNotLinux), () => {
  test('have no name from the start', () => {
    const { fd, path } = unnamedFile(directory, Buffer.from('content'));
    expect(readdirSync(directory)).toEqual([]);
    expect(fstatSync(fd)).toMatchObject({ nlink: 0, size: 7 });
    expect(fstatSync(fd).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).toBe('content');
  });

  test('lose their name before they have content', () => {
    const { fd, path } = unlinkedFile(directory, Buffer.from('content'));
    expect(readdirSync(directory)).toEqual([]);
    expect(fstatSync(fd).nlink).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe('content');
  });

  test('are closed to others while they have a name, which is another each time', () => {
    const files = [1, 2].map(() => namedFile(directory, Buffer.from('content')));
    expect(new Set(files.map(({ path }) => path)).size).toBe(2);
    for (const { path, removeName } of files) {
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
      removeName();
    }
    expect(readdirSync(directory)).toEqual([]);
  });

  test('get no name where others could change what it stands for', () => {
    const open = join(directory, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    expect(() => namedFile(open, Buffer.from('content'))).toThrow('writable by others');
    expect(readdirSync(open)).toEqual([]);
  });
});

test('directories in memory come before the one on disk that is sure to run things', () => {
  expect(addonDirectories().slice(0, 2)).toEqual(['/run', dirname(process.execPath)]);
});
