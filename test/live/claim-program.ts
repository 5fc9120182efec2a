import { spawnSync } from 'node:child_process';

/** The numbers of mmap, mprotect, mremap, prctl and unshare. */
const CALLS: Readonly<Record<string, readonly number[]>> = {
  x64: [9, 10, 25, 157, 272],
  arm64: [222, 226, 216, 167, 97],
};

/**
 * Connects (UDP, to 127.0.0.1) to the first port as what it is; has the kernel name another program as the one that it runs;
 * connects to the second; and has a child connect to the third. All of perl's own file is moved to memory without a name before:
 * the kernel names no other program while the true one is mapped.
 */
const CLAIM = `
  use Socket;
  my ($claimed, $before, $after, $below, $mmap, $mprotect, $mremap, $prctl, $unshare) = @ARGV;
  $_ += 0 for $mmap, $mprotect, $mremap, $prctl, $unshare;
  sub lines { open(my $f, "<", $_[0]) or die "$_[0]: $!"; my @lines = <$f>; @lines }
  sub connects {
    socket(my $s, AF_INET, SOCK_DGRAM, 0) or die "socket: $!";
    connect($s, pack_sockaddr_in($_[0], inet_aton("127.0.0.1"))) or die "connect: $!";
  }
  connects($before);
  syscall($unshare, 0x10000000) == 0 or do { print "no user namespace: $!"; exit }; # CLONE_NEWUSER
  my $exe = readlink("/proc/self/exe");
  open(my $memory, "+<:unix", "/proc/self/mem") or die "mem: $!";
  open(my $file, "<", $claimed) or die "$claimed: $!";
  my $spare = 0x100000000000;
  for (lines("/proc/self/maps")) {
    my ($from, $to, $r, $w, $x) = /^(\\w+)-(\\w+) (.)(.)(.).* \\Q$exe\\E$/ or next;
    $from = hex $from;
    my $bytes = hex($to) - $from;
    syscall($mmap, $spare, $bytes, 3, 0x100022, -1, 0) != -1 or die "mmap: $!"; # read, write; private, no file, no replacing
    sysseek($memory, $from, 0);
    sysread($memory, my $content, $bytes) == $bytes or die "read: $!";
    sysseek($memory, $spare, 0);
    syswrite($memory, $content) == $bytes or die "write: $!";
    syscall($mprotect, $spare, $bytes, ($r eq "r") + 2 * ($w eq "w") + 4 * ($x eq "x")) == 0 or die "mprotect: $!";
    syscall($mremap, $spare, $bytes, $bytes, 3, $from) != -1 or die "mremap: $!"; # to just there
    $spare += $bytes;
  }
  my ($stat) = lines("/proc/self/stat");
  my @s = (0, 0, 0, split / /, $stat =~ s/^.*\\) //sr); # numbered as in proc_pid_stat(5)
  my ($brk) = map { /^\\w+-(\\w+) .*\\[heap\\]$/ ? hex $1 : () } lines("/proc/self/maps");
  # struct prctl_mm_map of linux/prctl.h: code, data, brk, stack, arguments, environment, no auxv, the file
  my $map = pack("Q12 L2", map({ $_ + 0 } @s[26, 27, 45, 46, 47], $brk, @s[28, 48, 49, 50, 51]), 0, 0, fileno $file);
  syscall($prctl, 35, 14, $map, length $map, 0) == 0 or do { print "no PR_SET_MM_MAP: $!"; exit };
  connects($after);
  fork or do { connects($below); exit };
  wait;
  print readlink("/proc/self/exe");`;

/** What came of a claim: what the kernel says now that its process runs, or why there could be none. */
export interface Claim {
  readonly pid: number;
  readonly says: string;
}

/**
 * An ordinary user has the kernel name a program as the one that his process runs (PR_SET_MM_MAP, as whoever makes a user namespace may).
 *
 * @param program what he claims to run; he must be able to read and to run it
 * @param ports of three connects: before, after, and by a child after it
 * @throws Error if it did not come to its end
 */
export const claimProgram = (
  uid: number,
  program: string,
  ports: readonly [before: number, after: number, below: number],
): Claim => {
  const calls = CALLS[process.arch];
  if (calls === undefined) return { pid: 0, says: `no numbers of system calls for ${process.arch}` };
  const args = [program, ...ports, ...calls].map(String);
  const child = spawnSync('/usr/bin/perl', ['-e', CLAIM, ...args], { uid, gid: uid, encoding: 'utf8' });
  if (child.status !== 0) throw new Error(`perl: ${child.signal ?? child.stderr}`);
  return { pid: child.pid, says: child.stdout };
};
