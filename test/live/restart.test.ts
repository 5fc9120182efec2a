import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readBridgeRecord } from '../../src/ingest/bridge/bridge-file.ts';
import { unless } from '../unless.ts';
import { type AuditState, auditIsFree, auditState, whyNotLive } from './kernel-audit.ts';
import { untilSaved } from './state-files.ts';
import { SupervisedExtension } from './supervised-extension.ts';

/** For a process to start and put audit back. */
const RESTORED_MS = 10_000;

let directory: string;
let before: AuditState;
let extension: SupervisedExtension;
const stateDirectory = (): string => join(directory, 'state');

const run = (tag: string, count: number): void => {
  for (let i = 0; i < count; i++) execFileSync('/bin/true', [`${tag}${i}`]);
};

/** What `run` runs; other tests, which run beside this one, have other arguments. */
const TAGGED = /^\/bin\/true [a-z-]+\d+$/;
/** What one execution of a scheduled query gets of it. */
const scheduled = async (): Promise<string[]> =>
  (await extension.scheduled()).map(({ cmdline }) => cmdline ?? '').filter(cmdline => TAGGED.test(cmdline));
/** Processes and threads made since boot. */
const tasksMade = (): number => Number(/^processes (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))![1]);
/** Rows that core has logged and rows that are stored, then a kill, and programs of which nobody reads. */
const killAfterRows = async (): Promise<{ readonly gaps: number; readonly tasks: number }> => {
  run('before', 20);
  await extension.settled();
  expect(await scheduled()).toEqual(tagged('before', 20));
  extension.log();
  run('stored', 30);
  await untilSaved(stateDirectory(), 'stored29');
  const gaps = Number((await extension.status()).serial_gaps);
  const tasks = tasksMade();
  await extension.end('SIGKILL');
  run('unheard', 25);
  return { gaps, tasks };
};
const tagged = (tag: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `/bin/true ${tag}${i}`);

describe('a restart', unless(whyNotLive), () => {
  beforeEach(async () => {
    await auditIsFree();
    before = await auditState();
    directory = mkdtempSync(join(tmpdir(), 'live-restart-'));
  }, 90_000);
  const begin = async (options: Readonly<Record<string, string>> = {}): Promise<void> => {
    extension = await SupervisedExtension.start({
      audit_allow_config: 'true',
      events_max: '50000',
      custom_audit_state_dir: stateDirectory(),
      ...options,
    });
  };
  afterEach(async () => {
    await extension[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
    expect(await auditState()).toEqual(before);
  });

  test('by kill -9 loses no row that was there a second ago, shows none twice, and reads what the kernel kept meanwhile', async () => {
    await begin();
    const { gaps } = await killAfterRows();
    await extension.start();
    run('after', 10);
    await extension.settled();
    expect(await scheduled()).toEqual([
      ...tagged('stored', 30),
      ...tagged('unheard', 25),
      ...tagged('after', 10),
    ]);
    const row = await extension.status();
    expect(row).toMatchObject({ kernel_lost: '0', incomplete_events: '0' });
    // What others ran in the last quarter of a second was in memory.
    expect(Number(row.serial_gaps)).toBeLessThan(gaps + 20);
    expect((await auditState()).status.pid).toBe(extension.pid);
    expect(extension.stderr).toBe('');
  }, 120_000);

  test('again and again takes over what the one before had not read', async () => {
    await begin();
    const tags = ['first', 'second', 'third'];
    for (const tag of tags) {
      await extension.end('SIGKILL');
      run(tag, 10);
      await extension.start();
      await untilSaved(stateDirectory(), `${tag}9`);
    }
    await extension.settled();
    expect(await scheduled()).toEqual(tags.flatMap(tag => tagged(tag, 10)));
  }, 120_000);

  test('that does not come leaves audit as it was found, after a while', async () => {
    await begin({ custom_audit_bridge_ms: '1000' });
    await extension.end('SIGKILL');
    expect((await auditState()).rules).toBeGreaterThan(before.rules);
    await expect.poll(auditState, { timeout: RESTORED_MS, interval: 50 }).toEqual(before);
    run('not-recorded', 3);
    await extension.start();
    run('new', 3);
    await extension.settled();
    expect(await scheduled()).toEqual(tagged('new', 3));
  }, 120_000);

  test.each([
    ['where custom_audit_bridge_stop says so', 'SIGTERM'],
    ['by SIGUSR2, which packages send after an upgrade', 'SIGUSR2'],
  ] as const)(
    'in order is bridged %s',
    async (_, signal) => {
      await begin(signal === 'SIGTERM' ? { custom_audit_bridge_stop: 'true' } : {});
      const gaps = (await extension.status()).serial_gaps;
      run('before', 5);
      await extension.end(signal);
      run('unheard', 25);
      await extension.start();
      run('after', 5);
      await extension.settled();
      expect(await scheduled()).toEqual([
        ...tagged('before', 5),
        ...tagged('unheard', 25),
        ...tagged('after', 5),
      ]);
      // An end in order loses not even what is in memory.
      expect(await extension.status()).toMatchObject({ serial_gaps: gaps, incomplete_events: '0' });
      extension.core.options.set('custom_audit_bridge_stop', 'false');
      await extension.end('SIGKILL');
      await extension.start();
      expect(extension.stderr).toBe('');
    },
    120_000,
  );

  test('in order leaves no audit behind where the process that would hold the socket has ended', async () => {
    await begin({ custom_audit_bridge_stop: 'true' });
    const { holder } = readBridgeRecord(stateDirectory())!;
    process.kill(holder.pid, 'SIGTERM');
    await expect
      .poll(() => extension.stderr)
      .toContain('the process that would hold the audit socket has ended');
    await extension.end('SIGTERM');
    expect(await auditState()).toEqual(before);
  }, 120_000);

  test('that is not bridged counts what nobody read', async () => {
    await begin({ custom_audit_bridge_ms: '0' });
    const { gaps, tasks } = await killAfterRows();
    await extension.start();
    const unheard = tasksMade() - tasks;
    run('after', 10);
    await extension.settled();
    const rows = await scheduled();
    expect(rows).toEqual([...tagged('stored', 30), ...tagged('after', 10)]);
    const row = await extension.status();
    // Each of them has a serial that nobody saw; so have the changes of the configuration at the start.
    const counted = Number(row.serial_gaps) - gaps;
    expect(counted).toBeGreaterThanOrEqual(25);
    // Others run programs meanwhile, too, each in a process of its own.
    expect(counted).toBeLessThan(unheard + 20);
    expect(Number(row.state_rows_restored)).toBeGreaterThanOrEqual(50);
    expect(Number(row.records)).toBeGreaterThan(0);
    expect(row).toMatchObject({ state_bytes_lost: '0', state_write_failures: '0', kernel_lost: '0' });
  }, 120_000);

  test('brings again what core had asked for and not logged', async () => {
    await begin();
    run('first', 3);
    await extension.settled();
    await scheduled();
    extension.log();
    run('second', 3);
    await extension.settled();
    expect(await scheduled()).toEqual(tagged('second', 3));
    // Killed before core had the rows: its count stays.
    await extension.end('SIGKILL');
    await extension.start();
    expect(await scheduled()).toEqual(tagged('second', 3));
    extension.log();
    expect(await scheduled()).toEqual([]);
  }, 120_000);

  test('in order loses nothing at all, and what was not to be recorded is no loss', async () => {
    await begin();
    run('kept', 5);
    await extension.settled();
    const gaps = (await extension.status()).serial_gaps;
    await extension.end('SIGTERM');
    expect(await auditState()).toEqual(before);
    run('not-recorded', 5);
    await extension.start();
    run('new', 5);
    await extension.settled();
    expect(await scheduled()).toEqual([...tagged('kept', 5), ...tagged('new', 5)]);
    expect((await extension.status()).serial_gaps).toBe(gaps);
    expect(extension.stderr).toBe('');
  }, 120_000);

  test('without a directory for state begins anew, and says why', async () => {
    await begin({ custom_audit_state_dir: '/proc/no/such' });
    expect(extension.stderr).toContain('no state is kept');
    expect(extension.stderr).toContain('custom_audit_state_dir');
    run('memory', 2);
    await extension.settled();
    expect(await scheduled()).toEqual(tagged('memory', 2));
    expect(await extension.status()).not.toHaveProperty('state_dir');
  }, 120_000);
});
