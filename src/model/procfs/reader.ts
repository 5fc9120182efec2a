import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { decodeText } from '../../audit/value.ts';

/** Longest list read from procfs; `mountinfo` of a busy container host is a few hundred kilobytes. */
export const MAX_PROC_LIST_BYTES = 4_194_304;

/** What one read takes: more than any file that procfs writes in one piece, a long command line excepted. */
const PIECE_BYTES = 16_384;

/** Where a process's files are looked for: a pid, the reader itself, or procfs's own directory. */
export type ProcDirectory = number | 'self' | 'host';

/**
 * Reads procfs. What is not there any more is undefined: processes end between any two reads.
 *
 * Most of it never waits for a disk, a network or another process: `stat`, `status`, `cgroup`, `loginuid`, `sessionid`,
 * `mountinfo`, `fdinfo/N` and `uptime` are what the kernel itself knows, and so is the text of the links `exe`, `fd/N` and
 * `ns/…`. What must be left to a process that can be given up (see LookKeeper):
 * - `cmdline` and `environ`: they lie in the process's memory, which may be pages of a file on a file system that does not
 *   answer, or wait for a userfaultfd;
 * - `maps` and `smaps`, which take the lock of that memory;
 * - whatever follows the links `exe`, `root`, `cwd` and `fd/N` instead of reading their text.
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

  /** A file of many entries, which procfs gives out a page at a time, such as `mountinfo`. */
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

  /** All processes there are, in no order. */
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
