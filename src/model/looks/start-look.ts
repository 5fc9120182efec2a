import { type ChildProcess, spawn } from 'node:child_process';
import { lendCapabilities } from '../../runtime/lend-capabilities.ts';
import { ownCommand } from '../../runtime/own-command.ts';
import { privilegeCalls } from '../../runtime/privilege-calls.ts';
import { LOOK_COMMAND } from './look-command-name.ts';

/** What it looks at: the images of processes, for their rows; or file content, for hashes. */
export type LookKind = 'images' | 'hashes';

/**
 * Starts this program once more, to look at files. It gets one descriptor, no environment, and of root's capabilities
 * those to see other users' processes and files.
 *
 * @param fd its end of the connection; `pipe` for a stream of Node's
 */
export const startLook = (
  kind: LookKind,
  fd: number | 'pipe',
  more: readonly string[] = [],
): ChildProcess => {
  const { path, args } = ownCommand();
  const isLinux = process.platform === 'linux';
  const start = (): ChildProcess =>
    // Even if this program's name leads to another file by now.
    spawn(isLinux ? '/proc/self/exe' : path, [...args, LOOK_COMMAND, `--kind=${kind}`, ...more], {
      argv0: path,
      cwd: '/',
      env: {},
      // So it does not get the terminal's Ctrl-C: it ends with the connection.
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', fd],
    });
  const child = isLinux
    ? lendCapabilities(['CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'], privilegeCalls(), start)
    : start();
  child.unref();
  return child;
};
