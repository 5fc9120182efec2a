import { ProcfsReader } from '../procfs/reader.ts';
import { SocketDiag } from './socket-diag.ts';
import { SocketEnds } from './socket-ends.ts';
import { SocketLists } from './socket-lists.ts';

/** Looks at the sockets of this host. */
export const openSocketEnds = (): SocketEnds => {
  const procfs = new ProcfsReader();
  return new SocketEnds({
    procfs,
    lists: new SocketLists(procfs, openDiag()),
    now: () => performance.now(),
    wallMs: () => Date.now(),
    cpuMs: () => {
      const { user, system } = process.threadCpuUsage();
      return (user + system) / 1000;
    },
  });
};

/** Without it everything is read from procfs. */
const openDiag = (): SocketDiag | undefined => {
  try {
    return new SocketDiag();
  } catch {
    return undefined;
  }
};
