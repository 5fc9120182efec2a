import { closeSync, openSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bridgeArguments, bridgeCommand } from '../../src/cli/bridge-command.ts';
import { commands } from '../../src/cli/commands.ts';
import { dispatch } from '../../src/cli/dispatch.ts';

const run = async (...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> => {
  let stdout = '';
  let stderr = '';
  const status = await dispatch(args, {
    commands,
    version: async () => '1.2.3',
    stdout: text => {
      stdout += text;
    },
    stderr: text => {
      stderr += text;
    },
  });
  return { status, stdout, stderr };
};

describe('bridge', () => {
  test('is for instances, not for people: it is in no list, and says so to whoever finds it', async () => {
    expect((await run('--help')).stdout).not.toContain('bridge');
    expect((await run('bridge', '--help')).stdout).toContain('instances start this themselves');
    for (const more of [[], ['--fd=99999']]) {
      expect(await run('bridge', ...more)).toEqual({
        status: 2,
        stdout: '',
        stderr: 'osquery-audit-events: bridge: --fd names no socket; instances start this themselves\n',
      });
    }
  });

  test('takes no file for the audit socket', async () => {
    const fd = openSync('/dev/null', 'r');
    try {
      expect((await run(...bridgeArguments(fd, 5))).status).toBe(2);
    } finally {
      closeSync(fd);
    }
  });

  test('is started with the words that it understands', () => {
    expect(bridgeArguments(3, 10_000)).toEqual(['bridge', '--fd=3', '--patience_ms=10000']);
    expect(bridgeCommand.flags.map(({ name }) => name)).toEqual(['fd', 'patience_ms']);
  });
});
