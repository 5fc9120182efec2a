import { closeSync } from 'node:fs';
import { readKernelBtf } from './kernel-btf.ts';
import { openUnauditedTasks, readIterator } from './task-iterator.ts';
import { parseUnauditedTasks } from './unaudited-tasks.ts';

/**
 * The pids of the processes, or of some of their threads, that audit cannot see at this moment.
 *
 * @throws BpfError that says why the kernel does not tell
 */
export const unauditedProcesses = (): readonly number[] => {
  const fd = openUnauditedTasks(readKernelBtf());
  try {
    return parseUnauditedTasks(readIterator(fd));
  } finally {
    closeSync(fd);
  }
};
