import { expect, it } from 'vitest';
import type { SocketLister } from '../../../src/model/sockets/socket-diag.ts';
import { SocketLists } from '../../../src/model/sockets/socket-lists.ts';
import { CrowdedProcfs, FIRST_PID, MANY } from './many-namespaces.ts';

const lister: SocketLister = { list: () => [], exact: () => undefined, isUnix: () => false, close() {} };
const pids = Array.from({ length: MANY }, (_, i) => FIRST_PID + i);

it('remembers the latest of very many namespaces and processes, and no others', () => {
  const procfs = new CrowdedProcfs();
  const lists = new SocketLists(procfs, lister);
  for (const pid of pids) expect(lists.namespaceOf(pid, 0)?.id).toBe(pid);
  expect(procfs.links.namespace).toBe(1 + MANY);
  // The newest first, so that those that are remembered stay so.
  for (const pid of pids.toReversed()) lists.namespaceOf(pid, 0);
  expect(procfs.links.namespace).toBe(1 + MANY + MANY - 4_096);
});

it('remembers few of very many processes of one namespace', () => {
  const procfs = new CrowdedProcfs();
  procfs.link = () => 'net:[7]';
  const lists = new SocketLists(procfs, lister);
  for (const pid of pids) lists.namespaceOf(pid, 0);
  expect(lists.namespaceOf(pids[0]!, 0)?.pids).toEqual([...pids.slice(-3), pids[0]]);
});
