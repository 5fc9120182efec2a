import { expect, test } from 'vitest';
import { readExtensionFiles } from '../../../src/doctor/readers/read-extension-files.ts';
import { type FakeFile, fakeRoot } from '../fake-root.ts';

const LOAD = '/etc/osquery/extensions.load';
const EXT = '/usr/lib/osquery/osquery-audit-events.ext';
const read = (files: Readonly<Record<string, FakeFile>>, given?: string) =>
  readExtensionFiles({ root: fakeRoot(files), loadPath: LOAD, given });

test('the lines of the list, and what osqueryd asks of our file', () => {
  expect(
    read({
      [LOAD]: `# a comment\n;another\n\n  /opt/other.ext \r\n${EXT}\n`,
      '/usr/lib/osquery': { directory: true, mode: 0o755 },
      [EXT]: { text: 'x', mode: 0o750 },
    }),
  ).toEqual({
    load: { kind: 'read', path: LOAD, names: ['/opt/other.ext', EXT] },
    given: undefined,
    files: [
      { kind: 'found', path: EXT, isFile: true, uid: process.getuid!(), mode: 0o750, directoryMode: 0o755 },
    ],
  });
});

test('a directory in the list stands for the files below it', () => {
  const extension = read({
    [LOAD]: '/usr/lib/osquery\n',
    [EXT]: 'x',
    '/usr/lib/osquery/more/b.ext': 'x',
  });
  expect(extension.load).toMatchObject({
    names: expect.arrayContaining([EXT, '/usr/lib/osquery/more/b.ext']),
  });
  expect(extension.files.map(({ path }) => path)).toEqual([EXT]);
});

test('a given file is looked at whether or not it is listed', () => {
  const given = '/opt/mine.ext';
  expect(read({ [given]: 'x' }, given)).toMatchObject({
    load: { kind: 'missing', path: LOAD },
    files: [{ kind: 'found', path: given }],
  });
});

test('files that are not there, circles, and directories', () => {
  const path = '/opt/osquery-audit-events.ext';
  expect(read({ [LOAD]: `${path}\n` }).files).toEqual([{ kind: 'missing', path }]);
  expect(read({ [path]: { link: 'osquery-audit-events.ext' } }, path).files).toEqual([
    { kind: 'unreadable', path, why: 'its symbolic links form a loop' },
  ]);
  expect(read({ [path]: { directory: true } }, path).files).toMatchObject([{ kind: 'found', isFile: false }]);
});

test('sticky and other bits are seen', () => {
  const files = {
    '/tmp': { directory: true, mode: 0o1777 },
    '/tmp/a.ext': { text: '', mode: 0o4757 },
  } as const;
  expect(read(files, '/tmp/a.ext').files).toMatchObject([{ mode: 0o4757, directoryMode: 0o1777 }]);
});
