import { expect, test } from 'vitest';
import { describeSkipped } from './skipped.ts';

const LIVE = ['test/live/a.test.ts', 'test/live/b.test.ts', 'test/live/c.test.ts', 'test/doctor/d.test.ts'];

test('tells what was skipped by its reasons, the largest first', () => {
  expect(
    describeSkipped([
      { file: 'test/x.test.ts', why: 'no cgroup can be made here' },
      ...LIVE.flatMap(file => Array(3).fill({ file, why: 'it needs root' })),
      { file: 'test/x.test.ts', why: 'it needs root' },
    ]),
  ).toBe(
    '\nSkipped, 14 tests:\n' +
      '  13 of test/ (5 files): it needs root\n' +
      '  1 of test/x.test.ts: no cgroup can be made here\n',
  );
});

test('names what many files have in common', () => {
  const files = ['1', '2', '3', '4'].map(name => `test/live/${name}.test.ts`);
  expect(describeSkipped(files.map(file => ({ file, why: 'no audit' })))).toContain(
    '4 of test/live/ (4 files)',
  );
  const deeper = files.map(file => ({ file: file.replace('live/', `live/${file[10]}/`), why: 'no audit' }));
  expect(describeSkipped(deeper)).toContain('4 of test/live/ (4 files)');
});

test('says nothing where nothing was', () => {
  expect(describeSkipped([])).toBe('');
});
