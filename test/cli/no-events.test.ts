import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { unless, whyNotRoot } from '../unless.ts';

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname;

/** Runs the shell to its end as a user would, with nothing on its input. */
const runShell = (args: readonly string[], uid?: number) =>
  spawnSync(process.execPath, ['--conditions=source', MAIN, 'shell', ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    input: '',
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });

describe('no events to have', () => {
  test('an ordinary user sees the recorded ones, with one line saying why', unless(whyNotRoot), () => {
    const { status, stdout, stderr } = runShell(
      ['--csv', 'SELECT count(*) > 10 AS enough FROM process_events'],
      65534,
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'enough\n1\n' });
    expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/recorded events.*needs root/)]);
  });

  test('an unreadable replay file', () => {
    const { status, stderr } = runShell(['--replay=/nonexistent.log', 'SELECT 1']);
    expect(status).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining('/nonexistent.log')]);
  });

  test('bad SQL', () => {
    const { status, stderr } = runShell([`--replay=${fixture('exec')}`, 'SELEC 1']);
    expect(status).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining('syntax error')]);
  });

  test('a damaged record is reported and harms no other', () => {
    const directory = mkdtempSync(`${tmpdir()}/damaged-`);
    try {
      const log = `${directory}/damaged.log`;
      const [about, first, ...rest] = readFileSync(fixture('exec'), 'utf8').split('\n');
      writeFileSync(log, [about, '1300 audit(garbage', first!.slice(0, 20), first, ...rest].join('\n'));
      const { status, stdout, stderr } = runShell([
        `--replay=${log}`,
        '--csv',
        'SELECT count(*) AS n FROM process_events',
      ]);
      expect({ status, stdout }).toEqual({ status: 0, stdout: 'n\n1\n' });
      expect(stderr.trim().split('\n')).toEqual([
        expect.stringMatching(/2 malformed lines, the first at line 2/),
      ]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

const fixture = (name: string): string => new URL(`../../fixtures/${name}.log`, import.meta.url).pathname;
