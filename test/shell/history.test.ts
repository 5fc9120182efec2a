import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAX_ENTRY_LENGTH, MAX_HISTORY_ENTRIES, openHistory } from '../../src/shell/history.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'history-'));
  path = join(directory, 'history');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('openHistory', () => {
  test('keeps lines, newest first, for its user alone', () => {
    const history = openHistory(path);
    for (const line of ['select 1;', 'select 1;', '', '  from x', '.quit']) history.add(line);
    history.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const again = openHistory(path);
    expect(again.entries).toEqual(['.quit', '  from x', 'select 1;']);
    again.add('.quit');
    again.close();
    expect(readFileSync(path, 'utf8')).toBe('select 1;\n  from x\n.quit\n');
  });

  test('keeps a statement over several lines as one entry, and none that is too long', () => {
    const history = openHistory(path);
    history.add('SELECT 1,\n  2;');
    history.add('x'.repeat(MAX_ENTRY_LENGTH + 1));
    history.add('.help');
    history.close();
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(3);
    const again = openHistory(path);
    expect(again.entries).toEqual(['.help', 'SELECT 1,\n  2;']);
    again.close();
  });

  test('takes back rights that others had', () => {
    writeFileSync(path, 'a\n', { mode: 0o666 });
    openHistory(path).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('is cut when it has become long', () => {
    writeFileSync(path, Array.from({ length: 3 * MAX_HISTORY_ENTRIES }, (_, index) => `${index}\n`).join(''));
    const history = openHistory(path);
    history.add('last');
    history.close();
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(MAX_HISTORY_ENTRIES + 1);
    expect(lines.slice(-2)).toEqual([String(3 * MAX_HISTORY_ENTRIES - 1), 'last']);
  });

  test('follows no link and writes to nothing but a file', () => {
    const target = join(directory, 'target');
    writeFileSync(target, 'precious\n');
    symlinkSync(target, path);
    const linked = openHistory(path);
    linked.add('x');
    linked.close();
    expect(readFileSync(target, 'utf8')).toBe('precious\n');
    const nowhere = openHistory(join(directory, 'no', 'such', 'place'));
    nowhere.add('x');
    expect(nowhere.entries).toEqual([]);
    nowhere.close();
    openHistory(directory).close();
  });
});
