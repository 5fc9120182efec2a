import type { Clock } from '../clock.ts';
import { type Mount, parseMountId, parseMountinfo } from '../procfs/mountinfo.ts';
import type { ProcDirectory, ProcfsReader } from '../procfs/reader.ts';
import { memoryMountId } from './memory-mount.ts';

/** Milliseconds for which a mount is taken to be what its number said: numbers of what was unmounted are given out again. */
const FRESH_MS = 1_000;
/** Mounts remembered. */
const MAX_MOUNTS = 1_024;

/** Where an open file is. */
export interface FoundMount {
  /**
   * `major:minor` of the filesystem in decimal, as audit records it. On btrfs, and on overlay over several filesystems,
   * stat(2) gives another number.
   */
  readonly device: string;
  readonly type: string;
  readonly options: string;
  /**
   * Where it is mounted here, outside of containers; undefined if it is not.
   */
  readonly place: string | undefined;
  /** Whether root of the host, and not that of a user namespace, has mounted it. */
  readonly isOfHost: boolean;
}

/** Of files that are in memory alone: no file system that can be mounted has this type. */
export const MEMORY = 'memfd';

/** What is mounted, wherever an open file was reached through. */
export class Mounts {
  readonly #procfs: ProcfsReader;
  readonly #clock: Clock;
  /** By number of the mount: no two have the same, in whatever namespace. */
  readonly #known = new Map<number, FoundMount & { readonly until: number }>();
  readonly #userNamespace: string | undefined;
  readonly #memoryMount: number | undefined;
  #here: ReadonlyMap<string, Mount> = new Map();
  #hereUntil = Number.NEGATIVE_INFINITY;

  constructor(procfs: ProcfsReader, clock: Clock) {
    this.#procfs = procfs;
    this.#clock = clock;
    this.#userNamespace = procfs.link('self', 'ns/user');
    this.#memoryMount = memoryMountId(procfs);
  }

  /**
   * @param namespace whose mounts the file was reached through
   * @returns undefined for what is mounted nowhere; memory that is executed (memfd_create) is MEMORY
   */
  of(fd: number, namespace: ProcDirectory): FoundMount | undefined {
    const fdinfo = this.#procfs.read('self', `fdinfo/${fd}`);
    const id = fdinfo && parseMountId(fdinfo);
    if (id === undefined) return undefined;
    if (id === this.#memoryMount) return MEMORY_MOUNT;
    const now = this.#clock.monotonicMs();
    const known = this.#known.get(id);
    if (known !== undefined && known.until > now) return known;
    this.#read(namespace, now);
    const found = this.#known.get(id);
    return found !== undefined && found.until > now ? found : undefined;
  }

  #read(namespace: ProcDirectory, now: number): void {
    // Mounts are of the user namespace that their mount namespace is of; into such of others nobody gets without its rights.
    const isOfHost = this.#procfs.link(namespace, 'ns/user') === this.#userNamespace;
    const mounts = this.#mountsOf(namespace);
    const here = this.#mountsHere(now);
    if (this.#known.size + mounts.length > MAX_MOUNTS) this.#known.clear();
    for (const { id, major, minor, type, options } of mounts) {
      const device = `${major}:${minor}`;
      const known = here.get(device);
      // What is mounted in a user namespace is not seen here; what is seen here may be mounted there once more.
      const isSeen = known?.type === type;
      const place = isSeen ? known.mountPoint : undefined;
      const until = now + FRESH_MS;
      this.#known.set(id, { device, type, options, place, isOfHost: isOfHost || isSeen, until });
    }
  }

  #mountsHere(now: number): ReadonlyMap<string, Mount> {
    if (now >= this.#hereUntil) {
      this.#here = new Map(this.#mountsOf('self').map(mount => [`${mount.major}:${mount.minor}`, mount]));
      this.#hereUntil = now + FRESH_MS;
    }
    return this.#here;
  }

  #mountsOf(namespace: ProcDirectory): readonly Mount[] {
    const bytes = this.#procfs.readList(namespace, 'mountinfo');
    return bytes === undefined ? [] : parseMountinfo(bytes);
  }
}

/** The device of each file says which it is; there is but one for all of them. */
const MEMORY_MOUNT: FoundMount = {
  device: '',
  type: MEMORY,
  options: '',
  place: undefined,
  isOfHost: true,
};
