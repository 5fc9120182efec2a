import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Undo } from './undo.ts';

// It writes all that waits to be written first: this process goes on meanwhile.
const freeze = (option: '-f' | '-u', path: string) => promisify(execFile)('fsfreeze', [option, path]);

/** Seconds after which a disk that stands still goes on even if this process does not. */
const AT_MOST_S = 60;

/** An ext4 file system in a file, which can be made to stand still, or to fail. It is gone with this process. */
export class LoopDisk implements AsyncDisposable {
  readonly path: string;
  readonly #undo: Undo;

  constructor() {
    const directory = mkdtempSync(join(tmpdir(), 'chaos-disk-'));
    this.path = join(directory, 'mounted');
    const image = join(directory, 'image');
    mkdirSync(this.path);
    this.#undo = new Undo('fsfreeze -u "$1/mounted"; umount "$1/mounted"; rm -r "$1"', directory);
    execFileSync('truncate', ['-s', '256M', image]);
    execFileSync('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0', image]);
    execFileSync('mount', ['-o', 'loop,errors=remount-ro', image, this.path]);
  }

  /** Whoever writes to it waits for so long. */
  async stall(seconds: number): Promise<void> {
    const rescue = spawn('sh', ['-c', `sleep ${AT_MOST_S}; fsfreeze -u "$0"`, this.path], {
      detached: true,
      stdio: 'ignore',
    });
    rescue.unref();
    await freeze('-f', this.path);
    try {
      await sleep(seconds * 1000);
    } finally {
      await freeze('-u', this.path);
      process.kill(-rescue.pid!, 'SIGKILL');
    }
  }

  /** The kernel finds damage: from now on nothing can be written to it, as after a fault of the device. */
  fail(): void {
    const source = execFileSync('findmnt', ['-n', '-o', 'SOURCE', this.path], { encoding: 'utf8' }).trim();
    writeFileSync(`/sys/fs/ext4/${basename(source)}/trigger_fs_error`, 'chaos');
    const options = readFileSync('/proc/mounts', 'latin1');
    if (!new RegExp(` ${this.path} ext4 (ro|\\S*emergency_ro)\\b`).test(options)) {
      throw new Error(`expected a file system that is read-only by now, got ${options}`);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo[Symbol.asyncDispose]();
  }
}
