import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { createNetlink } from 'netlink';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { NETLINK_AUDIT, NLM_F_REQUEST } from '../../src/audit/constants.ts';
import { documentedTables } from '../../tables/facts/index.ts';
import { IO_URING } from '../record/io-uring.ts';
import { unless } from '../unless.ts';
import { auditIsFree, auditState, whyNotLive } from './kernel-audit.ts';
import { whyNotUring } from './kernel-version.ts';
import { LiveShell } from './live-shell.ts';

/** Connects to a server whose queue is full, and has itself interrupted. Prints the errno, the descriptor and the port. */
const INTERRUPTED = `
  use Socket;
  socket(my $l, AF_INET, SOCK_STREAM, 0);
  bind($l, pack_sockaddr_in(0, INADDR_LOOPBACK));
  listen($l, 0);
  my $to = getsockname $l;
  my @waiting = map { socket(my $c, AF_INET, SOCK_STREAM | 2048, 0); connect($c, $to); $c } 1 .. 8; # SOCK_NONBLOCK
  $SIG{USR1} = sub { $seen = 1 };
  my $parent = $$;
  fork or do { do { kill USR1 => $parent; select undef, undef, undef, 0.05 } while getppid == $parent; exit };
  socket(my $s, AF_INET, SOCK_STREAM, 0);
  print connect($s, $to) ? 0 : $! + 0, " ", fileno $s, " ", (sockaddr_in $to)[0];`;

describe('events of the live kernel', unless(whyNotLive), () => {
  let scratch: string;
  let shell: LiveShell;
  let before: Awaited<ReturnType<typeof auditState>>;

  beforeAll(async () => {
    scratch = mkdtempSync(`${tmpdir()}/live-`);
    chmodSync(scratch, 0o755);
    await auditIsFree();
    before = await auditState();
    shell = await LiveShell.start(
      '--events_max=5000',
      '--audit_allow_sockets',
      '--audit_allow_fork_process_events',
      '--audit_allow_kill_process_events',
    );
  }, 90_000);

  afterAll(async () => {
    rmSync(scratch, { recursive: true });
    expect(await shell.end()).toBe(0);
    expect(await auditState()).toEqual(before);
  });

  const executions = async (marker: string): Promise<string[][]> => {
    const rows = await shell.query(
      `SELECT argv FROM process_events WHERE syscall LIKE 'execve%' AND argv LIKE '%${marker}%'`,
    );
    return rows.map(row => JSON.parse(row.argv!));
  };

  const cases: readonly (readonly [name: string, arguments_: readonly string[]])[] = [
    ['60 arguments', Array.from({ length: 60 }, (_, i) => `n${i}`)],
    ['900 arguments of 66 bytes', Array.from({ length: 900 }, (_, i) => `${i}`.padEnd(66, 'x'))],
    ['one argument of 90,000 bytes', ['x'.repeat(90_000)]],
    ['one argument of 90,000 bytes with spaces', ['word '.repeat(18_000)]],
    ['empty arguments', ['', 'a', '', '']],
    ['quotes', ['a"b', 'tail"', '"', "'"]],
    ['a trailing backslash', ['back\\', 'next']],
    ['newline and tab', ['new\nline', 'tab\t']],
    ['UTF-8', ['Grüße', '☃', '𝄞']],
    ['what looks like audit syntax', ['DEADBEEF', '1000', '?', '(null)', 'exe="/bin/evil"', 'a0="x"']],
  ];

  test.each(cases)('%s appear exactly once and exactly', async (name, arguments_) => {
    const marker = `case-${name.replaceAll(/\W/g, '-')}`;
    execFileSync('/bin/true', [marker, ...arguments_]);
    expect(await executions(`"${marker}"`)).toEqual([['/bin/true', marker, ...arguments_]]);
  });

  test('a burst of 60 executions is seen whole', async () => {
    for (let i = 0; i < 60; i++) execFileSync('/bin/true', [`burst-${i}`]);
    const seen = await executions('burst-');
    expect(seen.map(argv => argv[1])).toEqual(Array.from({ length: 60 }, (_, i) => `burst-${i}`));
  });

  test('every column of an execution is right', async () => {
    const cwd = `${scratch}/ein Ölfaß`;
    mkdirSync(cwd);
    const program = `${scratch}/a program`;
    copyFileSync('/bin/true', program);
    chmodSync(program, 0o4755);
    const child = spawnSync(program, ['column-check'], { cwd, uid: 65534, gid: 65534 });
    expect(child.status).toBe(0);
    const [row] = await shell.query(
      `SELECT *, cmdline_size, argv, comm, exe, tty, ses, ppid, exit, status, env, env_count, env_size FROM process_events WHERE path = '${program}' AND syscall = 'execve'`,
    );
    const now = Date.now() / 1000;
    expect(row).toMatchObject({
      pid: String(child.pid),
      parent: String(process.pid),
      ppid: String(process.pid),
      path: program,
      exe: program,
      comm: 'a program',
      mode: '0104755',
      cmdline: `${program} column-check`,
      cmdline_size: String(program.length + ' column-check'.length),
      cwd,
      uid: '65534',
      gid: '65534',
      egid: '65534',
      euid: '0',
      suid: '0',
      fsuid: '0',
      owner_uid: '0',
      owner_gid: '0',
      btime: '0',
      exit: '0',
      syscall: 'execve',
    });
    expect(Number(row!.time)).toBeGreaterThan(now - 30);
    expect(Number(row!.mtime)).toBeGreaterThan(now - 30);
    expect(Number(row!.uptime)).toBeGreaterThan(0);
  });

  test('a script shows its interpreter as path', async () => {
    const script = `${scratch}/script.sh`;
    writeFileSync(script, '#!/bin/sh\n:\n', { mode: 0o755 });
    execFileSync(script, ['script-argument']);
    const rows = await shell.query(
      `SELECT path, argv, owner_uid FROM process_events WHERE argv LIKE '%script-argument%' AND syscall='execve'`,
    );
    expect(rows).toMatchObject([{ argv: JSON.stringify(['/bin/sh', script, 'script-argument']) }]);
  });

  test('a new process and a signal have their rows', async () => {
    execFileSync('/bin/sh', ['-c', 'sleep 5 & kill -TERM $!; wait $! || true']);
    const rows = await shell.query(
      "SELECT syscall, pid, parent FROM process_events WHERE path LIKE '%/dash' AND syscall IN ('clone', 'fork', 'kill') ORDER BY eid DESC LIMIT 2",
    );
    const [signal, clone] = rows;
    expect(signal!.syscall).toBe('kill');
    expect(clone!.parent).toBe(signal!.pid);
  });

  test('messages of programs have their rows, of both ranges of types', async () => {
    const types = [1112, 2100, 2404, 2999];
    const netlink = createNetlink(NETLINK_AUDIT);
    netlink.on('error', () => {});
    onTestFinished(() => netlink.close());
    // The kernel takes the last byte for the end of a string.
    for (const type of types) {
      netlink.send(type, Buffer.from(`op=live-${type} acct="nobody" res=success\0`), {
        flags: NLM_F_REQUEST,
      });
    }
    const rows = await shell.query(
      "SELECT type, message, acct, res FROM user_events WHERE op LIKE 'live-%' ORDER BY eid",
    );
    expect(rows).toEqual(
      types.map(type => ({
        type: String(type),
        message: `op=live-${type} acct="nobody" res=success`,
        acct: 'nobody',
        res: 'success',
      })),
    );
  });

  test('connections have their rows, UNIX ones only with their flag', async () => {
    execFileSync('/usr/bin/perl', [
      '-e',
      'use Socket qw(:all); socket(my $u, AF_INET6, SOCK_DGRAM, 0); connect($u, pack_sockaddr_in6(5353, inet_pton(AF_INET6, "2001:db8::1:0:0:1"))); socket(my $v, AF_INET, SOCK_DGRAM, 0); connect($v, pack_sockaddr_in(53, inet_aton("127.0.0.99"))); socket(my $x, AF_UNIX, SOCK_DGRAM, 0); connect($x, pack_sockaddr_un("/nonexistent"))',
    ]);
    const rows = await shell.query(
      "SELECT action, family, remote_address, remote_port, status FROM socket_events WHERE path LIKE '%perl%'",
    );
    expect(rows).toContainEqual({
      action: 'connect',
      family: '2',
      remote_address: '127.0.0.99',
      remote_port: '53',
      status: 'succeeded',
    });
    expect(rows.filter(row => row.family === '1')).toEqual([]);
  });

  test('a connect that a signal interrupts has its row: it goes on', async () => {
    const { pid, stdout } = spawnSync('/usr/bin/perl', ['-e', INTERRUPTED], { encoding: 'utf8' });
    const [errno, fd, port] = stdout.split(' ');
    expect(errno).toBe(String(constants.errno.EINTR));
    const rows = await shell.query(
      `SELECT action, remote_address, remote_port, status FROM socket_events WHERE pid = ${pid} AND fd = '${fd}'`,
    );
    expect(rows).toEqual([
      { action: 'connect', remote_address: '127.0.0.1', remote_port: port, status: 'in_progress' },
    ]);
  });

  // The program knows the numbers of x86-64.
  test(
    'connections through io_uring have theirs, without what the kernel does not record',
    unless(process.arch === 'x64' ? whyNotUring : 'the program knows the numbers of x86-64 only'),
    async () => {
      const port = 5_354;
      execFileSync('/usr/bin/perl', [
        '-e',
        `use Socket qw(:all); ${IO_URING} socket(my $u, AF_INET, SOCK_DGRAM, 0); my $to = pack_sockaddr_in(${port}, inet_aton("127.0.0.98")); op(16, $u, $to, 16); submit()`,
      ]);
      const rows = await shell.query(
        "SELECT action, pid > 0 AS pid, path, fd, remote_address, remote_port, success, status FROM socket_events WHERE remote_address = '127.0.0.98'",
      );
      expect(rows).toEqual([
        {
          action: 'connect',
          pid: '1',
          path: '/usr/bin/perl',
          fd: '',
          remote_address: '127.0.0.98',
          remote_port: String(port),
          success: '',
          status: '',
        },
      ]);
    },
  );

  test.each(documentedTables)(
    'no column of $spec.name is NULL that never is, as its page says',
    async table => {
      const never = Object.entries(table.columns).filter(([, { nullIf }]) => nullIf === undefined);
      const nulls = never.map(([name]) => `sum(${name} IS NULL) AS ${name}`).join(', ');
      const [row = {}] = await shell.query(`SELECT ${nulls} FROM ${table.spec.name}`);
      // A table without rows has a sum of NULL.
      for (const [name, count] of Object.entries(row)) expect(count, name).toMatch(/^0?$/);
    },
  );
});
