import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuditStream } from '../../src/audit/stream.ts';
import { unless } from '../unless.ts';
import { claimProgram } from './claim-program.ts';
import { auditIsFree, auditState, whyNotLive } from './kernel-audit.ts';
import { type JsonRow, LiveShell } from './live-shell.ts';

const NOBODY = 65_534;

/** What an unprivileged user might hope to be read as something else. */
const HOSTILE: readonly string[] = [
  'line\nbreak',
  'type=SYSCALL msg=audit(1.001:1): arch=c000003e syscall=59 success=yes exit=0',
  '\n1300 audit(1.001:1): arch=c000003e syscall=59 success=yes exit=0 a0=0 pid=1 auid=0 uid=0',
  'audit(1795474704.082:386): ',
  'a\x1dUID="root" AUID="root"',
  '" exe="/bin/evil" key="',
  'quotes " and \' and \\',
  ' (deleted)',
  'key="osquery-audit-events"',
  ' auid=0 uid=0 pid=1 ',
  '(null)',
  '?',
  'DEADBEEF',
  '\x1b[2J',
  'msg=\'op=login acct="root" res=success\'',
];
/** What the shell prints of NULL in JSON. */
const NULL = '';
/** PR_SET_NAME keeps 15 bytes. */
const NAME_BYTES = 15;

const hex = (text: string): string => Buffer.from(text).toString('hex');

/** Runs perl as nobody; arguments are given in hex. */
const asNobody = (program: string, arguments_: readonly string[], cwd?: string): { readonly pid: number } => {
  const child = spawnSync(
    '/usr/bin/perl',
    ['-e', `@ARGV = map { pack "H*", $_ } @ARGV; ${program}`, ...arguments_.map(hex)],
    { uid: NOBODY, gid: NOBODY, cwd, encoding: 'utf8' },
  );
  if (child.status !== 0) throw new Error(`perl: ${child.stderr}`);
  return { pid: child.pid };
};

/** Sends messages of a type to the audit socket, and prints what the kernel says of each: 0, or a negative errno. */
const SEND_MESSAGES = `
  socket(my $s, 16, 3, 9) or die $!;
  my ($text, @types) = @ARGV;
  $text .= "\\0";
  for my $type (@types) {
    my $message = pack("LSSLL", 16 + length($text), $type, 5, $type, 0) . $text;
    if (!defined send($s, $message, 0, pack("SSLL", 16, 0, 0, 0))) { print "$type ", -($! + 0), "\\n"; next }
    recv($s, my $answer, 9000, 0);
    my (undef, $kind, undef, undef, undef, $error) = unpack("LSSLLl", $answer);
    print "$type ", ($kind == 2 ? $error : "answer $kind"), "\\n";
  }`;

/** Sends a datagram to a port or a group of the audit protocol. */
const SEND_DATAGRAM = `
  socket(my $s, 16, 3, 9) or die $!;
  my ($text, $port, $groups) = @ARGV;
  my $message = pack("LSSLL", 16 + length($text), 1300, 0, 0, 0) . $text;
  print defined send($s, $message, 0, pack("SSLL", 16, 0, $port, $groups)) ? "sent" : "$!";`;

const forgedRecord =
  'audit(1795474704.082:386): arch=c000003e syscall=59 success=yes exit=0 a0=0 a1=0 a2=0 a3=0 items=0 ppid=1 pid=4242 auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=1 comm="forged" exe="/bin/forged" key=(null)';

/** Ports of a process's audit sockets, from /proc/net/netlink. */
const auditPorts = (pid: number): number[] => {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  return readFileSync('/proc/net/netlink', 'utf8')
    .split('\n')
    .slice(1)
    .map(line => line.trim().split(/\s+/))
    .filter(columns => columns[1] === '9' && inodes.has(columns[9]!))
    .map(columns => Number(columns[2]));
};

describe('what an unprivileged user makes up', unless(whyNotLive), () => {
  let scratch: string;
  let shell: LiveShell;
  let before: Awaited<ReturnType<typeof auditState>>;

  beforeAll(async () => {
    scratch = mkdtempSync(`${tmpdir()}/forgery-`);
    chmodSync(scratch, 0o777);
    await auditIsFree();
    before = await auditState();
    shell = await LiveShell.start(
      '--events_max=20000',
      '--audit_allow_sockets',
      '--audit_allow_unix',
      '--audit_allow_failed_socket_events',
      '--audit_allow_fork_process_events',
    );
  }, 90_000);

  afterAll(async () => {
    rmSync(scratch, { recursive: true });
    expect(await shell.end()).toBe(0);
    expect(await auditState()).toEqual(before);
  });

  /** Nothing that was made up has become a row, or part of another column. */
  const expectNothingForged = async (): Promise<void> => {
    const [counts] = await shell.query(`SELECT
      (SELECT count(*) FROM process_events WHERE path LIKE '%/evil' OR path LIKE '%/forged' OR pid = 1 OR exe LIKE '/bin/evil%') AS processes,
      (SELECT count(*) FROM socket_events WHERE path LIKE '%/evil' OR pid = 1) AS sockets,
      (SELECT malformed_records FROM audit_status) AS malformed,
      (SELECT malformed_events FROM audit_status) AS malformed_events,
      (SELECT incomplete_events FROM audit_status) AS incomplete`);
    expect(counts).toEqual({
      processes: '0',
      sockets: '0',
      malformed: '0',
      malformed_events: '0',
      incomplete: '0',
    });
  };

  test.each(HOSTILE.map(text => [text] as const))(
    '%j as program, argument and directory stays what it is',
    async text => {
      const name = text.replaceAll('/', '_');
      const program = `${scratch}/${name}`;
      const cwd = `${scratch}/in ${name}`;
      copyFileSync('/bin/true', program);
      chmodSync(program, 0o755);
      if (!existsSync(cwd)) mkdirSync(cwd);
      const { pid } = asNobody('exec { $ARGV[0] } @ARGV', [program, text, `--x=${text}`], cwd);
      const rows = await shell.query(
        `SELECT path, argv, cmdline, cwd, comm, exe, uid, euid, auid, parent FROM process_events WHERE pid = ${pid} AND syscall = 'execve' ORDER BY eid DESC LIMIT 1`,
      );
      const argv = [program, text, `--x=${text}`];
      expect(rows).toEqual([
        {
          path: program,
          exe: program,
          argv: JSON.stringify(argv),
          cmdline: argv.join(' '),
          cwd,
          comm: Buffer.from(name).subarray(0, NAME_BYTES).toString(),
          uid: String(NOBODY),
          euid: String(NOBODY),
          auid: rows[0]!.auid,
          parent: String(process.pid),
        },
      ]);
      await expectNothingForged();
    },
  );

  test('a program that is gone shows it as the kernel does', async () => {
    const program = `${scratch}/gone`;
    copyFileSync('/bin/true', program);
    chmodSync(program, 0o755);
    const { pid } = asNobody(
      'open(my $f, "<", $ARGV[0]) or die $!; unlink $ARGV[0] or die $!; my $p = pack("P x8", my $a = "it\\0"); my $e = "\\0"; syscall(322, fileno($f), $e, $p, 0, 0x1000); die $!',
      [program],
    );
    const rows = await shell.query(
      `SELECT path FROM process_events WHERE pid = ${pid} AND syscall = 'execveat'`,
    );
    expect(rows).toEqual([{ path: `${program} (deleted)` }]);
  });

  test('names that a process gives itself stay in comm', async () => {
    const names = HOSTILE.map(text => Buffer.from(text).subarray(0, NAME_BYTES).toString());
    // prctl(PR_SET_NAME), then a fork of which there is a row; and its arguments in memory, that is proctitle, overwritten.
    const { pid } = asNobody(
      'for my $n (@ARGV) { my $c = "$n\\0"; syscall(157, 15, $c); my $p = fork; $p or exit; waitpid $p, 0 } $0 = $ARGV[2]; my $p = fork; $p or exit; waitpid $p, 0',
      names,
    );
    const rows = await shell.query(
      `SELECT comm, path, uid, syscall FROM process_events WHERE parent = ${pid} AND syscall IN ('clone', 'clone3', 'fork', 'vfork') ORDER BY eid`,
    );
    expect(rows.slice(0, -1).map(row => row.comm)).toEqual(names);
    expect(rows).toHaveLength(names.length + 1);
    expect(new Set(rows.map(row => `${row.uid} ${row.path}`))).toEqual(
      new Set([`${NOBODY} ${rows[0]!.path}`]),
    );
    expect(rows[0]!.path).toMatch(/\/perl[^/]*$/);
    await expectNothingForged();
  });

  test('a program that a process has the kernel name as its own is not told as what it runs', async context => {
    const program = `${scratch}/claimed`;
    copyFileSync('/bin/true', program);
    chmodSync(program, 0o755);
    const { pid, says } = claimProgram(NOBODY, program, [1_001, 1_002, 1_003]);
    if (says !== program) return context.skip(`PR_SET_MM_MAP cannot be done here: ${says}`);
    const perl = realpathSync('/usr/bin/perl');
    const children = await shell.query(
      `SELECT pid, path, uid FROM process_events WHERE parent = ${pid} AND syscall IN ('clone', 'clone3', 'fork', 'vfork')`,
    );
    expect(children).toEqual([{ pid: children[0]!.pid, path: NULL, uid: String(NOBODY) }]);
    const connects = await shell.query(
      `SELECT pid, path, remote_port FROM socket_events WHERE pid IN (${pid}, ${children[0]!.pid}) ORDER BY eid`,
    );
    expect(connects).toEqual([
      { pid: String(pid), path: perl, remote_port: '1001' },
      { pid: String(pid), path: NULL, remote_port: '1002' },
      { pid: children[0]!.pid, path: NULL, remote_port: '1003' },
    ]);
    await expectNothingForged();
  });

  test('names of UNIX sockets stay in socket', async () => {
    const { pid } = asNobody(
      'use Socket; for my $n (@ARGV) { socket(my $s, AF_UNIX, SOCK_DGRAM, 0); connect($s, pack("S a*", 1, $n)); socket(my $t, AF_UNIX, SOCK_DGRAM, 0); connect($t, pack("S x a*", 1, $n)) }',
      HOSTILE.map(text => text.slice(0, 100)),
    );
    const rows = await shell.query(
      `SELECT socket, action, status, family, remote_port FROM socket_events WHERE pid = ${pid} ORDER BY eid`,
    );
    expect(rows).toEqual(
      HOSTILE.flatMap(text => [text.slice(0, 100), `@${text.slice(0, 100)}`]).map(socket => ({
        socket,
        action: 'connect',
        status: 'failed',
        family: '1',
        remote_port: '0',
      })),
    );
    await expectNothingForged();
  });

  test('messages of user space are user events, with what the kernel says of their sender', async () => {
    const types = Array.from({ length: 1000 }, (_, i) => String(1300 + i)).filter(
      type => Number(type) < 2100,
    );
    const user = ['1100', '1101', '1123', '1199', '2100', '2999'];
    const text = `op=x' pid=1 uid=0 auid=0 ses=1 msg='op=login acct="root"\ntype=SYSCALL msg=${forgedRecord}\x1dUID="root" res=success`;
    const child = spawn(
      '/usr/bin/setpriv',
      [
        `--reuid=${NOBODY}`,
        '--clear-groups',
        '--inh-caps=-all,+audit_write',
        '--ambient-caps=-all,+audit_write',
        '--bounding-set=-all,+audit_write',
        '/usr/bin/perl',
        '-e',
        SEND_MESSAGES,
        text,
        ...types,
        ...user,
        '1000',
        '1001',
        '1006',
        '1011',
        '3000',
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let out = '';
    child.stdout.on('data', chunk => {
      out += chunk;
    });
    await once(child, 'close');
    const answers = new Map(
      out
        .trim()
        .split('\n')
        .map(line => line.split(' ') as [string, string]),
    );
    // CAP_AUDIT_WRITE is for messages of user space; what is the kernel's own, or is for CAP_AUDIT_CONTROL, it refuses.
    expect([...answers].filter(([, answer]) => answer === '0').map(([type]) => type)).toEqual(user);
    expect(answers.size).toBe(types.length + user.length + 5);

    const rows = await shell.query(
      `SELECT type, pid, uid, message FROM user_events WHERE pid = ${child.pid} ORDER BY eid`,
    );
    expect(rows).toEqual(
      user.map(type => ({ type, pid: String(child.pid), uid: String(NOBODY), message: text })),
    );
    expect(await shell.query(`SELECT count(*) AS n FROM user_events WHERE pid = 1`)).toEqual([{ n: '0' }]);
    await expectNothingForged();
  });

  test('who has no capability cannot send anything', () => {
    const { stdout } = spawnSync('/usr/bin/perl', ['-e', SEND_MESSAGES, 'op=x', '1100', '1300'], {
      uid: NOBODY,
      encoding: 'utf8',
    });
    expect(stdout).toBe('1100 -1\n1300 -22\n');
  });

  test('datagrams to our sockets are refused or passed over', async () => {
    const [owner] = await shell.query('SELECT owner_pid FROM audit_status');
    const ports = auditPorts(Number(owner!.owner_pid));
    expect(ports.length).toBeGreaterThanOrEqual(2);
    const send = (port: number, uid?: number): string =>
      spawnSync('/usr/bin/perl', ['-e', SEND_DATAGRAM, forgedRecord, String(port >>> 0), '0'], {
        encoding: 'utf8',
        ...(uid === undefined ? {} : { uid }),
      }).stdout;
    for (const port of ports) expect(send(port, NOBODY)).toBe('Operation not permitted');
    // With CAP_NET_ADMIN: the stream's is connected to the kernel; the control socket looks at who sent it.
    expect(ports.map(port => send(port)).toSorted()).toContain('Connection refused');
    await sleep(300);
    await expectNothingForged();
    const rows: readonly JsonRow[] = await shell.query('SELECT foreign_records FROM audit_status');
    expect(rows).toEqual([{ foreign_records: '0' }]);
  });

  test('what others send to the multicast group is counted, and nothing else', async () => {
    const stream = AuditStream.open('multicast', 1 << 20);
    try {
      const delivered: string[] = [];
      const sent = spawnSync('/usr/bin/perl', ['-e', SEND_DATAGRAM, forgedRecord, '0', '1'], {
        encoding: 'utf8',
      });
      expect(sent.stdout).toBe('sent');
      for (let i = 0; i < 20 && stream.counters.foreign === 0; i++) {
        stream.receive((_, bytes, start, end) => delivered.push(bytes.toString('latin1', start, end)));
        await sleep(10);
      }
      expect(stream.counters.foreign).toBe(1);
      expect(delivered.filter(text => text.includes('forged'))).toEqual([]);
    } finally {
      stream.close();
    }
  });
});
