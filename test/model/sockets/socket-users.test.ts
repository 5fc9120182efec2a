import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ProcfsReader } from '../../../src/model/procfs/reader.ts';
import { socketUsers, socketUsersText } from '../../../src/model/sockets/socket-users.ts';
import { unless } from '../../unless.ts';

const HEADING =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const line = (inode: number): string =>
  `   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0\n`;

interface FakeProcess {
  readonly name: string;
  readonly namespace: number;
  /** Targets of descriptors. */
  readonly open: readonly string[];
}

/** A procfs with these processes; the lists of each network namespace hold these inodes. */
const fakeProcfs = (
  processes: Readonly<Record<number, FakeProcess>>,
  lists: Readonly<Record<number, readonly number[]>>,
): ProcfsReader => {
  const root = mkdtempSync(join(tmpdir(), 'procfs-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [pid, { name, namespace, open }] of Object.entries(processes)) {
    for (const directory of ['fd', 'ns', 'net']) mkdirSync(join(root, pid, directory), { recursive: true });
    const zeros = ' 0'.repeat(18);
    writeFileSync(join(root, pid, 'stat'), `${pid} (${name}) S${zeros} 1 0\n`);
    symlinkSync(`net:[${namespace}]`, join(root, pid, 'ns/net'));
    open.forEach((target, fd) => {
      symlinkSync(target, join(root, pid, 'fd', String(fd)));
    });
    writeFileSync(join(root, pid, 'net/tcp'), HEADING + (lists[namespace] ?? []).map(line).join(''));
  }
  return new ProcfsReader(root);
};

test('the TCP and UDP sockets of programs, each once, in every network namespace', async () => {
  const procfs = fakeProcfs(
    {
      10: { name: 'nginx', namespace: 1, open: ['/dev/null', 'socket:[100]', 'socket:[101]'] },
      11: { name: 'nginx', namespace: 1, open: ['socket:[100]', 'socket:[102]'] },
      12: { name: 'dbus-daemon', namespace: 1, open: ['socket:[900]'] },
      13: { name: 'redis', namespace: 2, open: ['socket:[200]', 'pipe:[7]'] },
    },
    { 1: [100, 101, 102, 103], 2: [200, 201] },
  );
  expect(await socketUsers(procfs, [10, 11, 12, 13, 14])).toEqual([
    { name: 'nginx', processes: 2, sockets: 3 },
    { name: 'redis', processes: 1, sockets: 1 },
    { name: 'dbus-daemon', processes: 1, sockets: 0 },
  ]);
});

test('no processes', async () => {
  expect(await socketUsers(fakeProcfs({}, {}), [])).toEqual([]);
});

test('the largest users in a few words', () => {
  const users = ['a', 'b', 'c'].map((name, at) => ({ name, processes: 1, sockets: 2 - at }));
  expect(socketUsersText(users, 5)).toBe('a 2, b 1');
  expect(socketUsersText(users, 1)).toBe('a 2');
  expect(socketUsersText([], 5)).toBe('');
});

test('this process', unless(process.platform === 'linux' ? undefined : 'it needs procfs'), async () => {
  const servers = await Promise.all([listen(), listen()]);
  onTestFinished(() => {
    for (const server of servers) server.close();
  });
  const [user] = await socketUsers(new ProcfsReader(), [process.pid]);
  expect(user).toMatchObject({ processes: 1 });
  expect(user!.sockets).toBeGreaterThanOrEqual(2);
});

const listen = (): Promise<Server> =>
  new Promise(resolve => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
