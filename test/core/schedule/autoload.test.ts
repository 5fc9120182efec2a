import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readAutoload, whyNotAutoload } from '../../../src/core/schedule/autoload.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'autoload-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const extension = (name: string, mode = 0o755): string => {
  const path = join(directory, name);
  writeFileSync(path, '');
  chmodSync(path, mode);
  return path;
};

describe('an extension', () => {
  test.each([
    ['that only its owner may write to', 'a.ext', 0o755, undefined],
    ['that its group may write to, as core allows', 'a.ext', 0o775, undefined],
    ['that anybody may write to', 'a.ext', 0o757, 'unsafe directory permissions'],
    ['that its owner may not run', 'a.ext', 0o644, 'unsafe directory permissions'],
    ['of another name', 'a.bin', 0o755, "not ending in one of '.ext'"],
  ])('%s', (_what, name, mode, why) => {
    const path = extension(name, mode);
    const answer = whyNotAutoload(path);
    if (why === undefined) expect(answer).toBeUndefined();
    else expect(answer).toContain(why);
  });

  test('that is not there, is a directory, is in a directory for everybody, or belongs to somebody else', () => {
    expect(whyNotAutoload(join(directory, 'none.ext'))).toContain("doesn't exist");
    mkdirSync(join(directory, 'd.ext'));
    expect(whyNotAutoload(join(directory, 'd.ext'))).toContain('unsafe');
    const path = extension('a.ext');
    const isRoot = process.geteuid?.() === 0;
    expect(whyNotAutoload(path, 12_345) === undefined).toBe(isRoot);
    chmodSync(directory, 0o1777);
    expect(whyNotAutoload(path)).toContain('unsafe');
  });
});

describe('the list', () => {
  test('names files and directories, each extension once, with a warning for each that is left out', () => {
    mkdirSync(join(directory, 'more'));
    const [a, b, other] = [extension('a.ext'), extension('more/b.ext'), extension('more/readme.txt')];
    const list = join(directory, 'extensions.load');
    writeFileSync(
      list,
      `# comment\n; comment\n\n ${a} \n${join(directory, 'more')}\n${a}\n/nonexistent.ext\n`,
    );
    expect(readAutoload(list)).toEqual({
      paths: [a, b],
      warnings: [expect.stringContaining(other), expect.stringContaining('/nonexistent.ext')],
    });
  });

  test('that is not there is no list', () => {
    expect(readAutoload(join(directory, 'none'))).toBeUndefined();
    expect(readAutoload(directory)).toBeUndefined();
  });
});
