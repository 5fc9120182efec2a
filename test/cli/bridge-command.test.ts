import { closeSync, openSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bridgeArguments, bridgeCommand } from '../../src/cli/bridge-command.ts';
import { runCommand } from './run-command.ts';

describe('bridge', () => {
  test('is for instances, not for people: it is in no list, and says so to whoever finds it', async () => {
    expect((await runCommand('--help')).stdout).not.toContain('bridge');
    expect((await runCommand('bridge', '--help')).stdout).toContain('instances start this themselves');
    for (const more of [[], ['--fd=99999']]) {
      expect(await runCommand('bridge', ...more)).toEqual({
        status: 2,
        stdout: '',
        stderr: 'osquery-audit-events: bridge: --fd names no socket; instances start this themselves\n',
      });
    }
  });

  test('takes no file for the audit socket', async () => {
    const fd = openSync('/dev/null', 'r');
    try {
      expect((await runCommand(...bridgeArguments(fd, 5))).status).toBe(2);
    } finally {
      closeSync(fd);
    }
  });

  test('is started with the words that it understands', () => {
    expect(bridgeArguments(3, 10_000)).toEqual(['bridge', '--fd=3', '--patience_ms=10000']);
    expect(bridgeCommand.flags.map(({ name }) => name)).toEqual(['fd', 'patience_ms']);
  });
});
