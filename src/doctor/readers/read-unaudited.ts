import { join } from 'node:path';
import { ProcfsReader } from '../../model/procfs/reader.ts';
import { socketUsers } from '../../model/sockets/socket-users.ts';
import { messageOf } from '../../runtime/message-of.ts';
import type { UnauditedFacts } from '../facts.ts';

/** The modules that it needs exist on Linux only, so they are loaded here. */
const askKernel = async (): Promise<readonly number[]> => {
  if (process.platform !== 'linux') throw new Error('this system has no kernel audit of Linux');
  const { unauditedProcesses } = await import('../../bpf/unaudited-processes.ts');
  return unauditedProcesses();
};

/** The processes that audit cannot see, and which of them use the network. Needs root, and a kernel with BPF and BTF. */
export const readUnaudited = async (
  root: string,
  ask: () => Promise<readonly number[]> = askKernel,
): Promise<UnauditedFacts> => {
  let pids: readonly number[];
  try {
    pids = await ask();
  } catch (error) {
    return { kind: 'unknown', why: messageOf(error) };
  }
  const users = await socketUsers(new ProcfsReader(join(root, 'proc')), pids);
  return { kind: 'known', processes: users.reduce((sum, { processes }) => sum + processes, 0), users };
};
