import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeCore } from '../extension/fake-core.ts';
import { type AuditState, auditIsFree, auditState, whyNotLive } from './kernel-audit.ts';

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname;
/** Longer than anything stays in memory only. */
const SAVED_MS = 1_000;

let core: FakeCore;
let directory: string;
let before: AuditState;
let extension: ChildProcess;
let stderr: string;
let clock = 1_700_000_000;

const start = async (): Promise<void> => {
  core.routes = undefined;
  extension = spawn(
    process.execPath,
    ['--conditions=source', MAIN, '--socket', core.socket, '--timeout', '3', '--interval', '1'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  extension.stderr!.setEncoding('utf8').on('data', text => {
    stderr += text;
  });
  while (core.routes === undefined) {
    if (extension.exitCode !== null) throw new Error(`the extension ended: ${stderr}`);
    await sleep(20);
  }
  await core.registered();
};

const end = async (signal: NodeJS.Signals): Promise<void> => {
  const ended = once(extension, 'exit');
  extension.kill(signal);
  await ended;
};

const run = (tag: string, count: number): void => {
  for (let i = 0; i < count; i++) execFileSync('/bin/true', [`${tag}${i}`]);
};

/** What one execution of a scheduled query gets. */
const scheduled = async (): Promise<string[]> => {
  core.execute('executions', clock++);
  const rows = await core.generate('process_events');
  core.endExecution();
  return rows.map(({ cmdline }) => cmdline ?? '').filter(cmdline => cmdline.startsWith('/bin/true '));
};
const logged = (count: number): void => {
  core.database.set('queries/executionscounter', String(count));
};
const tagged = (tag: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `/bin/true ${tag}${i}`);
const status = async (): Promise<Record<string, string>> => (await core.generate('audit_status'))[0]!;

describe.skipIf(whyNotLive !== undefined)('a restart', () => {
  beforeEach(async () => {
    await auditIsFree();
    before = await auditState();
    directory = mkdtempSync(join(tmpdir(), 'live-restart-'));
    stderr = '';
    core = await new FakeCore().listen();
    core.schedule = [{ name: 'executions', query: 'SELECT * FROM process_events', interval: '60' }];
    core.options.set('audit_allow_config', 'true');
    core.options.set('events_max', '50000');
    core.options.set('custom_audit_state_dir', join(directory, 'state'));
    await start();
  }, 90_000);
  afterEach(async () => {
    if (extension.exitCode === null && extension.signalCode === null) await end('SIGTERM');
    await core.close();
    rmSync(directory, { recursive: true, force: true });
    expect(await auditState()).toEqual(before);
  });

  test('by kill -9 loses no row that was there a second ago, shows none twice, and counts what nobody read', async () => {
    run('before', 20);
    await sleep(SAVED_MS);
    expect(await scheduled()).toEqual(tagged('before', 20));
    logged(0);
    run('stored', 30);
    await sleep(SAVED_MS);
    const gaps = Number((await status()).serial_gaps);
    await end('SIGKILL');
    run('unheard', 25);
    await start();
    run('after', 10);
    await sleep(200);
    const rows = await scheduled();
    expect(rows).toEqual([...tagged('stored', 30), ...tagged('after', 10)]);
    const row = await status();
    // Each of them has a serial that nobody saw; so have the changes of the configuration at the start.
    const counted = Number(row.serial_gaps) - gaps;
    expect(counted).toBeGreaterThanOrEqual(25);
    expect(counted).toBeLessThan(25 + 20);
    expect(Number(row.state_rows_restored)).toBeGreaterThanOrEqual(50);
    expect(Number(row.records)).toBeGreaterThan(0);
    expect(row).toMatchObject({ state_bytes_lost: '0', state_write_failures: '0', kernel_lost: '0' });
  }, 60_000);

  test('brings again what core had asked for and not logged', async () => {
    run('first', 3);
    await sleep(SAVED_MS);
    await scheduled();
    logged(0);
    run('second', 3);
    await sleep(200);
    expect(await scheduled()).toEqual(tagged('second', 3));
    // Killed before core had the rows: its count stays.
    await end('SIGKILL');
    await start();
    expect(await scheduled()).toEqual(tagged('second', 3));
    logged(1);
    expect(await scheduled()).toEqual([]);
  }, 60_000);

  test('in order loses nothing at all, and what was not to be recorded is no loss', async () => {
    run('kept', 5);
    await sleep(200);
    const gaps = (await status()).serial_gaps;
    await end('SIGTERM');
    expect(await auditState()).toEqual(before);
    run('not-recorded', 5);
    await start();
    run('new', 5);
    await sleep(200);
    expect(await scheduled()).toEqual([...tagged('kept', 5), ...tagged('new', 5)]);
    expect((await status()).serial_gaps).toBe(gaps);
    expect(stderr).toBe('');
  }, 60_000);

  test('without a directory for state begins anew, and says why', async () => {
    await end('SIGTERM');
    core.options.set('custom_audit_state_dir', '/proc/no/such');
    await start();
    expect(stderr).toContain('no state is kept');
    expect(stderr).toContain('custom_audit_state_dir');
    run('memory', 2);
    await sleep(200);
    expect(await scheduled()).toEqual(tagged('memory', 2));
    expect(await status()).not.toHaveProperty('state_dir');
  }, 60_000);
});
