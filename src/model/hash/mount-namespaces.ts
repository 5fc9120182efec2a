import { MountTable } from '../looks/mount-table.ts';
import type { ProcfsReader } from '../procfs/reader.ts';

/** Most namespaces whose mounts are read, and most processes remembered of each. */
export const MAX_NAMESPACES = 1_024;
const MAX_WITNESSES = 3;
/** Most ways to a file that one search offers. */
const MAX_WAYS = 12;
/** Milliseconds from one search to the next; and to one for a file that the host most likely has itself. */
const SEARCH_MS = 50;
const SEARCH_HERE_MS = 5_000;
/**
 * Largest part of the time that searches may take; and milliseconds after which a search ends with what it has seen.
 */
const COST_SHARE = 0.05;
const MAX_SEARCH_MS = 250;

/** A place where a file may be found. */
export interface OtherWay {
  readonly path: string;
  /** The namespace whose mounts lead to it. */
  readonly namespace: number | 'self';
}

interface Elsewhere {
  readonly mounts: MountTable;
  readonly witnesses: number[];
}

/**
 * Finds the files of ended processes that were in another mount namespace or another root directory than the host's:
 * through a living process there, such as a container's first one, or where the host itself has mounted the file
 * system. The caller verifies by device and inode that it is the right file.
 *
 * Only if the host's root made the mounts: a path through a user's own mounts could hang a look for somebody else's
 * file.
 */
export class MountNamespaces {
  readonly #procfs: Pick<ProcfsReader, 'pids' | 'link' | 'readList' | 'path'>;
  readonly #now: () => number;
  readonly #ownMount: string | undefined;
  readonly #ownUser: string | undefined;
  readonly #ownRoot: string | undefined;
  #here = new MountTable(new Uint8Array());
  #elsewhere: readonly Elsewhere[] = [];
  #searchedAt = Number.NEGATIVE_INFINITY;
  #searchTook = 0;

  /** @param now milliseconds of a monotonic clock */
  constructor(procfs: Pick<ProcfsReader, 'pids' | 'link' | 'readList' | 'path'>, now: () => number) {
    this.#procfs = procfs;
    this.#now = now;
    this.#ownMount = procfs.link('self', 'ns/mnt');
    this.#ownUser = procfs.link('self', 'ns/user');
    this.#ownRoot = procfs.link('self', 'root');
  }

  /**
   * Ways to a file, the surest first. A caller that takes them all has not found it; then the processes are searched
   * again, unless that was just done.
   *
   * @param device of the file's file system, `major:minor` in decimal
   * @param path the path that the process used
   */
  *waysTo(device: string, path: string): Iterable<OtherWay> {
    yield* this.#known(device, path);
    const isHere = this.#here.deviceOf(path) === device;
    if (this.#search(isHere ? SEARCH_HERE_MS : SEARCH_MS)) yield* this.#known(device, path);
  }

  *#known(device: string, path: string): Iterable<OtherWay> {
    let left = MAX_WAYS;
    for (const { mounts, witnesses } of this.#elsewhere) {
      if (mounts.deviceOf(path) !== device || mounts.isBelowForeign(path)) continue;
      for (const pid of witnesses) {
        if (left-- === 0) return;
        yield { path: this.#procfs.path(pid, `root${path}`), namespace: pid };
      }
    }
    // A container's root directory, which stays mounted for a moment after its last process.
    const place = this.#here.overlayAt(device);
    if (place !== undefined && place !== '/') yield { path: `${place}${path}`, namespace: 'self' };
  }

  /** @returns whether enough time had passed */
  #search(afterMs: number): boolean {
    const start = this.#now();
    if (start - this.#searchedAt < Math.max(afterMs, this.#searchTook / COST_SHARE)) return false;
    const found = new Map<string, Elsewhere | undefined>();
    let read = 0;
    for (const pid of this.#procfs.pids()) {
      if (this.#now() - start > MAX_SEARCH_MS) break;
      const mount = this.#procfs.link(pid, 'ns/mnt');
      const root = mount === undefined ? undefined : this.#procfs.link(pid, 'root');
      if (root === undefined || (mount === this.#ownMount && root === this.#ownRoot)) continue;
      const key = `${mount} ${root}`;
      const known = found.get(key);
      if (known !== undefined) {
        if (known.witnesses.length < MAX_WITNESSES) known.witnesses.push(pid);
      } else if (!found.has(key) && read < MAX_NAMESPACES) {
        const isOfHost = this.#procfs.link(pid, 'ns/user') === this.#ownUser;
        if (isOfHost) read++;
        found.set(key, isOfHost ? this.#read(pid) : undefined);
      }
    }
    this.#elsewhere = [...found.values()].filter(one => one !== undefined);
    const here = this.#procfs.readList('self', 'mountinfo');
    if (here !== undefined) this.#here = new MountTable(here);
    this.#searchedAt = this.#now();
    this.#searchTook = this.#searchedAt - start;
    return true;
  }

  #read(pid: number): Elsewhere | undefined {
    const mountinfo = this.#procfs.readList(pid, 'mountinfo');
    return mountinfo && { mounts: new MountTable(mountinfo), witnesses: [pid] };
  }
}
