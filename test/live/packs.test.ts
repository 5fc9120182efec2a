import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { detections } from '../../tables/detections/index.ts';
import { builtExtension } from '../built-extension.ts';
import { DaemonProcess, type ResultLine, resultLines } from '../prove/daemon-process.ts';
import { unless } from '../unless.ts';
import { type AuditState, auditIsFree, auditState, whyNotLive } from './kernel-audit.ts';
import { behaviours, whyNotBehave } from './packs/behaviours.ts';
import { runInLogin } from './packs/login-script.ts';
import { ordinaryWork, whyNoWork } from './packs/ordinary-work.ts';
import { startPeer } from './packs/peer.ts';
import { SshServer, whyNoSsh } from './packs/ssh-server.ts';

/*
 * The detections in the schedule of a daemon, as they are shipped: somebody does what each is for, and somebody else does ordinary
 * work. Both have a login user of their own, by which their rows are told apart from those of everything else on the host.
 */

const AUIDS = 2_000_000_000;
const intruder = AUIDS + 2 * process.pid;
const worker = intruder + 1;
const mark = `pack-test-${process.pid}`;
/** Addresses of loopback, from which nobody else logs in. */
const addressOf = (number: number): string =>
  `127.${1 + (process.pid % 250)}.${(process.pid >> 8) % 250}.${number}`;
const PACKS = ['detections', 'file_detections'];
/** The last query of a round: they run in the order of their names. */
const LAST_QUERY = 'pack_file_detections_shell_profile_changed';
const FOUND_MS = 30_000;
const WATCHED_MS = 30_000;

/** What is looked up, such as hashes, is awaited on a busy machine, too. */
const PATIENT = '--custom_audit_telemetry_budget_ms=10000';

const LOGIN = 'ssh_login_new_address';
const whyNotTried = (name: string): string | undefined =>
  name === LOGIN ? whyNoSsh : whyNotBehave(behaviours[name]!);
const tried = detections.map(({ name }) => name).filter(name => whyNotTried(name) === undefined);
const workable = ordinaryWork.filter(work => whyNoWork(work) === undefined);

describe('detections', unless(whyNotLive), () => {
  let before: AuditState;
  let directory: string;
  let daemon: DaemonProcess;
  let peer: { readonly server: Server; readonly port: number };
  let said: readonly string[];
  let ofWorker: readonly ResultLine[];
  const servers: SshServer[] = [];

  const lines = (): ResultLine[] => resultLines(join(directory, 'daemon'));
  /** Rows of what the intruder did, as far as a detection reports them. */
  const found = (name: string): ResultLine[] =>
    lines().filter(
      ({ name: query, columns }) =>
        query.endsWith(`_${name}`) &&
        (name === LOGIN ? columns.address === addressOf(1) : columns.auid === String(intruder)),
    );

  const runAs = (auid: number, what: string, script: string): Promise<string> =>
    runInLogin({ auid, what, script, directory, port: peer.port, mark });

  /** Without a condition on `time` it could get what a scheduled query that runs meanwhile is to get. */
  const everyRow = 'time > 0';

  /** The configuration, with the paths to watch, reaches the extension some time after its start. */
  const untilWatched = async (): Promise<void> => {
    const probe = `/etc/profile.d/${mark}.probe`;
    const deadline = performance.now() + WATCHED_MS;
    for (;;) {
      writeFileSync(probe, '');
      rmSync(probe);
      const rows = await daemon
        .query(`SELECT 1 FROM process_file_events WHERE ${everyRow} AND path = '${probe}'`)
        .catch(() => []);
      if (rows.length > 0) return;
      if (performance.now() > deadline)
        throw new Error(`nothing is watched; the daemon said: ${daemon.stderr}`);
      await sleep(100);
    }
  };

  const misbehave = async (): Promise<string[]> => {
    const failed: string[] = [];
    for (const name of tried) {
      const script = name === LOGIN ? servers[0]!.command(addressOf(1), 'true') : behaviours[name]!.script;
      failed.push(await runAs(intruder, name, script));
    }
    return failed;
  };
  const work = async (): Promise<string[]> => {
    const failed: string[] = [];
    for (const { name, script } of workable) failed.push(await runAs(worker, name, script));
    for (const command of servers.length === 0 ? [] : ['true', 'ls / > /dev/null; ps > /dev/null; uname -r'])
      failed.push(await runAs(worker, 'a login', servers[1]!.command(addressOf(2), command)));
    return failed;
  };
  /** What was reported of the worker's processes, and of those that sshd started for him. */
  const reportedOfWorker = async (): Promise<ResultLine[]> => {
    const [, second] = servers;
    const rows = await daemon.query(
      `SELECT process_pid FROM process_telemetry_events WHERE ${everyRow} AND (login_user_uid = ${worker}${
        second === undefined ? '' : ` OR ancestors LIKE '%"pid":${second.pid},%'`
      })`,
    );
    const pids = new Set(rows.map(row => row.process_pid));
    expect(pids.size).toBeGreaterThan(5);
    return lines().filter(({ columns }) => columns.auid === String(worker) || pids.has(columns.pid));
  };

  beforeAll(async () => {
    const extension = await builtExtension();
    directory = mkdtempSync('/var/lib/pack-test-');
    for (const name of ['intruder', 'worker']) mkdirSync(join(directory, name));
    peer = await startPeer();
    await auditIsFree();
    before = await auditState();
    daemon = new DaemonProcess({
      directory: join(directory, 'daemon'),
      every: 1,
      extension,
      schedule: PACKS.map(name => fileURLToPath(new URL(`../../tables/packs/${name}.conf`, import.meta.url))),
      flags: ['--audit_allow_fim_events=true', '--extensions_interval=1', PATIENT],
    });
    if (whyNoSsh === undefined)
      for (const number of [0, 1])
        servers.push(await SshServer.start(join(directory, `ssh-${number}`), peer.port + 1 + number));
    await untilWatched();
    said = (await Promise.all([misbehave(), work()])).flat().filter(text => text !== '');
    const deadline = performance.now() + FOUND_MS;
    while (tried.some(name => found(name).length === 0) && performance.now() < deadline)
      await daemon.moreRuns(LAST_QUERY, 1);
    await daemon.moreRuns(LAST_QUERY, 1);
    ofWorker = await reportedOfWorker();
  }, 150_000);

  afterAll(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
    await daemon?.[Symbol.asyncDispose]();
    peer?.server.close();
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
    if (before !== undefined) expect(await auditState()).toEqual(before);
  });

  test('each is tried', () => {
    expect([...Object.keys(behaviours), LOGIN].sort()).toEqual(detections.map(({ name }) => name).sort());
    expect(said).toEqual([]);
  });

  for (const { name, query } of detections) {
    test(`${name} is found, each row once`, unless(whyNotTried(name)), () => {
      const rows = found(name).map(({ columns }) => JSON.stringify(columns));
      expect(rows.length).toBeGreaterThan(0);
      // What counts events is found again by a run that falls into the middle of them and by the next one.
      if (query.having === undefined) expect(new Set(rows).size).toBe(rows.length);
      else expect(rows.length).toBeLessThanOrEqual(2);
    });
  }

  for (const each of ordinaryWork)
    test(`${each.name} can be done`, unless(whyNoWork(each)), () => {
      expect(workable).toContain(each);
    });

  test('ordinary work is not reported, except the first login from an address', () => {
    const reported = ofWorker.map(({ name, columns }) => [name, columns.cmdline ?? columns.path ?? '']);
    expect(reported.filter(([name]) => !name!.endsWith(LOGIN))).toEqual([]);
    const logins = ofWorker.filter(({ name }) => name.endsWith(LOGIN));
    expect(logins.map(({ columns }) => columns.address)).toEqual(
      whyNoSsh === undefined ? [addressOf(2)] : [],
    );
  });

  test('all queries ran without an error', () => {
    expect(daemon.stderr).not.toMatch(/Error executing scheduled query/);
  });
});
