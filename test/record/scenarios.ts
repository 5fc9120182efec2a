import { readFileSync } from 'node:fs';
import { CONTAINER_PEER } from './container-peer.ts';
import { elf32Program, elf32Sends } from './elf32.ts';
import { IO_URING, IO_URING_FILES } from './io-uring.ts';

/** One recording: a command whose events, with those of its descendants, become a fixture. */
export interface Scenario {
  readonly name: string;
  /** What the fixture shows. */
  readonly about: string;
  readonly command: readonly [path: string, ...arguments_: string[]];
  /** argv[0], if it is not the path. */
  readonly argv0?: string;
  readonly uid?: number;
  /** Of the records, those of these programs alone: the value of comm=. */
  readonly programs?: readonly string[];
  /** Program that it takes, which not every host has. */
  readonly needs?: string;
  /** Directory below the scratch directory to run in; made if it is not there. */
  readonly cwd?: string;
}

/** Perl that makes clone3 fail as a container's filter does, so that the C library makes threads with clone. */
const WITHOUT_CLONE3 = `
my $filter = join '', pack('SCCL', 0x20, 0, 0, 0), pack('SCCL', 0x15, 0, 1, 435),
  pack('SCCL', 6, 0, 0, 0x50026), pack('SCCL', 6, 0, 0, 0x7fff0000);
syscall(157, 38, 1, 0, 0, 0);
syscall(157, 22, 2, pack('Sx6P', 4, $filter), 0, 0) == 0 or die "seccomp: $!";
exec @ARGV;`;

/** Perl with a filter that logs uname, refuses mkdir under FILTER_FLAG_LOG, and kills the process for getpgrp. */
const SECCOMP = `
my $filter = join '', pack('SCCL', 0x20, 0, 0, 0),
  pack('SCCL', 0x15, 0, 1, 63), pack('SCCL', 6, 0, 0, 0x7ffc0000),
  pack('SCCL', 0x15, 0, 1, 83), pack('SCCL', 6, 0, 0, 0x5000d),
  pack('SCCL', 0x15, 0, 1, 111), pack('SCCL', 6, 0, 0, 0x80000000),
  pack('SCCL', 6, 0, 0, 0x7fff0000);
my $program = pack('Sx6P', 8, $filter);
syscall(157, 38, 1, 0, 0, 0);
syscall(317, 1, 2, $program) == 0 or die "seccomp: $!";
my $name = "\\0" x 400;
my $path = "/tmp/never\\0";
syscall(63, $name); syscall(83, $path, 0); syscall(111);`;

/** Two containers of podman and runc, with nothing of systemd; the host's programs, read-only, are all that they have. */
const CONTAINERS = `set -e
PATH=/usr/sbin:/usr/bin:/sbin:/bin
image=localhost/osquery-audit-events-record:1 network=audit-events-record
mkdir -p image/etc image/tmp shared; chmod 777 shared
echo 'inner:x:1000:1000::/:/bin/sh' > image/etc/passwd
tar -C image -c . | podman import - $image
podman network rm -f $network || :
podman network create --subnet 198.51.100.0/24 $network
peer() { podman run --rm --runtime runc --cgroup-manager cgroupfs --network $network --ip $1 --user $3 \
  --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 -v /usr:/usr:ro -v /usr/bin:/bin:ro -v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro \
  -v $PWD/shared:/shared $image /usr/bin/perl -e "$program" $1 $2 /shared; }
program=$1
peer 198.51.100.11 198.51.100.12 0 & peer 198.51.100.12 198.51.100.11 1000
wait $!
podman network rm -f $network; podman rmi -f $image`;

/** A program under a profile of AppArmor that complains, and then denies. */
const APPARMOR = `set -e
PATH=/usr/sbin:/usr/bin:/sbin:/bin
cp /bin/cat 'a program'; exec 2>&1
profile() { printf 'profile osquery-audit-record "%s/a program" %s { /usr/** mr, /lib/** mr, /lib64/** mr, /etc/ld.so.cache r, }' "$PWD" "$1"; }
profile 'flags=(complain)' | apparmor_parser --skip-cache --replace
'./a program' /etc/passwd
profile | apparmor_parser --skip-cache --replace
'./a program' /etc/passwd || profile | apparmor_parser --remove`;

const SOCKETS = 'use Socket qw(:all); use Fcntl;';
const LISTEN = `${SOCKETS} socket(my $l, AF_INET, SOCK_STREAM, 0); bind($l, pack_sockaddr_in(0, inet_aton("127.0.0.1"))); listen($l, 5);`;

const perl = (program: string, ...arguments_: string[]): Scenario['command'] => [
  '/usr/bin/perl',
  '-e',
  program,
  ...arguments_,
];

/** Makes an executable file for a scenario. */
export type MakeFile = (path: string, content: () => Buffer) => void;

/** Perl that does to files what has an event, each once, and reads one. */
const CHANGE_FILES = `
my ($tree) = @ARGV; my $HERE = -100;
sub z { my $copy = "$_[0]\\0"; $copy }
chdir $tree or die $!;
open(my $f, '>', "$tree/plain") or die $!; close $f;
open($f, '<', 'plain') or die $!; close $f;
open($f, '>>', '../watched/./plain') or die $!; close $f;
syscall(257, $HERE, z("created to read"), 0100, 0600) >= 0 or die $!;
syscall(257, $HERE, z("plain"), 01000, 0) >= 0 or die $!;
my $how = pack('QQQ', 0102, 0600, 0); syscall(437, $HERE, z("by openat2"), $how, 24) >= 0 or die $!;
syscall(76, z("plain"), 3) == 0 or die $!;
chmod 0600, 'plain' or die $!; chown 0, 0, 'plain' or die $!; utime 1, 1, 'plain' or die $!;
mkdir 'directory' or die $!;
opendir(my $d, 'directory') or die $!;
syscall(316, $HERE, z("plain"), fileno($d), z("moved"), 0) == 0 or die $!;
syscall(316, $HERE, z("by openat2"), $HERE, z("created to read"), 2) == 0 or die $!;
link 'directory/moved', 'linked' or die $!;
symlink 'linked', 'symbolic' or die $!;
open($f, '+<', 'linked') or die $!; chmod 0640, $f or die $!;
syscall(265, fileno($f), z(""), $HERE, z("of what is open"), 0x1000) == 0 or die $!;
my $unnamed = syscall(257, $HERE, z($tree), 020200002, 0600); syscall(265, $unnamed, z(""), $HERE, z("named"), 0x1000) == 0 or die $!;
my $name = z("user.note"); my $value = "1"; syscall(188, z("linked"), $name, $value, 1, 0); syscall(197, z("linked"), $name);
unlink 'directory/moved' or die $!; rmdir 'directory' or die $!;
open($f, '>', 'a "quoted"\nname') or die $!; close $f;
unlink 'not there'; open($f, '>', "$tree/../beside") or die $!; close $f;`;

/** Perl that does to files what io_uring can, behind IO_URING and IO_URING_FILES. */
const CHANGE_BY_RING = `
my ($tree) = @ARGV;
chdir $tree or die $!;
open(my $f, '>', 'known') or die $!; close $f;
file(18, 0, \\"$tree/known", 0, 1); file(18, 0, \\'known', 0, 0);
file(18, 0, \\"$tree/created", 0600, 0101);
file(35, \\"$tree/renamed", \\"$tree/known", -100 & 0xffffffff);
file(39, \\"$tree/hard", \\"$tree/renamed", -100 & 0xffffffff);
file(38, \\"$tree/soft", \\'renamed'); file(37, 0, \\"$tree/made", 0700);
open($f, '>', 'other') or die $!; close $f;
file(36, 0, \\'other'); file(36, 0, \\'not there');`;

/** Everything the fixtures hold. `scratch` is an empty directory for the files they need, `watched` one whose files are watched. */
export const scenarios = (scratch: string, makeFile: MakeFile, watched: string): readonly Scenario[] => {
  const file = (name: string, content: () => Buffer): string => {
    const path = `${scratch}/${name}`;
    makeFile(path, content);
    return path;
  };
  const script = file('script.sh', () => Buffer.from('#!/bin/sh\nexec /bin/true "$@"\n'));
  const program32 = file('program32', elf32Program);
  const sends32 = file('sends32', elf32Sends);
  const spaced = file('a program/of mine', () => readFileSync('/bin/echo'));
  const evil = file('exe="/bin/evil"', () => readFileSync('/bin/true'));

  return [
    { name: 'exec', about: 'a plain exec', command: ['/bin/echo', 'one', 'two three', ''] },
    { name: 'exec-script', about: 'a script: its interpreter runs', command: [script, 'an argument'] },
    {
      name: 'exec-failed',
      about: 'a failed exec makes no row',
      command: ['/bin/sh', '-c', 'exec /nonexistent/program 2>/dev/null'],
    },
    {
      name: 'exec-execveat',
      about: 'execveat of an open file',
      command: perl(
        'open(my $f, "<", "/bin/true"); my $a0 = "through a descriptor\\0"; my $argv = pack("P x8", $a0); my $empty = "\\0"; syscall(322, fileno($f), $empty, $argv, 0, 0x1000); die $!',
      ),
    },
    { name: 'exec-i386', about: '32-bit execve and socketcall', command: [program32] },
    { name: 'exec-uid', about: 'another user', command: ['/bin/echo', 'as nobody'], uid: 65534 },
    {
      name: 'exec-cwd',
      about: 'a working directory to decode',
      command: ['/bin/echo', 'here'],
      cwd: 'über dem Berg',
    },
    { name: 'exec-path-with-space', about: 'a program path to decode', command: [spaced, 'hello'] },
    {
      name: 'exec-evil-name',
      about: 'a file name that imitates a field',
      command: [evil, 'exe="/bin/evil"'],
    },
    {
      name: 'exec-odd-arguments',
      about: 'arguments that look like audit syntax',
      command: [
        '/bin/true',
        '',
        'a"b',
        'tail"',
        'back\\slash\\',
        'new\nline',
        'tab\t',
        'Grüße ☃ 𝄞',
        'DEADBEEF',
        '1000',
        '?',
        '(null)',
        '(none)',
        ' ',
        "'",
        'a1="x"',
        '',
      ],
    },
    {
      name: 'exec-invalid-utf8',
      about: 'bytes that are not text',
      command: perl(
        'exec { "/bin/true" } "/bin/true", "\\xff\\xfe", "caf\\xe9", "\\xed\\xa0\\x80", "\\xc0\\x80ok"',
      ),
    },
    {
      name: 'exec-60-arguments',
      about: 'more than ten arguments',
      command: ['/bin/true', ...Array.from({ length: 60 }, (_, i) => `argument${i}`)],
    },
    {
      name: 'exec-900-arguments',
      about: 'arguments over several records',
      command: ['/bin/true', ...Array.from({ length: 900 }, (_, i) => `${i}`.padEnd(66, 'x'))],
    },
    {
      name: 'exec-90kb-argument',
      about: 'one argument over several records',
      command: ['/bin/true', 'x'.repeat(90_000), 'end'],
    },
    {
      name: 'exec-90kb-argument-hex',
      about: 'one argument over several records, in hex',
      command: ['/bin/true', 'word '.repeat(18_000), 'end'],
    },
    {
      name: 'exec-200kb',
      about: '200 KB of arguments',
      command: ['/bin/true', 'a'.repeat(100_000), 'b c'.repeat(33_334)],
    },
    {
      name: 'seccomp',
      about: 'a system call that a filter logs, one it refuses, and one it kills for',
      command: perl(SECCOMP),
    },
    {
      name: 'apparmor-profile',
      about: "AppArmor's profile loaded, allowing in complain mode, replaced, denying, removed",
      command: ['/bin/sh', '-c', APPARMOR],
      cwd: 'apparmor',
      needs: 'apparmor_parser',
    },
    {
      name: 'files',
      about: 'files of a directory that is watched: what is done to them, and what is not recorded',
      command: perl(CHANGE_FILES, watched),
    },
    {
      name: 'files-io-uring',
      about: 'the same through io_uring, where the kernel mostly records inodes without names',
      command: perl(`${IO_URING}${IO_URING_FILES}${CHANGE_BY_RING}`, `${watched}/../watched`),
    },
    { name: 'fork', about: 'fork(2)', command: perl('my $p = syscall(57); $p or exit; waitpid $p, 0') },
    { name: 'vfork', about: 'vfork(2) and exec, by a shell', command: ['/bin/sh', '-c', '/bin/true; :'] },
    {
      name: 'clone',
      about: 'a process made with clone(2)',
      command: perl('my $p = fork; $p or exit; waitpid $p, 0'),
    },
    {
      name: 'clone-thread',
      about: 'threads made with clone(2) are no processes',
      command: perl(
        WITHOUT_CLONE3,
        file('node', () => readFileSync(process.execPath)),
        '-e',
        'new (require("worker_threads").Worker)("", { eval: true })',
      ),
    },
    {
      name: 'kill',
      about: 'a signal to another process',
      command: ['/bin/sh', '-c', 'sleep 5 & kill -TERM $!; wait'],
    },
    {
      name: 'connect-ipv4',
      about: 'TCP and UDP over IPv4, with bind and accept',
      command: perl(
        `${LISTEN} my $to = getsockname($l); socket(my $c, AF_INET, SOCK_STREAM, 0); connect($c, $to); accept(my $a, $l); socket(my $u, AF_INET, SOCK_DGRAM, 0); connect($u, pack_sockaddr_in(53, inet_aton("127.0.0.53")))`,
      ),
    },
    {
      name: 'connect-ipv6',
      about: 'IPv6 addresses, one of them mapped IPv4',
      command: perl(
        `${SOCKETS} for my $a ("::1", "fe80::1", "2001:db8::1:0:0:1", "::ffff:127.0.0.1") { socket(my $u, AF_INET6, SOCK_DGRAM, 0); connect($u, pack_sockaddr_in6(5353, inet_pton(AF_INET6, $a))) } socket(my $b, AF_INET6, SOCK_DGRAM, 0); bind($b, pack_sockaddr_in6(0, inet_pton(AF_INET6, "::")))`,
      ),
    },
    {
      name: 'connect-unix',
      about: 'UNIX sockets: a path, an abstract name, an unnamed peer',
      command: perl(
        `${SOCKETS} my $p = "${scratch}/socket of mine"; socket(my $l, AF_UNIX, SOCK_STREAM, 0); bind($l, pack_sockaddr_un($p)); listen($l, 5); socket(my $c, AF_UNIX, SOCK_STREAM, 0); connect($c, pack_sockaddr_un($p)); accept(my $a, $l); unlink $p; socket(my $d, AF_UNIX, SOCK_DGRAM, 0); bind($d, pack("Sa*", 1, "\\0an abstract\\0name"))`,
      ),
    },
    {
      name: 'connect-failed',
      about: 'refused, in progress, and an accept without a client',
      command: perl(
        `${LISTEN} my $port = (unpack_sockaddr_in(getsockname($l)))[0]; my $to = getsockname($l); socket(my $n, AF_INET, SOCK_STREAM, 0); fcntl($n, F_SETFL, O_NONBLOCK); connect($n, $to); accept(my $a, $l); fcntl($l, F_SETFL, O_NONBLOCK); accept(my $b, $l); close $l; socket(my $c, AF_INET, SOCK_STREAM, 0); connect($c, $to)`,
      ),
    },
    {
      name: 'connect-io-uring',
      about: 'io_uring: bind; connect to a listener, and accept; refused; by a kernel thread; two at once',
      command: perl(
        `${SOCKETS} ${IO_URING}
        my $any = pack_sockaddr_in(0, inet_aton("127.0.0.1")); socket(my $l, AF_INET, SOCK_STREAM, 0);
        op(56, $l, $any, 16); submit(); listen($l, 5); my $to = getsockname($l);
        my $length = pack('L', 16); my $peer = pack('x16'); my $at = unpack('Q', pack('P', $length));
        socket(my $c, AF_INET, SOCK_STREAM, 0); op(16, $c, $to, 16); submit(); op(13, $l, $peer, $at); submit();
        my $closed = pack_sockaddr_in(9, inet_aton("127.0.0.1")); socket(my $d, AF_INET, SOCK_STREAM, 0); op(16, $d, $closed, 16); submit();
        socket(my $e, AF_INET, SOCK_STREAM, 0); op(16, $e, $to, 16, 16); submit();
        my $dns = pack_sockaddr_in(53, inet_aton("127.0.0.53")); socket(my $u, AF_INET, SOCK_DGRAM, 0); socket(my $v, AF_INET, SOCK_DGRAM, 0);
        op(16, $u, $closed, 16); op(16, $v, $dns, 16); submit();`,
      ),
    },
    { name: 'connect-i386', about: 'TCP Fast Open and a datagram through socketcall', command: [sends32] },
    {
      name: 'containers',
      about:
        'two containers on a bridge, one of them as uid 1000: the same ports in both, TCP, UDP, accepts without an address, short programs',
      command: ['/usr/bin/sh', '-c', CONTAINERS, 'containers', CONTAINER_PEER],
      programs: ['perl', 'true'],
      needs: 'podman',
    },
    { name: 'su', about: 'su through PAM', command: ['/bin/su', 'nobody', '-s', '/bin/true'] },
  ];
};
