import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { lendCapabilities } from '../../runtime/lend-capabilities.ts';
import { privilegeCalls } from '../../runtime/privilege-calls.ts';
import { BridgeFile } from './bridge-file.ts';
import { givesDescriptors, processIdentity } from './process-handle.ts';

const FLOCK_PATHS: readonly string[] = ['/usr/bin/flock', '/bin/flock'];
/** Descriptor of the audit socket in the holder: the first after the standard ones. */
export const HELD_FD = 3;
/** The program that the holder becomes, by a name that remains valid after the file was removed. */
const KEEPER_PATH = '/proc/self/fd/4';
/** The file that this process runs, even if its name leads to another by now. */
const OWN_PROGRAM = '/proc/self/exe';

export interface BridgeOptions {
  /** The state directory, locked by this process. */
  readonly directory: string;
  /** The audit socket. */
  readonly fd: number;
  /** Command that runs `keepBridge` with `HELD_FD`. */
  readonly keeper: { readonly path: string; readonly args: readonly string[] };
  readonly flockPaths?: readonly string[];
  /** The holder has ended, or was ended. */
  readonly onBroken: () => void;
}

/**
 * Keeps the audit socket open after this process ends. While the socket of the registered audit daemon is open, the
 * kernel keeps queueing records in it; without one it drops them.
 *
 * The holder is `flock`, which waits for a lock that ends with this process; it takes 2 MB and no CPU. When it gets
 * the lock it becomes `keepBridge`, which waits for the next instance or puts audit back. It has the program open for
 * that, because the file may have been removed by then.
 */
export class Bridge {
  readonly #file: BridgeFile;
  readonly #holder: ChildProcess;
  #stands = true;

  private constructor(file: BridgeFile, holder: ChildProcess) {
    this.#file = file;
    this.#holder = holder;
  }

  /** @throws Error that says why there can be no bridge */
  static build({ directory, fd, keeper, flockPaths = FLOCK_PATHS, onBroken }: BridgeOptions): Bridge {
    const flock = flockPaths.find(path => existsSync(path));
    if (flock === undefined) throw new Error(`no flock at ${flockPaths.join(' or ')}`);
    if (!givesDescriptors()) {
      throw new Error('this kernel cannot pass descriptors from process to process (pidfd_getfd, Linux 5.6)');
    }
    const file = BridgeFile.lock(directory);
    let holder: ChildProcess | undefined;
    let program: number | undefined;
    try {
      program = openSync(keeper.path === process.execPath ? OWN_PROGRAM : keeper.path, 'r');
      const stdio: StdioOptions = ['ignore', 'ignore', 'ignore', fd, program];
      // The process that puts audit back needs this capability.
      holder = lendCapabilities(['CAP_AUDIT_CONTROL'], privilegeCalls(), () =>
        spawn(flock, ['--no-fork', file.path, KEEPER_PATH, ...keeper.args], {
          cwd: '/',
          env: {},
          // So it does not get the terminal's Ctrl-C.
          detached: true,
          stdio,
        }),
      );
      holder.unref();
      const bridge = new Bridge(file, holder);
      const broken = (): void => {
        if (bridge.#stands) onBroken();
        bridge.#stands = false;
      };
      holder.on('error', broken);
      holder.on('exit', broken);
      const owner = processIdentity(process.pid);
      const held = holder.pid === undefined ? undefined : processIdentity(holder.pid);
      if (owner === undefined || held === undefined) throw new Error(`${flock} could not be started`);
      file.write({ owner, holder: held });
      return bridge;
    } catch (error) {
      holder?.kill('SIGKILL');
      file.clear();
      throw error;
    } finally {
      if (program !== undefined) closeSync(program);
    }
  }

  /** Whether the socket would outlive this process. */
  get stands(): boolean {
    return this.#stands;
  }

  /** From now on the socket ends with this process. May be called any number of times. */
  remove(): void {
    if (!this.#stands) return;
    this.#stands = false;
    this.#holder.kill('SIGKILL');
    this.#file.clear();
  }
}
