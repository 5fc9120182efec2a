import { expect, test } from 'vitest';
import { checkExtensionFile } from '../../../src/doctor/checks/extension-file.ts';
import type { ExtensionFile } from '../../../src/doctor/facts.ts';
import { bare, EXT_PATH, healthy, troubles } from '../facts.ts';

const sound = healthy.extension.files[0] as Extract<ExtensionFile, { kind: 'found' }>;
const LOAD = '/etc/osquery/extensions.load';

test('a named file of root is in order', () => {
  expect(checkExtensionFile(healthy)).toEqual([
    { check: '--extensions_autoload', status: 'ok', found: `${LOAD} names ${EXT_PATH}`, fix: null },
    { check: 'extension file', status: 'ok', found: `${EXT_PATH}: owned by root, mode 0755`, fix: null },
  ]);
});

test.each<[string, Partial<typeof sound>, string, string]>([
  ['another owner', { uid: 1000 }, 'uid 1000', `chown root:root ${EXT_PATH}`],
  ['written by all', { mode: 0o757 }, 'mode 0757', `chmod 0755 ${EXT_PATH}`],
  ['not executable', { mode: 0o644 }, 'not executable', `chmod 0755 ${EXT_PATH}`],
  ['a sticky directory', { directoryMode: 0o1777 }, 'sticky bit', 'move it'],
  ['a directory open to all', { directoryMode: 0o777 }, 'anybody can replace', 'chmod 0755 /usr/lib/osquery'],
  ['no file', { isFile: false }, 'is not a file', 'name the file itself'],
  ['another ending', { path: '/opt/osquery-audit-events' }, 'does not end in .ext', 'rename'],
])('%s', (_, change, found, fix) => {
  const extension = { ...healthy.extension, files: [{ ...sound, ...change }] };
  expect(troubles(checkExtensionFile({ ...healthy, extension }))).toEqual([
    {
      check: 'extension file',
      status: 'problem',
      found: expect.stringContaining(found),
      fix: expect.stringContaining(fix),
    },
  ]);
});

test('everything wrong with a file is said at once', () => {
  const file = { ...sound, uid: 5, mode: 0o602, directoryMode: 0o1777 };
  const extension = { ...healthy.extension, files: [file] };
  expect(troubles(checkExtensionFile({ ...healthy, extension }))).toHaveLength(4);
});

test('group write and other modes that osqueryd accepts are accepted', () => {
  const extension = { ...healthy.extension, files: [{ ...sound, mode: 0o770, directoryMode: 0o775 }] };
  expect(troubles(checkExtensionFile({ ...healthy, extension }))).toEqual([]);
});

test('files that are not there, or may not be looked at', () => {
  const files: readonly ExtensionFile[] = [
    { kind: 'missing', path: EXT_PATH },
    { kind: 'unreadable', path: EXT_PATH, why: 'permission denied' },
  ];
  expect(
    checkExtensionFile({ ...healthy, extension: { ...healthy.extension, files } }).slice(1),
  ).toMatchObject([
    { status: 'problem', found: `${EXT_PATH} does not exist` },
    { status: 'unknown', found: expect.stringContaining('permission denied') },
  ]);
});

test.each<[string, (typeof healthy.extension)['load'], string | undefined, string, string]>([
  ['no list', { kind: 'missing', path: LOAD }, undefined, 'problem', 'starts no extension'],
  [
    'a list nobody may read',
    { kind: 'unreadable', path: LOAD, why: 'no' },
    undefined,
    'unknown',
    'cannot be read',
  ],
  [
    'a list of others',
    { kind: 'read', path: LOAD, names: ['/a/b.ext'] },
    undefined,
    'problem',
    'names no osquery-audit-events.ext',
  ],
  [
    'a list without the given file',
    { kind: 'read', path: LOAD, names: [EXT_PATH] },
    '/opt/x.ext',
    'problem',
    'does not name /opt/x.ext',
  ],
  [
    'named twice',
    { kind: 'read', path: LOAD, names: [EXT_PATH, EXT_PATH] },
    undefined,
    'problem',
    'more than once',
  ],
  [
    'a relative path',
    { kind: 'read', path: LOAD, names: ['osquery-audit-events.ext'] },
    undefined,
    'problem',
    'depends on the directory',
  ],
])('%s', (_, load, given, status, found) => {
  expect(checkExtensionFile({ ...healthy, extension: { load, given, files: [] } })).toEqual([
    {
      check: '--extensions_autoload',
      status,
      found: expect.stringContaining(found),
      fix: expect.any(String),
    },
  ]);
});

test('without osquery only a given file is looked at', () => {
  expect(checkExtensionFile(bare)).toEqual([]);
  const extension = { ...bare.extension, given: EXT_PATH, files: [{ ...sound, uid: 3 }] };
  expect(checkExtensionFile({ ...bare, extension })).toMatchObject([
    { check: 'extension file', status: 'problem' },
  ]);
});
