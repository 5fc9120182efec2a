import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=source', main, ...args], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stdout, stderr };
};

test('--version is the version of the package', () => {
  expect(run('--version')).toEqual({
    status: 0,
    stdout: `${manifest.name} ${manifest.version}\n`,
    stderr: '',
  });
});

test('--help names every command', () => {
  const { status, stdout, stderr } = run('--help');
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toContain('osquery-audit-events shell [flags] [SQL]');
  expect(stdout).toContain('osquery-audit-events daemon [--flagfile FILE]');
  expect(stdout).toContain('osquery-audit-events --socket PATH');
});

test.each([
  [['--nonesuch'], 'expected a command first'],
  [['shell', '--nonesuch'], 'unknown flag --nonesuch'],
  [['shell', '--events_max=-1'], '--events_max: expected a whole number'],
  [['shell', '--json', '--csv', 'SELECT 1'], '--json and --csv exclude each other'],
  [['bsm'], 'expected an audit trail'],
  [['bsm', '--audit_debug', 'x'], 'unknown flag --audit_debug'],
  [['shell', 'SELECT', '1'], 'put quotes around the SQL'],
  [['shell', '--flagfile=/nonexistent/osquery.flags'], 'cannot be read: no such file'],
  [['--socket=/tmp/x', 'SELECT 1'], 'unexpected argument "SELECT 1"'],
  [['--socket='], "expected the path of osquery's extension socket"],
  [[`--socket=/${'x'.repeat(107)}`], 'a path of at most 107 bytes'],
])('%j: one line, status 2', (args, message) => {
  const { status, stdout, stderr } = run(...args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^osquery-audit-events: [^\n]+\n$/);
  expect(stderr).toContain(message);
});

test('a replay file that cannot be read: one line, status 1', () => {
  const { status, stdout, stderr } = run('shell', '--replay=/nonexistent/audit.log', 'SELECT 1');
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toBe(
    'osquery-audit-events: replay file "/nonexistent/audit.log" cannot be read: no such file\n',
  );
});

test('WHERE with OR, for which core asks once per branch, shows each row once', () => {
  const log = fileURLToPath(new URL('../../fixtures/kill.log', import.meta.url));
  const flags = ['--audit_allow_fork_process_events', '--audit_allow_kill_process_events'];
  const sql =
    "SELECT syscall FROM process_events WHERE syscall = 'kill' OR cwd = '' OR syscall LIKE 'exec%' OR syscall = 'clone' OR pid > 0 ORDER BY eid";
  const { status, stdout } = run('shell', '--json', `--replay=${log}`, ...flags, sql);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual([{ syscall: 'execve' }, { syscall: 'clone' }, { syscall: 'kill' }]);
});
