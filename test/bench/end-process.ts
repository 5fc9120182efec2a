import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Milliseconds for a process to put back what it changed and end. */
const STOP_MS = 15_000;

/** Ends a process that was started, by force if it does not by itself. Nothing if it has ended. */
export const endProcess = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  child.kill('SIGTERM');
  await once(child, 'exit');
  clearTimeout(kill);
};
