import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Undo } from '../undo.ts';

const SERVER = fileURLToPath(new URL('./server.ts', import.meta.url));
const DEVICE = '/dev/fuse';
const OPEN = 0o666;
/** Seconds after which the server is ended, whatever happens. */
const TIMEOUT_S = 300;

/** Aborts a FUSE connection, by its number: all its requests, and those to come, fail. */
const ABORT = `
  control=$(mktemp -d)
  mount -t fusectl fusectl "$control" || exit 1
  [ ! -e "$control/$1/abort" ] || echo 1 > "$control/$1/abort"
  umount "$control" && rmdir "$control"`;

/** Removes the directory, and ends what still runs of it: the programs of a server that was killed. */
const REMOVE = `
  for file in /proc/[0-9]*/cmdline; do
    pid=\${file#/proc/}
    pid=\${pid%/cmdline}
    [ "$pid" = $$ ] || ! grep -qs "$1" "$file" || kill -9 "$pid"
  done
  rm -rf "$1"`;

/** Why there can be none here; undefined if there can. */
export const whyNoFuse = (): string | undefined => {
  if (process.getuid?.() !== 0) return 'it takes root, to give an ordinary user the device';
  if (!existsSync(DEVICE)) return `there is no ${DEVICE}`;
  const tried = spawnSync('setpriv', [
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    'unshare',
    '-Urm',
    'true',
  ]);
  return tried.status === 0 ? undefined : 'an ordinary user cannot have a user namespace here (unshare -Urm)';
};

/**
 * A file system in a user namespace of an ordinary user, that answers nobody but its own programs: see server.ts.
 * While it lives others may open /dev/fuse, as on most systems.
 */
export class SilentFuse implements AsyncDisposable {
  readonly #server: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #remove: Undo;
  /** Takes the device away from others again; whoever found it open leaves it so. */
  readonly #close: Undo | undefined;
  #abort: Undo | undefined;

  private constructor(server: ChildProcess, remove: Undo, close: Undo | undefined) {
    this.#server = server;
    this.#remove = remove;
    this.#close = close;
    this.#lines = createInterface({ input: server.stdout! })[Symbol.asyncIterator]();
  }

  /** @param programs how many files it has, each a program that waits */
  static async mount(programs: number, uid = 65_534): Promise<SilentFuse> {
    const directory = mkdtempSync(join(tmpdir(), 'silent-fuse-'));
    chmodSync(directory, 0o777);
    const mode = statSync(DEVICE).mode & 0o777;
    const remove = new Undo(REMOVE, directory);
    const close = mode === OPEN ? undefined : new Undo('chmod "$1" "$2"', mode.toString(8), DEVICE);
    chmodSync(DEVICE, OPEN);
    const user = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
    const node = [process.execPath, '--conditions=source', SERVER, directory, String(programs)];
    const server = spawn('setpriv', [...user, 'unshare', '-Urm', ...node], {
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: TIMEOUT_S * 1000,
      killSignal: 'SIGKILL',
    });
    const fuse = new SilentFuse(server, remove, close);
    try {
      fuse.#abort = new Undo(ABORT, await fuse.#line());
      return fuse;
    } catch (error) {
      await fuse[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs every program once more. @returns their pids */
  async run(): Promise<readonly number[]> {
    this.#server.stdin!.write('run\n');
    return JSON.parse(await this.#line());
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the file system ended early, with status ${this.#server.exitCode}`);
    return value;
  }

  /** Ends it, and the waiting of all who wait for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close?.[Symbol.asyncDispose]();
    const hasEnded = (): boolean => this.#server.exitCode !== null || this.#server.signalCode !== null;
    await this.#abort?.[Symbol.asyncDispose]();
    if (!hasEnded()) {
      const ended = once(this.#server, 'exit');
      if (this.#abort === undefined) this.#server.kill('SIGKILL');
      await ended;
    }
    await this.#remove[Symbol.asyncDispose]();
  }
}
