/** A record as the kernel sends it: its numeric type, and its text. */
export interface RecordText {
  readonly type: number;
  readonly payload: string;
}

const stampOf = (index: number, second: number): string =>
  `audit(${second}.${String(index % 1000).padStart(3, '0')}:${index + 1}):`;

const hex = (value: number, bytes: number): string =>
  value
    .toString(16)
    .toUpperCase()
    .padStart(2 * bytes, '0');

const actor = (pid: number, comm: string, exe: string, ppid = 1): string =>
  `ppid=${ppid} pid=${pid} auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm="${comm}" exe="${exe}" key="osquery-audit-events"`;

/** What the kernel records of one connect(2) to an IPv4 address. */
export const connectRecords = (index: number, second: number): readonly RecordText[] => {
  const stamp = stampOf(index, second);
  const pid = 1000 + (index % 30_000);
  const port = hex(1024 + (index % 60_000), 2);
  const address = hex(0x0a000000 + (index & 0xffffff), 4);
  return [
    {
      type: 1300,
      payload: `${stamp} arch=c000003e syscall=42 success=yes exit=0 a0=14 a1=7ffd3b2c5a10 a2=10 a3=0 items=0 ${actor(pid, 'curl', '/usr/bin/curl')}`,
    },
    { type: 1306, payload: `${stamp} saddr=0200${port}${address}0000000000000000` },
    { type: 1327, payload: `${stamp} proctitle="curl"` },
    { type: 1320, payload: `${stamp} ` },
  ];
};

/** What the kernel records of one execve(2) of a small program by root. */
export const execRecords = (index: number, second: number): readonly RecordText[] =>
  execBy(index, second, 1000 + (index % 30_000), 1);

/** Number of the process of an exec of `chainedExecRecords`. */
export const chainedPid = (index: number): number => 1000 + index;

/** The same, by processes each of which was made by that of the exec before. */
export const chainedExecRecords = (index: number, second: number): readonly RecordText[] =>
  execBy(index, second, chainedPid(index), chainedPid(index - 1));

const execBy = (index: number, second: number, pid: number, ppid: number): readonly RecordText[] => {
  const stamp = stampOf(index, second);
  const caps = '000001fffeffffff';
  const path = (item: number, name: string, inode: number): RecordText => ({
    type: 1302,
    payload: `${stamp} item=${item} name="${name}" inode=${inode} dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0`,
  });
  return [
    {
      type: 1300,
      payload: `${stamp} arch=c000003e syscall=59 success=yes exit=0 a0=7ffeb60138a8 a1=b58f860 a2=b58f7a0 a3=8 items=2 ${actor(pid, 'true', '/usr/bin/true', ppid)}`,
    },
    {
      type: 1321,
      payload: `${stamp} fver=0 fp=0 fi=0 fe=0 old_pp=${caps} old_pi=0 old_pe=${caps} old_pa=0 pp=${caps} pi=0 pe=${caps} pa=0 frootid=0`,
    },
    { type: 1309, payload: `${stamp} argc=1 a0="true"` },
    { type: 1307, payload: `${stamp} cwd="/root"` },
    path(0, '/bin/true', 260_723),
    path(1, '/lib64/ld-linux-x86-64.so.2', 338_944),
    { type: 1327, payload: `${stamp} proctitle="true"` },
    { type: 1320, payload: `${stamp} ` },
  ];
};
