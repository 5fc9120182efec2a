import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExecutedFile } from '../../src/audit/audit-event.ts';
import { systemClock } from '../../src/model/clock.ts';
import { ModelError } from '../../src/model/model-error.ts';
import type { ExecEvent } from '../../src/model/model-event.ts';
import { KernelProcessConnector } from '../../src/model/process/process-connector.ts';
import { telemetryCounters } from '../../src/model/telemetry-counters.ts';
import {
  createTelemetryModel,
  type TelemetryEvent,
  telemetryFieldNames,
} from '../../src/model/telemetry-model.ts';
import { wallOffset } from '../../src/model/wall-offset.ts';
import { processTelemetryEvents } from '../../tables/process_telemetry_events.ts';
import { unless } from '../unless.ts';
import { exec } from './process-events.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'telemetry-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const sum = (tool: string, path: string) => execFileSync(tool, [path], { encoding: 'utf8' }).split(' ')[0]!;

/** A file as audit records it. */
const record = (path: string): ExecutedFile => {
  const { dev, ino } = statSync(path, { bigint: true });
  const major = (dev >> 8n) & 0xfffn;
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xfff00n);
  return {
    name: path,
    inode: String(ino),
    dev: `${major.toString(16).padStart(2, '0')}:${minor.toString(16).padStart(2, '0')}`,
    mode: '0100755',
    ouid: 0,
    ogid: 0,
  };
};

/** An exec that happened just now. */
const execNow = (facts: Parameters<typeof exec>[0]): ExecEvent => {
  const now = Date.now();
  return { ...exec(facts), seconds: Math.floor(now / 1000), milliseconds: now % 1000 };
};

const live = async (wanted: readonly string[] = processTelemetryEvents.fields) => {
  const emitted: TelemetryEvent[] = [];
  const { model, services } = createTelemetryModel({
    origin: 'live',
    wanted,
    emit: event => emitted.push(event),
    // A busy machine may take its time: this is not about how long.
    limits: { budgetMs: 20_000 },
  });
  await model.start();
  return { emitted, model, services: services! };
};

describe('the Event Model on this host', () => {
  it('fills every field of a process that is running', async () => {
    const path = join(directory, 'sleeper');
    copyFileSync('/bin/sleep', path);
    const { model, emitted } = await live();
    const child = spawn(path, ['60'], { stdio: 'ignore' });
    await once(child, 'spawn');
    try {
      model.offer(
        execNow({
          pid: child.pid!,
          ppid: process.pid,
          auid: 0,
          path,
          argv: [path, '60'],
          files: [record(path)],
        }),
      );
      await model.close();
    } finally {
      child.kill('SIGKILL');
    }
    const { fields } = emitted[0]!;
    const runs = realpathSync('/proc/self/exe');
    const parentIsSmall = statSync(runs).size <= 67_108_864;
    expect(fields).toMatchObject({
      host_name: hostname(),
      user_uid: 0,
      user_name: 'root',
      user_domain: hostname(),
      user_username: 'root',
      login_user_uid: 0,
      login_user_name: 'root',
      login_user_domain: hostname(),
      process_md5: sum('md5sum', '/bin/sleep'),
      process_sha256: sum('sha256sum', '/bin/sleep'),
      process_pid: child.pid,
      process_name: 'sleeper',
      process_path: path,
      process_command_line: `${path} 60`,
      parent_process_pid: process.pid,
      parent_process_name: runs.split('/').at(-1),
      parent_process_path: runs,
      ...(parentIsSmall && { parent_process_sha256: sum('sha256sum', runs) }),
    });
    const started = Date.parse(fields.parent_process_timestamp!);
    expect(Math.abs(started - (Date.now() - process.uptime() * 1000))).toBeLessThan(2000);
    expect(fields.ancestors?.[0]).toMatchObject({ pid: process.pid, path: runs });
  });

  const seesForks = ((): boolean => {
    try {
      const connector = KernelProcessConnector.open();
      let answered = false;
      connector.drain(event => {
        answered ||= event.kind === 'reply' && event.error === 0;
      });
      connector.close();
      return answered;
    } catch {
      return false;
    }
  })();

  it(
    'knows parents that were gone within a millisecond, and never executed anything',
    unless(seesForks ? undefined : 'the process connector cannot be had'),
    async () => {
      const { model, emitted, services } = await live();
      // A shell, a subshell in it that executes nothing, and in that a process that lives no longer than its exec. They
      // tell their pids, and the kernel when they began: what audit would have told.
      const shell = realpathSync('/bin/sh');
      const script =
        'echo $$; ( read -r own _ < /proc/self/stat; echo $own; /bin/sh -c "echo \\$\\$; exec /bin/true"; : ); :';
      const connector = KernelProcessConnector.open();
      const offset = wallOffset(systemClock, () => Number(process.hrtime.bigint()) / 1e6)!;
      const before = Date.now();
      const { stdout, pid } = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
      const [outer, inner, last] = stdout.trim().split('\n').map(Number);
      expect(outer).toBe(pid);
      const created = new Map<number, number>();
      connector.drain(event => {
        if (event.kind === 'fork') created.set(event.pid, event.monotonicMs + offset);
      });
      connector.close();
      const at = (ms: number) => ({ seconds: Math.floor(ms / 1000), milliseconds: ms % 1000 });
      const common = { auid: 0, files: [record(shell)] };
      model.offer({
        ...exec({ pid: outer!, ppid: process.pid, path: shell, argv: ['sh', '-c', script], ...common }),
        ...at(Math.floor(created.get(outer!)!)),
      });
      model.offer({
        ...exec({
          pid: last!,
          ppid: inner!,
          path: '/usr/bin/true',
          argv: ['true'],
          files: [record('/bin/true')],
        }),
        ...at(Math.floor(created.get(last!)!)),
      });
      await model.close();
      expect(services.tree.seesForks).toBe(false);
      const { fields } = emitted[1]!;
      expect(fields).toMatchObject({
        process_pid: last,
        process_sha256: sum('sha256sum', '/bin/true'),
        parent_process_pid: inner,
        parent_process_name: shell.split('/').at(-1),
        parent_process_path: shell,
        parent_process_command_line: `sh -c ${script}`,
        parent_process_md5: sum('md5sum', shell),
        parent_process_sha256: sum('sha256sum', shell),
      });
      expect(fields.ancestors?.map(ancestor => ancestor.pid).slice(0, 3)).toEqual([
        inner,
        outer,
        process.pid,
      ]);
      const started = Date.parse(fields.parent_process_timestamp!);
      expect(started).toBeGreaterThanOrEqual(before - 10);
      expect(Math.abs(started - created.get(inner!)!)).toBeLessThanOrEqual(10);
    },
  );

  const cgroup = `/sys/fs/cgroup/pids/docker/${'ab'.repeat(32)}`;
  const inCgroup = ((): boolean => {
    try {
      mkdirSync(cgroup, { recursive: true });
      return true;
    } catch {
      return false;
    }
  })();
  afterAll(() => {
    if (!inCgroup) return;
    rmdirSync(cgroup);
    rmdirSync(dirname(cgroup));
  });

  it(
    'knows a process in a cgroup named as Docker names them, and its short-lived children',
    unless(inCgroup ? undefined : 'it needs to be in a cgroup'),
    async () => {
      const { model, emitted } = await live();
      const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
      await once(child, 'spawn');
      try {
        writeFileSync(join(cgroup, 'cgroup.procs'), String(child.pid));
        model.offer(execNow({ pid: child.pid!, ppid: process.pid, path: '/bin/sleep' }));
        model.offer(execNow({ pid: 4_194_305, ppid: child.pid!, path: '/bin/true' }));
        await model.close();
      } finally {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      const container = { container_id: 'ab'.repeat(32), container_runtime: 'docker' };
      expect(emitted.map(({ fields }) => fields)).toMatchObject([container, container]);
    },
  );

  it('counts what it does, as plain data', async () => {
    const { model, services } = await live();
    model.offer(execNow({ pid: 4_194_305, path: '/nonexistent', files: [record('/bin/true')] }));
    await model.close();
    const counters = structuredClone(telemetryCounters({ model, services }));
    expect(counters).toMatchObject({
      offered: 1,
      emitted: 1,
      inFlight: 0,
      failed: 0,
      slow: 0,
      overflowed: 0,
    });
    expect(counters.sources.hash).toMatchObject({ asked: 1, failed: 0 });
    expect(counters.live).toMatchObject({ hashes: { notFound: 1 }, processesForgotten: 0 });
    expect(counters.live!.processes).toBeGreaterThan(0);
  });

  it('has no names for a uid without an account', async () => {
    const { model, emitted } = await live();
    model.offer(execNow({ uid: 3_999_999_999, auid: 3_999_999_998 }));
    await model.close();
    const { fields } = emitted[0]!;
    expect(fields).toMatchObject({ user_uid: 3_999_999_999, login_user_uid: 3_999_999_998 });
    for (const name of [
      'user_name',
      'user_domain',
      'user_username',
      'login_user_name',
      'login_user_domain',
    ] as const) {
      expect(fields[name]).toBeUndefined();
    }
  });

  it('asks only for what is wanted', async () => {
    const { model, emitted } = await live(['process_path']);
    model.offer(execNow({ path: '/bin/true' }));
    expect(emitted[0]!.fields).toMatchObject({ process_path: '/bin/true' });
    expect([...model.sources.keys()]).toEqual(['audit']);
    await model.close();
  });
});

describe('the Event Model on recorded events', () => {
  it('adds nothing of this host', async () => {
    const emitted: TelemetryEvent[] = [];
    const { model, services } = createTelemetryModel({
      origin: 'replay',
      wanted: processTelemetryEvents.fields,
      emit: event => emitted.push(event),
    });
    await model.start();
    model.offer(
      exec({
        pid: process.pid,
        ppid: 1,
        uid: 0,
        auid: 0,
        path: '/bin/sh',
        argv: ['sh'],
        files: [record('/bin/sh')],
      }),
    );
    model.offer(exec({ pid: 77, ppid: process.pid, at: 5, path: '/bin/ls', argv: ['ls'] }));
    await model.close();
    expect(services).toBeUndefined();
    expect(emitted[0]!.fields).toMatchObject({ process_path: '/bin/sh', parent_process_pid: 1 });
    for (const name of [
      'host_name',
      'user_name',
      'process_sha256',
      'parent_process_path',
      'container_id',
    ] as const) {
      expect(emitted[0]!.fields[name]).toBeUndefined();
    }
    // One event tells of another's parent.
    expect(emitted[1]!.fields).toMatchObject({
      parent_process_timestamp: '2024-05-21T12:00:00.000Z',
      parent_process_path: '/bin/sh',
      parent_process_command_line: 'sh',
    });
  });
});

describe('telemetryFieldNames', () => {
  it('takes every field of the table, and others that sources have', () => {
    expect(telemetryFieldNames(processTelemetryEvents.fields)).toEqual(processTelemetryEvents.fields);
    expect(telemetryFieldNames(['process_cgroup', 'process_cgroup'])).toEqual(['process_cgroup']);
  });

  it('names the field that does not exist', () => {
    expect(() => telemetryFieldNames(['process_pid', 'nonsense'])).toThrow(ModelError);
    expect(() => telemetryFieldNames(['nonsense'])).toThrow(/^no field 'nonsense'; there are: timestamp, /);
  });
});
