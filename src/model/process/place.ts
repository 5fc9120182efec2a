import type { ProcfsReader } from '../procfs/reader.ts';
import { parseNamespace } from '../procfs/values.ts';

/** The place of a process that does not see the host's own root directory. */
export interface Place {
  /** Inode number of its mount namespace. */
  readonly mount: number;
  /** Its root directory, in that namespace. */
  readonly root: string;
  /** Inode number of its user namespace. */
  readonly user: number | undefined;
}

const ROOT = '/';

/** Determines where processes are, from the text of links in procfs, none of which is followed. */
export class Places {
  readonly #procfs: ProcfsReader;
  readonly #ownMount: number | undefined;
  readonly #ownRoot: string | undefined;

  constructor(procfs: ProcfsReader) {
    this.#procfs = procfs;
    this.#ownMount = this.#namespace('self', 'mnt');
    this.#ownRoot = procfs.link('self', 'root');
  }

  /** Whether it can be determined. */
  get areTold(): boolean {
    return this.#ownMount !== undefined;
  }

  /** @returns null for a process that sees the host's root directory; undefined for one that is gone */
  of(pid: number): Place | null | undefined {
    const mount = this.#namespace(pid, 'mnt');
    if (mount === undefined) return undefined;
    const root = this.#procfs.link(pid, 'root');
    if (root === undefined) return undefined;
    if (mount === this.#ownMount && root === (this.#ownRoot ?? ROOT)) return null;
    return { mount, root, user: this.#namespace(pid, 'user') };
  }

  #namespace(pid: number | 'self', kind: 'mnt' | 'user'): number | undefined {
    const target = this.#procfs.link(pid, `ns/${kind}`);
    return target === undefined ? undefined : parseNamespace(target);
  }
}
