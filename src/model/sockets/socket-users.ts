import { readdirSync } from 'node:fs';
import { AF_INET, AF_INET6 } from '../../audit/sockaddr.ts';
import type { ProcfsReader } from '../procfs/reader.ts';
import { parseStat } from '../procfs/stat.ts';
import { IPPROTO_TCP, IPPROTO_UDP } from './listed-socket.ts';
import { parseProcNet } from './proc-net.ts';

/** Processes with the same name, and the TCP and UDP sockets that they have open. */
export interface SocketUser {
  readonly name: string;
  readonly processes: number;
  readonly sockets: number;
}

/** Processes that are looked at before other work of the thread has its turn. */
const PER_TURN = 4;
/** Most descriptors of a process that are looked at; those of one process are looked at in one go. */
const MAX_DESCRIPTORS = 16_384;

const LISTS = [
  ['net/tcp', { family: AF_INET, protocol: IPPROTO_TCP }],
  ['net/tcp6', { family: AF_INET6, protocol: IPPROTO_TCP }],
  ['net/udp', { family: AF_INET, protocol: IPPROTO_UDP }],
  ['net/udp6', { family: AF_INET6, protocol: IPPROTO_UDP }],
] as const;

interface Named {
  readonly name: string;
  processes: number;
  /** A socket that several processes share counts once. */
  readonly inodes: Set<number>;
}

/**
 * Who of some processes has how many TCP and UDP sockets open, the largest users first. Only what the kernel itself knows is
 * read, so nothing hangs. Processes that end in the meantime, or that this user may not look at, are left out.
 */
export const socketUsers = async (
  procfs: ProcfsReader,
  pids: Iterable<number>,
): Promise<readonly SocketUser[]> => {
  const named = new Map<string, Named>();
  const inodes = new Set<number>();
  /** One process of each network namespace. */
  const witnesses = new Map<string, number>();
  let count = 0;
  for (const pid of pids) {
    if (++count % PER_TURN === 0) await nextTurn();
    const stat = procfs.read(pid, 'stat');
    const name = stat && parseStat(stat)?.comm;
    if (name === undefined) continue;
    const user = named.get(name) ?? { name, processes: 0, inodes: new Set() };
    named.set(name, user);
    user.processes++;
    const before = inodes.size;
    for (const inode of socketsOf(procfs, pid)) {
      user.inodes.add(inode);
      inodes.add(inode);
    }
    const namespace = inodes.size > before ? procfs.link(pid, 'ns/net') : undefined;
    if (namespace !== undefined && !witnesses.has(namespace)) witnesses.set(namespace, pid);
  }
  const internet = new Set<number>();
  for (const pid of witnesses.values()) {
    await nextTurn();
    for (const inode of internetSockets(procfs, pid, inodes)) internet.add(inode);
  }
  return [...named.values()]
    .map(user => ({
      name: user.name,
      processes: user.processes,
      sockets: [...user.inodes].filter(inode => internet.has(inode)).length,
    }))
    .sort((a, b) => b.sockets - a.sockets || b.processes - a.processes || (a.name < b.name ? -1 : 1));
};

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** Inodes of the sockets that a process has open, of any kind. */
const socketsOf = (procfs: ProcfsReader, pid: number): readonly number[] => {
  let descriptors: readonly string[];
  try {
    descriptors = readdirSync(procfs.path(pid, 'fd'));
  } catch {
    return [];
  }
  return descriptors.slice(0, MAX_DESCRIPTORS).flatMap(descriptor => {
    const match = /^socket:\[(\d{1,15})\]$/.exec(procfs.link(pid, `fd/${descriptor}`) ?? '');
    return match === null ? [] : [Number(match[1])];
  });
};

/** Which of some inodes are TCP or UDP sockets of the process's network namespace. */
const internetSockets = (procfs: ProcfsReader, pid: number, inodes: ReadonlySet<number>): readonly number[] =>
  LISTS.flatMap(([file, kind]) => {
    const bytes = procfs.readList(pid, file);
    return bytes === undefined ? [] : parseProcNet(bytes, kind, inodes).map(({ inode }) => inode);
  });

/** `nginx 120, postgres 31`: the largest users that have any, for people. */
export const socketUsersText = (users: readonly SocketUser[], most: number): string =>
  users
    .filter(({ sockets }) => sockets > 0)
    .slice(0, most)
    .map(({ name, sockets }) => `${name} ${sockets}`)
    .join(', ');
