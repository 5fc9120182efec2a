import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { decodeText } from '../../audit/value.ts';

/** Longest list that is read from procfs; `mountinfo` of a busy container host has a few hundred kilobytes. */
export const MAX_PROC_LIST_BYTES = 4_194_304;

/** Bytes of one read: more than any file that procfs writes in one piece, except a long command line. */
const PIECE_BYTES = 16_384;

/** The directory in procfs: a pid, the reader itself, or procfs's own. */
export type ProcDirectory = number | 'self' | 'host';

/**
 * Reads procfs. What no longer exists is undefined: processes end between any two reads.
 *
 * Most of it never waits for a disk, a network or another process: the kernel itself knows `stat`, `status`,
 * `cgroup`, `loginuid`, `sessionid`, `mountinfo`, `fdinfo/N` and `uptime`, and the text of the links `exe`, `fd/N`
 * and `ns/…`. A process that can be given up (see LookKeeper) has to read:
 * - `cmdline` and `environ`: they are in the process's memory, which may be pages of a file on a file system that
 *   does not answer, or wait for a userfaultfd;
 * - `maps` and `smaps`, which take the lock of that memory;
 * - everything that follows the links `exe`, `root`, `cwd` and `fd/N` instead of reading their text.
 */
export class ProcfsReader {
  readonly root: string;
  readonly #buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);

  /** @param root `/proc`, or a directory that looks like it */
  constructor(root = '/proc') {
    this.root = root;
  }

  /** A file of a process or of the host, at most its first 16 KiB. The bytes are valid until the next read. */
  read(directory: ProcDirectory, name: string): Buffer | undefined {
    const fd = this.#open(directory, name);
    if (fd === undefined) return undefined;
    try {
      // One read is enough: these files are written in one piece.
      return this.#buffer.subarray(0, readSync(fd, this.#buffer, 0, PIECE_BYTES, null));
    } catch {
      // ESRCH: the process ended after the file was opened.
      return undefined;
    } finally {
      closeSync(fd);
    }
  }

  /** A file of many entries, such as `mountinfo`, which procfs returns a page at a time. */
  readList(directory: ProcDirectory, name: string): Buffer | undefined {
    const fd = this.#open(directory, name);
    if (fd === undefined) return undefined;
    const pieces: Buffer[] = [];
    let length = 0;
    try {
      while (length < MAX_PROC_LIST_BYTES) {
        const read = readSync(fd, this.#buffer, 0, PIECE_BYTES, null);
        if (read === 0) break;
        pieces.push(Buffer.from(this.#buffer.subarray(0, read)));
        length += read;
      }
    } catch {
      return undefined;
    } finally {
      closeSync(fd);
    }
    return Buffer.concat(pieces);
  }

  /** Target of a symbolic link, as text. */
  link(directory: ProcDirectory, name: string): string | undefined {
    try {
      return decodeText(readlinkSync(this.path(directory, name), 'buffer'));
    } catch {
      return undefined;
    }
  }

  /** All processes, in no order. */
  pids(): readonly number[] {
    try {
      return readdirSync(this.root)
        .filter(name => /^\d{1,10}$/.test(name))
        .map(Number);
    } catch {
      return [];
    }
  }

  path(directory: ProcDirectory, name: string): string {
    return directory === 'host' ? `${this.root}/${name}` : `${this.root}/${directory}/${name}`;
  }

  #open(directory: ProcDirectory, name: string): number | undefined {
    try {
      return openSync(this.path(directory, name), 'r');
    } catch {
      return undefined;
    }
  }
}
