import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PluginRow } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { describe, expect, test } from 'vitest';
import { openAuditControl } from '../../src/audit/control/control.ts';
import { encodeRule, ownRule } from '../../src/audit/control/rules.ts';
import type { AuditStatusChange } from '../../src/audit/control/status.ts';
import { readAuditSettings } from '../../src/flags/audit-settings.ts';
import { openKernelSource } from '../../src/ingest/kernel-source.ts';
import { Load } from '../bench/load.ts';
import { loadNumber } from '../chaos/logged-numbers.ts';
import { listedRule } from '../doctor/facts.ts';
import { unless } from '../unless.ts';
import { leavingAuditAsFound } from './audit-as-found.ts';
import { auditState, whyNotLive } from './kernel-audit.ts';
import { Neighbour } from './neighbour.ts';
import { SupervisedExtension } from './supervised-extension.ts';

const OPTIONS = {
  audit_allow_config: 'true',
  events_max: '50000',
  custom_audit_state_dir: 'none',
  custom_audit_grace_ms: '1000',
};
/** Milliseconds for anything that has to happen. */
const PATIENCE_MS = 30_000;

const until = async (what: string, holds: () => Promise<boolean> | boolean): Promise<void> => {
  for (const end = performance.now() + PATIENCE_MS; !(await holds()); await sleep(50)) {
    if (performance.now() > end) throw new Error(`never came: ${what}`);
  }
};
const ownerIs = async (pid: number): Promise<boolean> => (await auditState()).status.pid === pid;

/** As another program does it. */
const byAnother = async <T>(
  work: (control: ReturnType<typeof openAuditControl>) => Promise<T>,
): Promise<T> => {
  const control = openAuditControl();
  try {
    return await work(control);
  } finally {
    control.close();
  }
};
/** auditctl -D */
const deleteAllRules = (): Promise<void> =>
  byAnother(async control => {
    for (const rule of await control.listRules()) await control.deleteRule(rule);
  });
const setStatus = (change: AuditStatusChange): Promise<void> =>
  byAnother(control => control.setStatus(change));
const ourRules = (): Promise<number> =>
  byAnother(async control => (await control.listRules()).filter(rule => ownRule(rule) !== undefined).length);

describe('neighbours', unless(whyNotLive), () => {
  const live = leavingAuditAsFound();

  const start = async (options: Readonly<Record<string, string>> = {}): Promise<SupervisedExtension> =>
    live.stack.use(await SupervisedExtension.start({ ...OPTIONS, ...options }));
  const neighbour = async (): Promise<Neighbour> => live.stack.use(await Neighbour.start());
  /** Numbers of the programs of a load that have a row. */
  const numbers = (rows: readonly PluginRow[]): number[] =>
    rows.map(({ cmdline }) => loadNumber(cmdline)).filter(number => number !== undefined);
  const isSeen = async (extension: SupervisedExtension, tag: string): Promise<boolean> => {
    execFileSync('/bin/true', [tag]);
    await extension.settled();
    return (await extension.core.generate('process_events')).some(({ cmdline }) => cmdline?.includes(tag));
  };

  test('an owner that ends: its socket is taken after a while, and no event is lost or doubled on the way', async () => {
    const owner = await neighbour();
    const extension = await start();
    expect((await extension.status()).mode).toBe('multicast');
    const load = live.stack.use(await Load.prepare('numbered-execs', 1_800, 450));
    const result = load.run();
    await sleep(300);
    await owner.end();
    await until('the socket', () => ownerIs(extension.pid));
    await until('the mode', async () => (await extension.status()).mode === 'unicast');
    const { count } = await result;
    await extension.settled();
    const seen = numbers(await extension.core.generate('process_events'));
    expect(seen).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(await extension.status()).toMatchObject({ mode: 'unicast', serial_gaps: '0' });
    expect(extension.stderr).toContain(
      `pid ${owner.pid} (${owner.name}) has given up the audit socket: it is ours now`,
    );
  }, 90_000);

  test('an owner that restarts has its socket back, until it is killed', async () => {
    const first = await neighbour();
    const extension = await start({ custom_audit_grace_ms: '4000' });
    await first.end();
    // Longer than between two looks.
    await sleep(2_500);
    const second = await neighbour();
    expect(second.answer).toBe('owned');
    expect(await isSeen(extension, 'after-the-restart')).toBe(true);
    expect((await extension.status()).mode).toBe('multicast');
    await second.end('SIGKILL');
    await until('the socket', () => ownerIs(extension.pid));
    expect(await isSeen(extension, 'after-the-owner')).toBe(true);
  }, 90_000);

  test('a process that asks for the socket while it is ours is refused, and named', async () => {
    const extension = await start();
    const other = await neighbour();
    expect(other.answer).toBe('refused 17');
    await until('the warning', () =>
      extension.stderr.includes(
        `pid ${other.pid} (${other.name}) has asked for the audit socket and was refused`,
      ),
    );
    expect(await isSeen(extension, 'still-ours')).toBe(true);
    expect((await extension.status()).mode).toBe('unicast');
  }, 90_000);

  test('with audit_persist=false a process that asks a second time gets the socket', async () => {
    const extension = await start({ audit_persist: 'false' });
    const first = await neighbour();
    expect(first.answer).toBe('refused 17');
    await until('the warning', () => extension.stderr.includes('can have it now (audit_persist=false)'));
    const second = await neighbour();
    expect(second.answer).toBe('owned');
    expect(await isSeen(extension, 'shared')).toBe(true);
    await second.end();
    await until('the socket', () => ownerIs(extension.pid));
  }, 90_000);

  test('rules that somebody deletes are there again, and it is told', async () => {
    const extension = await start();
    const rules = await ourRules();
    await deleteAllRules();
    await until('the rules', async () => (await ourRules()) === rules);
    await until('the warning', () => extension.stderr.includes('removed by another program'));
    expect(await isSeen(extension, 'after-deletion')).toBe(true);
    expect(extension.stderr).toMatch(/\d+ of our audit rules were removed by another program/);
  }, 90_000);

  test('without audit_allow_config they stay away, and it is told', async () => {
    const rule = encodeRule({ action: 'always', prepend: false, syscalls: [59], fields: [], key: 'theirs' });
    await setStatus({ enabled: 1 });
    live.stack.defer(() => setStatus({ enabled: live.before.status.enabled }));
    await byAnother(control => control.addListedRule(rule));
    live.stack.defer(deleteAllRules);
    const extension = await start({ audit_allow_config: 'false' });
    await deleteAllRules();
    await until('the warning', () => /1 of the audit rules were removed/.test(extension.stderr));
    expect((await auditState()).rules).toBe(0);
  }, 90_000);

  test('audit that somebody switches off is on again, and off at the end', async () => {
    const extension = await start();
    const { enabled, backlogWaitTime } = live.before.status;
    live.stack.defer(() => setStatus({ enabled, backlogWaitTime }));
    await setStatus({ enabled: 0, backlogWaitTime: 777 });
    await until('audit', async () => (await auditState()).status.enabled === 1);
    expect((await auditState()).status.backlogWaitTime).toBe(0);
    expect(await isSeen(extension, 'after-the-switch')).toBe(true);
    expect(extension.stderr).toContain('kernel audit was switched off by another program: it is on again');
    await extension[Symbol.asyncDispose]();
    const { status } = await auditState();
    expect(status).toEqual({ ...live.before.status, enabled: 0, backlogWaitTime: 777 });
  }, 90_000);

  test('"-a never,task" is told with what it means', async () => {
    const extension = await start();
    const neverTask = listedRule({ list: 1, action: 0 });
    await byAnother(control => control.addListedRule(neverTask));
    live.stack.defer(() => byAnother(async control => void (await control.deleteRule(neverTask))));
    await until('the warning', () => extension.stderr.includes('"-a never,task"'));
  }, 90_000);

  test('an instance that was killed beside an owner: the next one leaves all as it was before both', async () => {
    await neighbour();
    live.before = await auditState();
    const extension = await start({ audit_backlog_limit: '9000' });
    expect((await auditState()).status).toMatchObject({ enabled: 1, backlogLimit: 9_000 });
    await extension.end('SIGKILL');
    await extension.start();
    await extension.end('SIGTERM');
    expect(await auditState()).toEqual(live.before);
    await live.stack.disposeAsync();
    live.before = await auditState();
  }, 90_000);

  test('a stream that is taken away is shared, and asked for again', async () => {
    const { settings } = readAuditSettings(new Map(Object.entries(OPTIONS)));
    const told: string[] = [];
    const rows: string[] = [];
    const source = await openKernelSource(settings, {
      onRows: batches => {
        for (const { batch } of batches) {
          for (const { cmdline } of decodeRows({ count: batch.ends.length, chunks: [batch.bytes] })) {
            if (cmdline !== undefined) rows.push(cmdline);
          }
        }
      },
      onProcesses: () => {},
      onRaw: () => {},
      onWarning: message => told.push(message),
      onFailed: error => told.push(error.message),
    });
    live.stack.defer(() => source.close());
    expect(source.mode).toBe('unicast');
    // Only the owner may give it up; this process is.
    await setStatus({ pid: 0 });
    const other = await neighbour();
    expect(other.answer).toBe('owned');
    await until('the copy', () => source.mode === 'multicast');
    await until('the warning', () => told.length > 0);
    expect(told[0]).toContain(
      `pid ${other.pid} (${other.name}) has taken the audit socket: reading the multicast copy`,
    );
    execFileSync('/bin/true', ['while-taken']);
    await until('its row', () => rows.some(row => row.includes('while-taken')));
    await other.end('SIGKILL');
    await until('the stream', () => source.mode === 'unicast');
    await until('the word', () => told.includes('the audit socket is ours again'));
    execFileSync('/bin/true', ['after-regain']);
    await until('its row', () => rows.some(row => row.includes('after-regain')));
  }, 90_000);
});
