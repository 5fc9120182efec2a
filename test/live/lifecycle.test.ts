import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { unless } from '../unless.ts';
import { type AuditState, auditIsFree, auditState, whyNotLive } from './kernel-audit.ts';
import { LiveShell } from './live-shell.ts';
import { Neighbour } from './neighbour.ts';
import { programUnderTest } from './program-under-test.ts';

const untilRestored = async (before: AuditState): Promise<void> => {
  for (let tries = 0; tries < 100; tries++) {
    const state = await auditState();
    if (JSON.stringify(state) === JSON.stringify(before)) return;
    await sleep(100);
  }
  expect(await auditState()).toEqual(before);
};

describe('audit is as it was found', unless(whyNotLive), () => {
  let before: AuditState;
  beforeEach(async () => {
    await auditIsFree();
    before = await auditState();
  }, 90_000);

  test('after the end of the input', async () => {
    await using shell = await LiveShell.start('--audit_allow_sockets');
    expect(await auditState()).not.toEqual(before);
    expect(await shell.end()).toBe(0);
    expect(await auditState()).toEqual(before);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('after %s', async signal => {
    await using shell = await LiveShell.start();
    shell.process.kill(signal);
    await shell.exited();
    expect(await auditState()).toEqual(before);
  });

  test('after the shell was killed, soon', async () => {
    await using shell = await LiveShell.start();
    shell.process.kill('SIGKILL');
    await shell.exited();
    await untilRestored(before);
  });

  test('with settings of its own, down to the last one', async () => {
    await using shell = await LiveShell.start('--audit_backlog_limit=1234', '--audit_backlog_wait_time=7');
    const { status } = await auditState();
    expect(status).toMatchObject({ enabled: 1, failure: 0, backlogLimit: 1234, backlogWaitTime: 7 });
    await shell.end();
    expect(await auditState()).toEqual(before);
  });
});

describe('neighbours', unless(whyNotLive), () => {
  beforeEach(auditIsFree, 90_000);

  test('another owner of the stream: says who, and reads the multicast copy', async () => {
    const owner = await Neighbour.start();
    try {
      const before = await auditState();
      const { file, args } = await programUnderTest();
      const shell = spawn(file, [...args, 'shell', '--json'], { stdio: 'pipe' });
      let out = '';
      let error = '';
      shell.stdout.on('data', text => {
        out += text;
      });
      shell.stderr.on('data', text => {
        error += text;
      });
      shell.stdin.write('SELECT 1 AS ready;\n');
      while (!out.includes('ready') && shell.exitCode === null) await sleep(20);
      execFileSync('/bin/true', ['shared-with-a-neighbour']);
      while (!out.includes('shared-with') && shell.exitCode === null) {
        shell.stdin.write("SELECT cmdline FROM process_events WHERE cmdline LIKE '%shared-with%';\n");
        await sleep(50);
      }
      const exited = once(shell, 'exit');
      shell.stdin.end();
      await exited;
      expect(error).toContain(`the audit socket belongs to pid ${owner.pid}`);
      expect(error).toContain('multicast');
      expect(error.trim().split('\n')).toHaveLength(1);
      expect(out).toContain('/bin/true shared-with-a-neighbour');
      expect(await auditState()).toEqual(before);
    } finally {
      await owner.end();
    }
  });

  test('a second instance says who owns the stream and ends', async () => {
    await using first = await LiveShell.start();
    const { file, args } = await programUnderTest();
    const second = spawnSync(file, [...args, 'shell', 'SELECT 1'], { encoding: 'utf8', input: '' });
    expect(second.status).toBe(1);
    expect(second.stderr).toMatch(/belongs to pid \d+, another osquery-audit-events/);
    expect(second.stderr.trim().split('\n')).toHaveLength(1);
    expect(await first.query('SELECT count(*) AS n FROM process_events')).toHaveLength(1);
  });
});
