import { expect, test } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { dispatch } from '../../src/cli/dispatch.ts';

const run = async (...args: string[]) => {
  let stdout = '';
  let stderr = '';
  const status = await dispatch(args, {
    commands,
    version: async () => '0',
    stdout: text => {
      stdout += text;
    },
    stderr: text => {
      stderr += text;
    },
  });
  return { status, stdout, stderr };
};

test('help names its flags', async () => {
  const { status, stdout } = await run('doctor', '--help');
  expect(status).toBe(0);
  for (const text of [
    '--socket PATH',
    '--flagfile FILE',
    '--config_path',
    '--ext PATH',
    '--json',
    'status 1',
  ]) {
    expect(stdout).toContain(text);
  }
});

test.each([
  [['doctor', 'now'], 'doctor: unexpected argument "now"'],
  [['doctor', '--nonesuch'], 'unknown flag --nonesuch'],
  [['doctor', '--flagfile=/nonexistent/osquery.flags'], 'cannot be read: no such file'],
])('%j: one line, status 2', async (args, message) => {
  const { status, stdout, stderr } = await run(...args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});
