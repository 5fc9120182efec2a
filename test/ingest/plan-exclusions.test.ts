import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { MOST_EXE_RULES, planExclusions } from '../../src/ingest/plan-exclusions.ts';

it('plans rules for programs that have one name', async () => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'exclusions-')));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = (name: string): string => join(directory, name);
  for (const name of ['one', 'hard', 'target']) writeFileSync(path(name), '');
  linkSync(path('hard'), path('other-name'));
  symlinkSync('target', path('symbolic'));
  mkdirSync(path('directory'));
  symlinkSync('directory', path('link-to-directory'));
  writeFileSync(path('directory/in'), '');
  const asked = [
    'one',
    'hard',
    'symbolic',
    'directory',
    'link-to-directory/in',
    'none',
    'directory/in',
    'one',
  ];
  expect(await planExclusions(asked.map(path))).toEqual([path('one'), path('directory/in')]);
});

it('plans so many, and looks no further', async () => {
  const looked: string[] = [];
  const paths = Array.from({ length: 1_000 }, (_, i) => `/bin/${i}`);
  const planned = await planExclusions(paths, async realPath => {
    looked.push(realPath);
    return { isFile: true, links: 1, realPath };
  });
  expect(planned).toEqual(paths.slice(0, MOST_EXE_RULES));
  expect(looked).toHaveLength(MOST_EXE_RULES);
});
