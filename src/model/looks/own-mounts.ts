import type { ProcfsReader } from '../procfs/reader.ts';
import { MountTable } from './mount-table.ts';

/**
 * Milliseconds after which mounts are read again; and after which they are because something is missing among them.
 */
const REFRESH_MS = 10_000;
const MISSED_MS = 1_000;

/** The mounts in this process's view. */
export class OwnMounts {
  readonly #procfs: ProcfsReader;
  readonly #now: () => number;
  #readAt = Number.NEGATIVE_INFINITY;
  #table = new MountTable(new Uint8Array());

  /** @param now milliseconds of a monotonic clock */
  constructor(procfs: ProcfsReader, now: () => number) {
    this.#procfs = procfs;
    this.#now = now;
  }

  /** Whether a device, `major:minor` in decimal, belongs to a local file system. */
  hasLocal(device: string): boolean {
    return this.#refresh(REFRESH_MS).hasLocal(device) || this.#refresh(MISSED_MS).hasLocal(device);
  }

  /** Whether a path leads into a file system that is not local, judged by its text. */
  isBelowForeign(path: string): boolean {
    return this.#refresh(REFRESH_MS).isBelowForeign(path);
  }

  /** `major:minor` of a path's file system, judged by its text; in decimal. */
  deviceOf(path: string): string | undefined {
    return this.#refresh(REFRESH_MS).deviceOf(path);
  }

  #refresh(afterMs: number): MountTable {
    const now = this.#now();
    if (now - this.#readAt < afterMs) return this.#table;
    this.#readAt = now;
    const bytes = this.#procfs.readList('self', 'mountinfo');
    if (bytes !== undefined) this.#table = new MountTable(bytes);
    return this.#table;
  }
}
