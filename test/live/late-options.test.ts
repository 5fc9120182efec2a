import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { unless } from '../unless.ts';
import { leavingAuditAsFound } from './audit-as-found.ts';
import { auditState, whyNotLive } from './kernel-audit.ts';
import { untilSaved } from './state-files.ts';
import { SupervisedExtension } from './supervised-extension.ts';

const execFileAsync = promisify(execFile);
/** For an option to be seen, and to be in force. */
const IN_FORCE = { timeout: 15_000, interval: 100 };

describe('options that come when core has its configuration', unless(whyNotLive), () => {
  const live = leavingAuditAsFound();
  const begin = async (options: Readonly<Record<string, string>>): Promise<SupervisedExtension> =>
    live.stack.use(
      await SupervisedExtension.start({ audit_allow_config: 'true', events_max: '50000', ...options }),
    );
  const directories = (): { readonly early: string; readonly late: string } => {
    const parent = mkdtempSync(join(tmpdir(), 'late-options-'));
    live.stack.defer(() => rmSync(parent, { recursive: true, force: true }));
    return { early: join(parent, 'early'), late: join(parent, 'late') };
  };
  const run = (from: number, to: number): void => {
    for (let i = from; i < to; i++) execFileSync('/bin/true', [`late${i}`]);
  };
  const numbered = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, i) => `/bin/true late${from + i}`);
  /** What one execution of the scheduled query gets, with the rows' numbers, which must go up. */
  const scheduled = async (extension: SupervisedExtension): Promise<string[]> => {
    const rows = await extension.scheduled();
    const eids = rows.map(({ eid }) => Number(eid));
    expect(eids).toEqual(eids.toSorted((a, b) => a - b));
    expect(new Set(eids).size).toBe(eids.length);
    return rows.map(({ cmdline = '' }) => cmdline).filter(cmdline => cmdline.startsWith('/bin/true late'));
  };
  /** … in as many executions as it takes until they are there: while a source is opened anew they wait in the kernel. */
  const scheduledUntil = async (extension: SupervisedExtension, count: number): Promise<string[]> => {
    const seen: string[] = [];
    await expect
      .poll(async () => {
        seen.push(...(await scheduled(extension)));
        return seen.length;
      }, IN_FORCE)
      .toBeGreaterThanOrEqual(count);
    return seen;
  };
  const stateIsIn = (extension: SupervisedExtension, path: string): Promise<void> =>
    expect.poll(async () => (await extension.status()).state_dir, IN_FORCE).toBe(path);

  test('are in force by themselves, while programs run, of which none is lost and none told twice', async () => {
    const { early, late } = directories();
    const extension = await begin({ custom_audit_state_dir: early });
    const { serial_gaps } = await extension.status();
    let count = 0;
    const stop = new AbortController();
    live.stack.defer(() => stop.abort());
    const running = (async () => {
      for (; !stop.signal.aborted; count++) {
        await execFileAsync('/bin/true', [`late${count}`]);
        await sleep(5);
      }
    })();
    const more = (): Promise<void> => {
      const enough = count + 20;
      return expect.poll(() => count, IN_FORCE).toBeGreaterThan(enough);
    };
    await more();
    const seen = await scheduled(extension);
    extension.log();
    for (const [name, value] of [
      ['custom_audit_state_dir', late],
      ['audit_backlog_limit', '30000'],
      ['custom_audit_telemetry', 'false'],
      ['custom_audit_socket_lookup', 'false'],
      ['custom_audit_receive_buffer_bytes', '8388608'],
    ] as const) {
      extension.core.options.set(name, value);
    }
    await stateIsIn(extension, late);
    await more();
    extension.core.options.set('custom_audit_telemetry', 'true');
    extension.core.options.set('audit_backlog_limit', '20000');
    await expect.poll(async () => (await auditState()).status.backlogLimit, IN_FORCE).toBe(20_000);
    await more();
    stop.abort();
    await running;
    seen.push(...(await scheduledUntil(extension, count - seen.length)));
    expect(seen).toEqual(numbered(0, count));
    const status = await extension.status();
    expect(status).toMatchObject({
      serial_gaps,
      kernel_lost: '0',
      incomplete_events: '0',
      state_bytes_lost: '0',
    });
    expect(Number(status.telemetry_events)).toBeGreaterThan(0);
    expect(readdirSync(early)).toEqual(['bridge', 'lock'].filter(name => existsSync(join(early, name))));
    expect(extension.stderr).toBe('');
  }, 120_000);

  test('of the directory for state find rows there, which come first', async () => {
    const { early, late } = directories();
    const extension = await begin({ custom_audit_state_dir: late });
    run(0, 10);
    await untilSaved(late, 'late9');
    await extension.end('SIGTERM');
    extension.core.options.set('custom_audit_state_dir', early);
    await extension.start();
    run(10, 30);
    await untilSaved(early, 'late29');
    extension.core.options.set('custom_audit_state_dir', late);
    await stateIsIn(extension, late);
    run(30, 40);
    const rows = async (): Promise<string[]> =>
      (await extension.core.generate('process_events'))
        .map(({ cmdline = '' }) => cmdline)
        .filter(cmdline => cmdline.startsWith('/bin/true late'));
    await expect.poll(rows, IN_FORCE).toEqual(numbered(0, 40));
    await untilSaved(late, 'late39', ['process_events', 'process_telemetry_events']);
    await extension.end('SIGKILL');
    await extension.start();
    expect(await scheduled(extension)).toEqual(numbered(0, 40));
    extension.log();
    expect(await scheduled(extension)).toEqual([]);
    const [last] = await extension.core.generate('process_telemetry_events', {
      constraints: [
        { name: 'process_command_line', affinity: 'TEXT', list: [{ op: 2, expr: '/bin/true late39' }] },
      ],
    });
    expect(last).toMatchObject({ process_name: 'true', user_uid: '0' });
    // Nothing was left where the state was for a while.
    extension.core.options.set('custom_audit_state_dir', early);
    await extension.end('SIGTERM');
    await extension.start();
    expect(await scheduled(extension)).toEqual([]);
    expect(extension.stderr).toBe('');
  }, 120_000);

  test('of audit itself are in force, too, and given back', async () => {
    const { early } = directories();
    const extension = await begin({ custom_audit_state_dir: early, audit_allow_config: 'false' });
    expect(extension.stderr).toContain('--audit_allow_config=true');
    expect(await auditState()).toMatchObject({ rules: live.before.rules, status: { pid: extension.pid } });
    extension.core.options.set('audit_allow_config', 'true');
    await expect.poll(async () => (await auditState()).status.enabled, IN_FORCE).toBe(1);
    await expect.poll(async () => (await auditState()).status.pid, IN_FORCE).toBe(extension.pid);
    run(0, 10);
    expect(await scheduledUntil(extension, 10)).toEqual(numbered(0, 10));
    extension.core.options.set('audit_allow_config', 'false');
    await expect.poll(async () => (await auditState()).status.enabled, IN_FORCE).toBe(0);
    expect((await auditState()).rules).toBe(live.before.rules);
    extension.core.options.set('custom_audit_mode', 'multicast');
    await expect.poll(async () => (await extension.status()).mode, IN_FORCE).toBe('multicast');
  }, 120_000);

  test('that cannot be met are told, and what was goes on', async () => {
    const { early } = directories();
    const extension = await begin({ custom_audit_state_dir: early });
    run(0, 5);
    await untilSaved(early, 'late4');
    extension.core.options.set('custom_audit_state_dir', '/proc/no/such');
    await expect.poll(() => extension.stderr, IN_FORCE).toContain(`until then state stays in ${early}`);
    run(5, 10);
    expect(await scheduledUntil(extension, 10)).toEqual(numbered(0, 10));
    expect(await extension.status()).toMatchObject({ state_dir: early });
    const told = async (): Promise<string[]> =>
      (await extension.core.generate('process_telemetry_events'))
        .map(({ process_command_line = '' }) => process_command_line)
        .filter(line => line.startsWith('/bin/true late'));
    await expect.poll(told, IN_FORCE).toEqual(numbered(0, 10));
  }, 120_000);
});
