import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { unless, whyNotRoot } from '../unless.ts';
import { type AuditState, auditIsFree, auditState, whyNotLive } from './kernel-audit.ts';
import { LiveShell } from './live-shell.ts';
import { Neighbour } from './neighbour.ts';

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname;

/** Runs the shell to its end as a user would, with nothing on its input. */
const runShell = (args: readonly string[], uid?: number) =>
  spawnSync(process.execPath, ['--conditions=source', MAIN, 'shell', ...args], {
    encoding: 'utf8',
    timeout: 20_000,
    input: '',
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });

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
      const shell = spawn(process.execPath, ['--conditions=source', MAIN, 'shell', '--json'], {
        stdio: 'pipe',
      });
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
      await sleep(400);
      shell.stdin.end("SELECT cmdline FROM process_events WHERE cmdline LIKE '%shared-with%';\n");
      await once(shell, 'exit');
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
    const second = runShell(['SELECT 1']);
    expect(second.status).toBe(1);
    expect(second.stderr).toMatch(/belongs to pid \d+, another osquery-audit-events/);
    expect(second.stderr.trim().split('\n')).toHaveLength(1);
    expect(await first.query('SELECT count(*) AS n FROM process_events')).toHaveLength(1);
  });
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
