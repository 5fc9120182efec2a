import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PluginRow } from 'osquery-extension-ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LIVE_CAPABILITIES } from '../../src/cli/needed-capabilities.ts';
import { type Capability, capabilityMask, parseThreadStatus } from '../../src/runtime/capabilities.ts';
import { childrenOf } from '../bench/process-usage.ts';
import { unless } from '../unless.ts';
import { type AuditState, auditIsFree, auditState, whyNotLive } from './kernel-audit.ts';
import { Neighbour } from './neighbour.ts';
import { programUnderTest } from './program-under-test.ts';
import { untilSaved } from './state-files.ts';
import { SupervisedExtension } from './supervised-extension.ts';

const NOBODY = 65534;
/** Nobody's name: NSS has to be asked. */
const NAMELESS = 54321;
/** For an event to become a row with all that is looked up. */
const PATIENCE = { timeout: 10_000, interval: 20 };

const KEPT = capabilityMask(Object.keys(LIVE_CAPABILITIES) as Capability[]);

const threadsOf = (pid: number) =>
  readdirSync(`/proc/${pid}/task`).map(id => {
    const status = readFileSync(`/proc/${pid}/task/${id}/status`, 'latin1');
    return { name: /^Name:\t(.*)$/m.exec(status)![1]!, status, privileges: parseThreadStatus(status)! };
  });

const lookersOf = (pid: number): readonly number[] =>
  childrenOf(pid).filter(child => {
    try {
      return threadsOf(child).some(({ name }) => name.startsWith('audit-look'));
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });

describe('an extension that has given up its privileges', unless(whyNotLive), () => {
  let directory: string;
  let before: AuditState;
  let extension: SupervisedExtension;

  // One for all of them: each leaves it running, and audit is as it was when the last has ended.
  beforeAll(async () => {
    await auditIsFree();
    before = await auditState();
    directory = mkdtempSync(join(tmpdir(), 'live-privileges-'));
    chmodSync(directory, 0o755);
    extension = await SupervisedExtension.start({
      audit_allow_config: 'true',
      audit_allow_sockets: 'true',
      events_max: '5000',
      // On a busy machine hashing takes longer than people would wait.
      custom_audit_telemetry_budget_ms: '10000',
      custom_audit_grace_ms: '2000',
      custom_audit_state_dir: join(directory, 'state'),
    });
  }, 90_000);
  afterAll(async () => {
    await extension[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
    expect(await auditState()).toEqual(before);
  });

  const rows = async (table: string, isMeant: (row: PluginRow) => boolean): Promise<PluginRow[]> => {
    await extension.settled();
    return (await extension.core.generate(table)).filter(isMeant);
  };

  /** A program that only its owner may reach and read. */
  const privateProgram = (uid: number, name: string): string => {
    const home = join(directory, `home-${name}`);
    mkdirSync(home, { mode: 0o700 });
    const path = join(home, name);
    copyFileSync('/bin/true', path);
    chmodSync(path, 0o700);
    chownSync(path, uid, uid);
    chownSync(home, uid, uid);
    return path;
  };

  test('holds what it needs, in each of its threads, and nothing else', async () => {
    execFileSync('/bin/true', ['hash me']);
    await extension.settled();
    const threads = threadsOf(extension.pid);
    // Node's own, the readers' of files, and the ingest worker.
    expect(threads.length).toBeGreaterThan(8);
    for (const { name, privileges } of threads) {
      const { permitted, effective, bounding, noNewPrivileges } = privileges;
      expect({ name, permitted, effective, bounding, noNewPrivileges }).toEqual({
        name,
        permitted: KEPT,
        effective: KEPT,
        bounding: KEPT,
        noNewPrivileges: true,
      });
    }
    const main = threads.find(({ status }) => status.includes(`\nPid:\t${extension.pid}\n`))!;
    // What the programs that it runs are started with.
    expect(main.privileges).toMatchObject({ inheritable: 0n, ambient: 0n });
    expect(main.status).toContain('\nUmask:\t0077\n');
    expect(extension.stderr).toBe('');
  }, 60_000);

  test('gives those that look at files for it the sight of others, and nothing else', async () => {
    // One for images, one for hashes. Other children end soon, such as the one that loads BPF programs.
    await expect.poll(() => lookersOf(extension.pid), { timeout: 20_000 }).toHaveLength(2);
    const lookers = lookersOf(extension.pid);
    const sight = capabilityMask(['CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH']);
    for (const { name, privileges } of lookers.flatMap(threadsOf)) {
      const { permitted, effective, noNewPrivileges } = privileges;
      expect({ name, permitted, effective, noNewPrivileges }).toEqual({
        name,
        permitted: sight,
        effective: sight,
        noNewPrivileges: true,
      });
    }
    // They end with it, however it ends.
    await extension.end('SIGKILL');
    await expect
      .poll(() => lookers.filter(pid => existsSync(`/proc/${pid}`)), { timeout: 5_000 })
      .toEqual([]);
    await extension.start();
  }, 60_000);

  test('has room for a burst, beyond what ordinary programs may ask for', () => {
    const limit = Number(readFileSync('/proc/sys/net/core/rmem_max', 'latin1'));
    const sockets = spawnSync('ss', ['--family=netlink', '--memory'], { encoding: 'utf8' });
    if (sockets.status !== 0) return;
    const sizes = [...sockets.stdout.matchAll(/ audit:\S+ .*,rb(\d+),/g)].map(([, size]) => Number(size));
    // The kernel doubles what is asked for.
    expect(Math.max(...sizes)).toBeGreaterThan(2 * limit);
  });

  test("hashes other users' programs, names them, and finds the ends of their connections", async () => {
    const programs = [NOBODY, NAMELESS].map(uid => ({ uid, path: privateProgram(uid, `of-${uid}`) }));
    // A file that is as young as its execution may be another one by now, and has no hash.
    await sleep(100);
    for (const { uid, path } of programs) {
      expect(spawnSync(path, ['privileged'], { uid, gid: uid }).status).toBe(0);
    }
    const server = createServer(socket => socket.resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const client = spawn(
      process.execPath,
      [
        '-e',
        `const s = require('net').connect(${port}, '127.0.0.1', () => console.log(s.localPort)); s.resume()`,
      ],
      { uid: NOBODY, gid: NOBODY, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      const [printed] = await once(client.stdout, 'data');
      const connects = () => rows('socket_events', row => row.remote_port === String(port));
      // Its local end is looked up when the row is there already.
      await expect.poll(connects, PATIENCE).toMatchObject([
        {
          action: 'connect',
          pid: String(client.pid),
          protocol: '6',
          local_address: '127.0.0.1',
          local_port: String(printed).trim(),
        },
      ]);
    } finally {
      client.kill();
      server.close();
    }

    const sha256 = execFileSync('sha256sum', ['/bin/true'], { encoding: 'utf8' }).split(' ')[0];
    const telemetry = () =>
      rows('process_telemetry_events', row => (row.process_command_line ?? '').endsWith(' privileged'));
    await expect.poll(telemetry, PATIENCE).toMatchObject([
      { user_uid: String(NOBODY), user_name: 'nobody', process_sha256: sha256 },
      { user_uid: String(NAMELESS), process_sha256: sha256 },
    ]);
    // getent was run, and answered.
    expect(await extension.status()).toMatchObject({
      telemetry_source_failures: '0',
      state_write_failures: '0',
    });
    // The client itself was there for long enough to be looked at: its program by the link in /proc.
    const [client_] = await rows('process_events', row => row.pid === String(client.pid));
    expect(client_).toMatchObject({ path: process.execPath });
    expect(extension.stderr).toBe('');
  }, 60_000);

  test('changes its rules, gives the stream away and takes it back', async () => {
    const rules = (await auditState()).rules;
    extension.core.options.set('audit_allow_sockets', 'false');
    await expect.poll(async () => (await auditState()).rules, { timeout: 10_000 }).toBeLessThan(rules);
    extension.core.options.set('audit_allow_sockets', 'true');
    await expect.poll(async () => (await auditState()).rules, { timeout: 10_000 }).toBe(rules);

    extension.core.options.set('audit_persist', 'false');
    await sleep(2_000);
    const neighbour = await Neighbour.start();
    expect(neighbour.answer).toMatch(/^refused/);
    await neighbour.end();
    await expect.poll(async () => (await extension.status()).mode, { timeout: 10_000 }).toBe('multicast');
    execFileSync('/bin/true', ['by-multicast']);
    expect(await rows('process_events', row => row.cmdline === '/bin/true by-multicast')).toHaveLength(1);
    await expect.poll(async () => (await extension.status()).mode, { timeout: 30_000 }).toBe('unicast');
  }, 90_000);

  test('takes over what it kept before a kill', async () => {
    execFileSync('/bin/true', ['kept']);
    await untilSaved(join(directory, 'state'), '/bin/true kept');
    await extension.end('SIGKILL');
    await extension.start();
    expect(await rows('process_events', row => row.cmdline === '/bin/true kept')).toHaveLength(1);
    expect(await extension.status()).toMatchObject({ state_bytes_lost: '0', state_write_failures: '0' });
  }, 60_000);
});

describe('a stream', unless(whyNotLive), () => {
  test('gives up its privileges as well', async () => {
    await auditIsFree();
    const before = await auditState();
    const { file, args } = await programUnderTest();
    const stream = spawn(file, [...args, 'stream'], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await expect
        .poll(async () => (await auditState()).status, { timeout: 20_000 })
        .toMatchObject({
          pid: stream.pid,
          enabled: 1,
        });
      const line = once(stream.stdout, 'data');
      execFileSync('/bin/true');
      await line;
      for (const { privileges } of threadsOf(stream.pid!)) {
        expect(privileges).toMatchObject({ effective: KEPT, permitted: KEPT, bounding: KEPT });
      }
    } finally {
      const ended = once(stream, 'exit');
      stream.kill();
      await ended;
    }
    expect(await auditState()).toEqual(before);
  }, 90_000);
});
