/** tail, tree and top as a user starts them, on recorded events. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';

// Each starts an extension.
vi.setConfig({ testTimeout: 120_000 });

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const NODE = ['--conditions=source', MAIN];
const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/${name}.log`, import.meta.url));

const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...NODE, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
};

test('tree draws the processes of a log, or of one', () => {
  const { status, stdout } = run(
    'tree',
    '19356',
    '--replay',
    fixture('exec-script'),
    '--replay',
    fixture('exec'),
  );
  expect(status).toBe(0);
  expect(stdout).toBe(
    '19346  (not recorded)\n' +
      '└─ 19356  2026-11-23T23:05:17Z  uid 0  /bin/sh /tmp/osquery-audit-record/script.sh an argument → /bin/true an argument\n',
  );
  expect(run('tree', '1', '--replay', fixture('exec'))).toEqual({
    status: 1,
    stdout: '',
    stderr: 'osquery-audit-events: no recorded event is of process 1\n',
  });
});

test('top shows the programs of a log', () => {
  const { status, stdout } = run('top', '--json', '--rows=1', '--replay', fixture('exec-script'));
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    seconds: 1,
    eventsPerSecond: 2,
    unseen: 0,
    programs: [{ kind: 'process', user: 'uid 0', eventsPerSecond: 1, share: 0.5 }],
    users: [{ user: 'uid 0', eventsPerSecond: 2 }],
  });
  expect(run('top', '--replay', fixture('exec-script')).stdout).toMatch(
    /PROGRAM.*\n.*\/usr\/bin\/(dash|true)/,
  );
});

test('tail shows the rows that there are, and ends with a signal', async () => {
  const child = spawn(
    process.execPath,
    [
      ...NODE,
      'tail',
      '--json',
      '--replay',
      fixture('exec-script'),
      'process_events',
      'pid,cmdline',
      "WHERE path LIKE '%true'",
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let out = '';
  child.stdout.on('data', chunk => {
    out += chunk;
  });
  await expect
    .poll(() => out, { timeout: 60_000 })
    .toBe('{"pid":"19356","cmdline":"/bin/true an argument"}\n');
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([130, null]);
});

test.each([
  [['tail', 'a b c'], 2, /tail: expected a table/],
  [['tail', '--json', '--csv'], 2, /--json and --csv exclude each other/],
  [['tree', 'x'], 2, /tree: expected the id of a process, got "x"/],
  [['tree', '1', '2'], 2, /tree: unexpected argument "2"/],
  [['top', 'x'], 2, /top: unexpected argument "x"/],
  [['top', '--every=0'], 2, /--every: expected a whole number from 1/],
  [['tail', '--socket=/nonexistent'], 1, /cannot connect to \/nonexistent/],
  [['tail', '--replay', fixture('exec'), 'nowhere'], 1, /no such table: nowhere/],
])('%j: one line', (args, expected, message) => {
  const { status, stdout, stderr } = run(...args);
  expect([status, stdout]).toEqual([expected, '']);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});
