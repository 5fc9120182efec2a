import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { processTelemetryEvents } from '../../tables/process_telemetry_events.ts';
import { unless } from '../unless.ts';
import { type AuditState, auditIsFree, auditState, whyNotLive } from './kernel-audit.ts';
import { type JsonRow, LiveShell } from './live-shell.ts';
import { programUnderTest } from './program-under-test.ts';

/** What the shell prints of NULL in JSON. */
const NULL = '';
/** What is looked up after the row is there. */
const LOOKED_UP = { timeout: 5_000, interval: 50 };
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const COLUMNS = [...processTelemetryEvents.fields, 'eid'].join(', ');

const sum = (program: 'md5sum' | 'sha256sum', path: string): string =>
  execFileSync(program, [path], { encoding: 'utf8' }).split(' ')[0]!;

/** The file behind a name in PATH, and behind any wrapper script of that name. */
const interpreter = ():
  | { readonly path: string; readonly start: (sh: string) => readonly string[] }
  | undefined => {
  const python = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
  if (python.status === 0) {
    return {
      path: realpathSync(python.stdout.trim()),
      start: sh => ['-c', `import os; os.posix_spawn("/bin/sh", ${sh}, os.environ); os._exit(0)`],
    };
  }
  if (!existsSync('/usr/bin/perl')) return undefined;
  return {
    path: realpathSync('/usr/bin/perl'),
    start: sh => [
      '-e',
      `my $argv = ${sh}; if (!fork) { exec { "/bin/sh" } @$argv; } use POSIX; POSIX::_exit(0)`,
    ],
  };
};

/** A hierarchy of cgroups in which groups can be made; undefined if there is none. */
const writableCgroups = (): string | undefined =>
  ['/sys/fs/cgroup/unified', '/sys/fs/cgroup/pids', '/sys/fs/cgroup'].find(root => {
    if (!existsSync(join(root, 'cgroup.procs'))) return false;
    try {
      mkdirSync(join(root, 'live-test-probe'));
      rmdirSync(join(root, 'live-test-probe'));
      return true;
    } catch {
      return false;
    }
  });

describe('telemetry of the live kernel', unless(whyNotLive), () => {
  let scratch: string;
  let shell: LiveShell;
  let before: AuditState;

  beforeAll(async () => {
    scratch = mkdtempSync(`${tmpdir()}/live-telemetry-`);
    chmodSync(scratch, 0o755);
    await auditIsFree();
    before = await auditState();
    shell = await LiveShell.start('--events_max=5000', '--audit_allow_sockets');
  }, 90_000);

  afterAll(async () => {
    expect(await shell.end()).toBe(0);
    rmSync(scratch, { recursive: true });
    expect(await auditState()).toEqual(before);
  });

  const rowsWith = (marker: string, columns = COLUMNS): Promise<JsonRow[]> =>
    shell.query(
      `SELECT ${columns} FROM process_telemetry_events WHERE process_command_line LIKE '%${marker}%' ORDER BY eid`,
    );

  const top = interpreter();
  test(
    'a tree whose parents are gone at once: each of the 21 fields of each row',
    unless(top === undefined ? 'neither python3 nor perl is here' : undefined),
    async () => {
      const script = `${scratch}/script.sh`;
      // Each hands its own pid down, leaves its child behind, and ends.
      writeFileSync(script, '#!/bin/sh\n/bin/true tree-check "$$" &\nexit 0\n', { mode: 0o755 });
      const argv = JSON.stringify(['sh', '-c', `${script} tree-check "$$" &`]);
      const started = Date.now();
      const { pid, status } = spawnSync(top!.path, top!.start(argv));
      expect(status).toBe(0);
      const rows = await rowsWith('tree-check');

      const sh = realpathSync('/bin/sh');
      const true_ = realpathSync('/bin/true');
      const images = [top!.path, sh, sh, true_];
      expect(rows.map(({ process_path }) => process_path)).toEqual(images);
      expect(rows[0]).toMatchObject({
        process_pid: String(pid),
        parent_process_pid: String(process.pid),
        parent_process_path: realpathSync(process.execPath),
        parent_process_name: 'node',
      });
      // The last argument is the parent's pid as the parent knew it.
      const lastWord = (row: JsonRow) => row.process_command_line!.split(' ').at(-1);
      expect(lastWord(rows[2]!)).toBe(rows[1]!.process_pid);
      expect(lastWord(rows[3]!)).toBe(rows[2]!.process_pid);
      expect(rows.slice(1).map(({ process_command_line }) => process_command_line)).toEqual([
        `sh -c ${script} tree-check "$$" &`,
        `/bin/sh ${script} tree-check ${rows[1]!.process_pid}`,
        `/bin/true tree-check ${rows[2]!.process_pid}`,
      ]);
      for (const [i, row] of rows.entries()) {
        expect(row).toMatchObject({
          host_name: hostname(),
          user_uid: '0',
          user_name: 'root',
          user_domain: hostname(),
          user_username: 'root',
          process_md5: sum('md5sum', images[i]!),
          process_sha256: sum('sha256sum', images[i]!),
        });
        expect(row.timestamp).toMatch(ISO);
        expect(Date.parse(row.timestamp!)).toBeGreaterThan(started - 100);
        expect(Date.parse(row.timestamp!)).toBeLessThan(Date.now());
        const loginuid = readFileSync('/proc/self/loginuid', 'utf8');
        expect(row.login_user_uid).toBe(loginuid === '4294967295' ? NULL : loginuid);
        if (i === 0) continue;
        const parent = rows[i - 1]!;
        expect(row).toMatchObject({
          parent_process_pid: parent.process_pid,
          parent_process_path: parent.process_path,
          parent_process_md5: parent.process_md5,
          parent_process_sha256: parent.process_sha256,
          parent_process_timestamp: parent.process_start_timestamp,
          parent_process_command_line: parent.process_command_line,
        });
        expect(row.parent_process_timestamp).toMatch(ISO);
      }
      expect(rows.map(row => row.process_name)).toEqual(images.map(path => basename(path)));
      expect(rows.slice(1).map(row => row.parent_process_name)).toEqual(
        rows.slice(0, 3).map(row => row.process_name),
      );
    },
  );

  test('a child of a subshell whose own parent went on as another program', async () => {
    const rounds = 20;
    for (let i = 0; i < rounds; i++) {
      // As the entry points of containers do. The fork and the exec are within one step of audit's clock.
      execFileSync('/bin/sh', ['-c', '( /bin/true entry-check; : ) & exec /bin/sleep 0.02']);
    }
    const rows = await rowsWith('/bin/true entry-check', 'parent_process_path, process_command_line');
    const parents = rows
      .filter(row => row.process_command_line === '/bin/true entry-check')
      .map(row => row.parent_process_path);
    expect(parents).toEqual(Array.from({ length: rounds }, () => realpathSync('/bin/sh')));
  });

  test.each(['renamed over', 'written over'])(
    'a binary that is %s right after it ran: the old hash or none',
    async way => {
      const rounds = 20;
      const old = sum('sha256sum', '/bin/true');
      for (let i = 0; i < rounds; i++) {
        const program = `${scratch}/replaced-${way.split(' ')[0]}-${i}`;
        copyFileSync('/bin/true', program);
        copyFileSync('/bin/false', `${program}.new`);
        execFileSync(program, [`${way.replace(' ', '-')}-check`]);
        if (way === 'renamed over') renameSync(`${program}.new`, program);
        else copyFileSync(`${program}.new`, program);
      }
      const hashes = (await rowsWith(`${way.replace(' ', '-')}-check`)).map(row => row.process_sha256);
      expect(hashes).toHaveLength(rounds);
      expect(hashes.filter(hash => hash !== old && hash !== NULL)).toEqual([]);
    },
  );

  test('a user id without account has no names', async () => {
    spawnSync('/bin/true', ['no-account-check'], { uid: 54_321, gid: 54_321 });
    expect(await rowsWith('no-account-check')).toMatchObject([
      { user_uid: '54321', user_name: NULL, user_domain: NULL, user_username: NULL },
    ]);
  });

  test('a login user id that is set has its account', async () => {
    const { uid } = userNamed('daemon');
    const set = spawnSync('/bin/sh', ['-c', `echo ${uid} > /proc/self/loginuid && /bin/true login-check`]);
    expect(String(set.stderr)).toBe('');
    expect((await rowsWith('login-check')).at(-1)).toMatchObject({
      process_path: realpathSync('/bin/true'),
      login_user_uid: uid,
      login_user_name: 'daemon',
      login_user_domain: hostname(),
      user_name: 'root',
    });
  });

  const cgroups = writableCgroups();
  describe('containers', unless(cgroups === undefined ? 'no cgroup can be made here' : undefined), () => {
    const id = 'c0ffee00'.repeat(8);
    const pod = '0a1b2c3d-0001-0002-0003-00000000abcd';
    const slice = `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${pod.replaceAll('-', '_')}.slice`;

    test.each([
      ['docker', `system.slice/docker-${id}.scope`, NULL],
      ['docker', `docker/${id}`, NULL],
      ['containerd', `${slice}/cri-containerd-${id}.scope`, pod],
      ['cri-o', `${slice}/crio-${id}.scope`, pod],
    ])('a process in a cgroup as %s names it (%s) has its id', async (runtime, path, podUid) => {
      const marker = `container-check-${path.replaceAll(/\W/g, '').length}-${runtime}`;
      const group = join(cgroups!, 'live-test', path);
      mkdirSync(group, { recursive: true });
      try {
        // As runtimes do: into the group first, then the program. Its child is too short-lived for /proc.
        const inside = `/bin/true ${marker}; sleep 0.1`;
        execFileSync('/bin/sh', ['-c', `echo $$ > ${group}/cgroup.procs && exec /bin/sh -c '${inside}'`]);
        const rows = await rowsWith(marker);
        expect(rows.slice(1).map(row => row.process_name)).toEqual([
          basename(realpathSync('/bin/sh')),
          'true',
        ]);
        for (const row of rows.slice(1)) {
          expect(row).toMatchObject({ container_id: id, container_runtime: runtime, pod_uid: podUid });
        }
        const late = await shell.query(
          `SELECT container_id FROM process_events WHERE cmdline = '/bin/true ${marker}'`,
        );
        expect(late).toEqual([{ container_id: id }]);
      } finally {
        for (let at = path; at !== '.'; at = join(at, '..')) rmdirSync(join(cgroups!, 'live-test', at));
        rmdirSync(join(cgroups!, 'live-test'));
      }
    });
  });

  test(
    'a program in memory is hashed while it runs',
    unless(existsSync('/usr/bin/perl') ? undefined : 'there is no perl'),
    async () => {
      const memfd = process.arch === 'arm64' ? 279 : 319;
      const program = `my $name = "prog\\0"; my $fd = syscall(${memfd}, $name, 0); open(my $f, ">&=", $fd); binmode $f;
        open(my $s, "<", "/bin/sleep"); binmode $s; local $/; print {$f} readline($s); $f->flush;
        exec { "/proc/self/fd/$fd" } "sleep", "30.25"`;
      const child = spawn('/usr/bin/perl', ['-MIO::Handle', '-e', program], { stdio: 'ignore' });
      const executed = async () => readlinkSync(`/proc/${child.pid}/exe`).startsWith('/memfd:');
      await expect.poll(executed, LOOKED_UP).toBe(true);
      const [row] = await rowsWith('sleep 30.25', 'process_path, process_sha256');
      child.kill();
      expect(row).toEqual({
        process_path: '/memfd:prog (deleted)',
        process_sha256: sum('sha256sum', '/bin/sleep'),
      });
    },
  );

  test('rows are in the order of the events, and so are their numbers', async () => {
    for (let i = 0; i < 60; i++) execFileSync('/bin/true', [`order-check-${i}-`]);
    const rows = await rowsWith('order-check-');
    expect(rows.map(row => row.process_command_line)).toEqual(
      Array.from({ length: 60 }, (_, i) => `/bin/true order-check-${i}-`),
    );
    const eids = rows.map(row => Number(row.eid));
    expect(eids).toEqual([...new Set(eids)].sort((a, b) => a - b));
  });

  test('the late columns of process_events', async () => {
    execFileSync('/bin/sh', ['-c', '/bin/true late-check; :']);
    expect(await lateColumns(shell, '/bin/true late-check')).toEqual([
      {
        parent_path: realpathSync('/bin/sh'),
        parent_cmdline: '/bin/sh -c /bin/true late-check; :',
        container_id: NULL,
        username: 'root',
        sha256: sum('sha256sum', '/bin/true'),
      },
    ]);
  });

  test('the local end of a connection; one that is closed keeps its row', async () => {
    // Not by this process: one that was there before audit was first enabled since boot is not audited.
    const client = spawn('/usr/bin/perl', [
      '-e',
      'use Socket; $| = 1; socket(my $l, AF_INET, SOCK_STREAM, 0); bind($l, pack_sockaddr_in(0, INADDR_LOOPBACK)); listen($l, 1); socket(my $c, AF_INET, SOCK_STREAM, 0); connect($c, getsockname($l)) or die $!; print join(" ", map { (unpack_sockaddr_in($_))[0] } getpeername($c), getsockname($c)), "\\n"; <STDIN>',
    ]);
    const [ports] = await once(client.stdout.setEncoding('utf8'), 'data');
    const [port, localPort] = String(ports).trim().split(' ');
    try {
      const rows = () =>
        shell.query(
          `SELECT action, protocol, local_address, local_port FROM socket_events WHERE pid = ${client.pid} AND remote_port = ${port}`,
        );
      const row = { action: 'connect', protocol: '6', local_address: '127.0.0.1', local_port: localPort };
      await expect.poll(rows, LOOKED_UP).toEqual([row]);
      const found = await shell.query(`SELECT action FROM socket_events WHERE local_port = ${localPort}`);
      expect(found).toEqual([{ action: 'connect' }]);
    } finally {
      client.stdin.end();
    }
    // Closed before anybody can look: the row stands, without.
    execFileSync('/usr/bin/perl', [
      '-e',
      'use Socket; socket(my $s, AF_INET, SOCK_DGRAM, 0); connect($s, pack_sockaddr_in(53, inet_aton("127.0.0.77")))',
    ]);
    const [gone] = await shell.query(
      "SELECT status, local_port, local_address FROM socket_events WHERE remote_address = '127.0.0.77'",
    );
    expect(gone).toMatchObject({ status: 'succeeded' });
  });

  test('the local end of UDP and IPv6', async () => {
    const ends = execFileSync('python3', ['-c', CONNECT_AND_STAY], { encoding: 'utf8', input: '' });
    const rows = () =>
      shell.query(
        'SELECT protocol, family, local_address, local_port FROM socket_events ' +
          "WHERE action = 'connect' AND remote_port IN (5301, 5302, 5303) ORDER BY remote_port",
      );
    const [udp, udp6, tcp6] = JSON.parse(ends) as string[];
    await expect.poll(rows, LOOKED_UP).toEqual([
      { protocol: '17', family: '2', local_address: '127.0.0.1', local_port: udp },
      { protocol: '17', family: '10', local_address: '::1', local_port: udp6 },
      { protocol: '6', family: '10', local_address: '::1', local_port: tcp6 },
    ]);
  });

  test('nothing was lost, and the counters say so', async () => {
    const status = async () => (await shell.query('SELECT * FROM audit_status'))[0]!;
    // The counters of the worker come with its next report.
    await expect
      .poll(async () => Number((await status()).socket_lookups_found), { timeout: 10_000 })
      .toBeGreaterThan(0);
    const now = await status();
    expect(now).toMatchObject({
      telemetry_overflowed: '0',
      telemetry_source_failures: '0',
      socket_lookups_failed: '0',
      kernel_lost: '0',
      process_connector_overruns: '0',
    });
    expect(Number(now.telemetry_events)).toBeGreaterThan(100);
  });
});

/** Connects over UDP, UDP on IPv6, TCP on IPv6; prints the local ports, and keeps the connections for a while. */
const CONNECT_AND_STAY = `
import socket, json, time
server = socket.create_server(("::1", 5303), family=socket.AF_INET6)
ends = [socket.socket(f, k) for f, k in
  ((socket.AF_INET, socket.SOCK_DGRAM), (socket.AF_INET6, socket.SOCK_DGRAM), (socket.AF_INET6, socket.SOCK_STREAM))]
for end, to in zip(ends, (("127.0.0.1", 5301), ("::1", 5302), ("::1", 5303))): end.connect(to)
print(json.dumps([str(end.getsockname()[1]) for end in ends]))
time.sleep(0.3)
`;

const userNamed = (name: string): { readonly uid: string } => ({
  uid: execFileSync('id', ['-u', name], { encoding: 'utf8' }).trim(),
});

const lateColumns = (shell: LiveShell, cmdline: string): Promise<JsonRow[]> =>
  shell.query(
    `SELECT parent_path, parent_cmdline, container_id, username, sha256 FROM process_events WHERE cmdline = '${cmdline}'`,
  );

describe('with telemetry off', unless(whyNotLive), () => {
  test('the late columns are filled from the first query on that asks, and nothing before', async () => {
    await auditIsFree();
    await using shell = await LiveShell.start('--custom_audit_telemetry=false', '--audit_allow_sockets');
    execFileSync('/bin/true', ['before-the-question']);
    const [unasked] = await shell.query('SELECT telemetry_events, files_hashed FROM audit_status');
    expect(unasked).toEqual({ telemetry_events: NULL, files_hashed: NULL });
    const empty = {
      parent_path: NULL,
      parent_cmdline: NULL,
      container_id: NULL,
      username: NULL,
      sha256: NULL,
    };
    const nameOf = (cmdline: string) =>
      shell.query(`SELECT username FROM process_events WHERE cmdline = '${cmdline}'`);
    expect(await nameOf('/bin/true before-the-question')).toEqual([{ username: NULL }]);
    // The question starts the model, which takes a busy machine a moment.
    const nameOfNext = () => {
      execFileSync('/bin/true', ['with-a-name-only']);
      return nameOf('/bin/true with-a-name-only').then(rows => rows.at(-1));
    };
    await expect.poll(nameOfNext, { timeout: 20_000 }).toEqual({ username: 'root' });
    // Nobody has asked for a hash.
    expect(await shell.query('SELECT files_hashed FROM audit_status')).toEqual([{ files_hashed: '0' }]);
    expect(await lateColumns(shell, '/bin/true before-the-question')).toEqual([empty]);
    // More is asked for now: the model starts again, with hashes.
    const lateOfNext = () => {
      execFileSync('/bin/sh', ['-c', '/bin/true after-the-question; :']);
      return lateColumns(shell, '/bin/true after-the-question').then(rows => rows.at(-1));
    };
    await expect.poll(lateOfNext, { timeout: 20_000 }).toEqual({
      ...empty,
      parent_path: realpathSync('/bin/sh'),
      parent_cmdline: '/bin/sh -c /bin/true after-the-question; :',
      username: 'root',
      sha256: sum('sha256sum', '/bin/true'),
    });
    expect(await shell.query('SELECT * FROM process_telemetry_events')).toEqual([]);
  }, 90_000);
});

describe('the stream', unless(whyNotLive), () => {
  /** A shell pipeline with the stream at its head. */
  const startPipeline = async (command: string): Promise<ChildProcess> => {
    const { file, args } = await programUnderTest();
    const pipeline = spawn('/bin/sh', ['-c', command], {
      env: { ...process.env, STREAM: [file, ...args, 'stream'].join(' ') },
    });
    for (let tries = 0; tries < 400; tries++) {
      const { status } = await auditState();
      if (status.pid !== 0 && status.enabled === 1) break;
      await sleep(50);
    }
    await sleep(200);
    return pipeline;
  };
  const collect = (stream: NodeJS.ReadableStream): { text: string } => {
    const all = { text: '' };
    stream.setEncoding('utf8').on('data', text => {
      all.text += text;
    });
    return all;
  };

  let before: AuditState;
  beforeAll(async () => {
    await auditIsFree();
    before = await auditState();
  }, 90_000);

  test('writes a line of JSON for each event, whatever is in it', async () => {
    const pipeline = await startPipeline('exec $STREAM');
    const out = collect(pipeline.stdout!);
    const odd = ['stream-check', 'new\nline', '"quoted"', 'Grüße ☃ 𝄞', '', '\u2028'];
    execFileSync('/bin/true', odd);
    execFileSync('/bin/sh', ['-c', String.raw`exec /bin/true stream-check "$(printf '\377\376')"`]);
    await sleep(600);
    pipeline.kill('SIGTERM');
    expect((await once(pipeline, 'exit'))[0]).toBe(0);
    expect(out.text.endsWith('\n')).toBe(true);
    const events = out.text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line));
    const ours = events.filter(event => event.argv?.[1] === 'stream-check');
    expect(ours[0]).toMatchObject({
      argv: ['/bin/true', ...odd],
      process_path: realpathSync('/bin/true'),
      user_uid: 0,
      user_name: 'root',
      process_sha256: sum('sha256sum', '/bin/true'),
      parent_process_pid: process.pid,
    });
    expect(ours[1].argv[2]).toBe(String.raw`\xFF\xFE`);
    expect(await auditState()).toEqual(before);
  });

  test('ends cleanly when its reader has had enough', async () => {
    const pipeline = await startPipeline('{ $STREAM; echo "status $?" >&2; } | head -1');
    const out = collect(pipeline.stdout!);
    const error = collect(pipeline.stderr!);
    let exited = false;
    pipeline.once('exit', () => {
      exited = true;
    });
    for (let tries = 0; tries < 100 && !exited; tries++) {
      execFileSync('/bin/true', ['head-check']);
      await sleep(100);
    }
    expect(exited).toBe(true);
    expect(JSON.parse(out.text)).toHaveProperty('process_path');
    expect(error.text).toBe('status 0\n');
    expect(await auditState()).toEqual(before);
  });

  test('stays bounded and counts what a reader that stands still does not take', async () => {
    const pipeline = await startPipeline('$STREAM --fields process_command_line');
    const error = collect(pipeline.stderr!);
    // Nobody reads: a pipe's worth, then what the queue holds, then no more.
    const long = 'x'.repeat(100_000);
    const count = 400;
    for (let i = 0; i < count; i++) execFileSync('/bin/true', ['slow-check', long]);
    await sleep(800);
    const streamPid = (await auditState()).status.pid;
    const rss = Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${streamPid}/status`, 'utf8'))?.[1]);
    // Kilobytes; the events that were left out alone are more than half of what is allowed here.
    expect(rss).toBeLessThan(400_000);
    const out = collect(pipeline.stdout!);
    await sleep(500);
    process.kill(streamPid, 'SIGTERM');
    await once(pipeline, 'exit');
    const written = out.text.split('\n').filter(line => line.includes('slow-check'));
    for (const line of written) JSON.parse(line);
    const dropped = Number(/too slow: \d+ events were left out \((\d+) in all\)/.exec(error.text)?.[1]);
    expect(dropped).toBeGreaterThan(0);
    expect(written.length + dropped).toBeGreaterThanOrEqual(count);
    expect(await auditState()).toEqual(before);
  }, 60_000);
});
