import { expect, test } from 'vitest';
import { runCommand } from '../cli/run-command.ts';

test('help names its flags', async () => {
  const { status, stdout } = await runCommand('doctor', '--help');
  expect(status).toBe(0);
  for (const text of [
    '--socket PATH',
    '--flagfile FILE',
    '--config_path',
    '--ext PATH',
    '--json',
    'The exit status is 1',
  ]) {
    expect(stdout).toContain(text);
  }
});

test.each([
  [['doctor', 'now'], 'doctor: unexpected argument "now"'],
  [['doctor', '--nonesuch'], 'unknown flag --nonesuch'],
  [['doctor', '--flagfile=/nonexistent/osquery.flags'], 'cannot be read: no such file'],
])('%j: one line, status 2', async (args, message) => {
  const { status, stdout, stderr } = await runCommand(...args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});
