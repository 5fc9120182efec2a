import { parseMountinfo } from '../procfs/mountinfo.ts';
import type { ProcfsReader } from '../procfs/reader.ts';
import { isLocal } from './file-systems.ts';

/** Milliseconds after which mounts are read again, and after which they are because something is not among them. */
const REFRESH_MS = 10_000;
const MISSED_MS = 1_000;

/** What is mounted where this process is. */
export class OwnMounts {
  readonly #procfs: ProcfsReader;
  readonly #now: () => number;
  #readAt = Number.NEGATIVE_INFINITY;
  #local: ReadonlySet<string> = new Set();
  #foreign: readonly string[] = [];
  #devices: ReadonlyMap<string, string> = new Map();

  /** @param now milliseconds of a monotonic clock */
  constructor(procfs: ProcfsReader, now: () => number) {
    this.#procfs = procfs;
    this.#now = now;
  }

  /** Whether a device, `major:minor` in decimal, is that of a file system that answers on its own. */
  hasLocal(device: string): boolean {
    this.#refresh(REFRESH_MS);
    if (this.#local.has(device)) return true;
    this.#refresh(MISSED_MS);
    return this.#local.has(device);
  }

  /** Whether a path leads into one that does not, as far as its text says. */
  isBelowForeign(path: string): boolean {
    this.#refresh(REFRESH_MS);
    return this.#foreign.some(place => path === place || path.startsWith(`${place === '/' ? '' : place}/`));
  }

  /** `major:minor` of the file system that a path is on, as far as its text says; in decimal. */
  deviceOf(path: string): string | undefined {
    this.#refresh(REFRESH_MS);
    for (let place = path; place !== ''; place = place.slice(0, place.lastIndexOf('/'))) {
      const device = this.#devices.get(place);
      if (device !== undefined) return device;
    }
    return this.#devices.get('/');
  }

  #refresh(afterMs: number): void {
    const now = this.#now();
    if (now - this.#readAt < afterMs) return;
    this.#readAt = now;
    const bytes = this.#procfs.readList('self', 'mountinfo');
    if (bytes === undefined) return;
    const mounts = parseMountinfo(bytes);
    this.#local = new Set(
      mounts.filter(({ type }) => isLocal(type)).map(({ major, minor }) => `${major}:${minor}`),
    );
    // What is mounted last at a place hides what was before.
    this.#devices = new Map(mounts.map(({ mountPoint, major, minor }) => [mountPoint, `${major}:${minor}`]));
    this.#foreign = mounts.filter(({ type }) => !isLocal(type)).map(({ mountPoint }) => mountPoint);
  }
}
