import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readHostFile } from '../../../src/model/container/runtime-files.ts';
import { makeFifo } from '../../make-fifo.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'runtime-files-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

it('reads regular files of a runtime, and nothing that stands in their place', () => {
  const path = join(directory, 'config.json');
  expect(readHostFile(path)).toBeUndefined();
  writeFileSync(path, '{}');
  expect(readHostFile(path)?.toString()).toBe('{}');
  symlinkSync('/etc/shadow', join(directory, 'link'));
  makeFifo(join(directory, 'pipe'));
  writeFileSync(join(directory, 'large'), '');
  truncateSync(join(directory, 'large'), 2 ** 30);
  for (const name of ['link', 'pipe', 'large', '.'])
    expect(readHostFile(join(directory, name))).toBeUndefined();
});
