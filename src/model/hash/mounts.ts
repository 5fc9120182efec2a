import type { Clock } from '../clock.ts';
import { type Mount, parseMountId, parseMountinfo } from '../procfs/mountinfo.ts';
import type { ProcDirectory, ProcfsReader } from '../procfs/reader.ts';
import { memoryMountId } from './memory-mount.ts';

/** Milliseconds that a mount's number is trusted: numbers of unmounted ones are reused. */
const FRESH_MS = 1_000;
/** Mounts remembered. */
const MAX_MOUNTS = 1_024;

/** The mount of an open file. */
export interface FoundMount {
  /**
   * The file system's `major:minor` in decimal, as audit records it. On btrfs, and on overlay over several file
   * systems, stat(2) returns another number.
   */
  readonly device: string;
  readonly type: string;
  readonly options: string;
  /** Where it is mounted in our namespace, outside containers; undefined if it is not. */
  readonly place: string | undefined;
  /** Whether the host's root mounted it, and not that of a user namespace. */
  readonly isOfHost: boolean;
}

/** For files only in memory: no file system that can be mounted has this type. */
export const MEMORY = 'memfd';

/** Finds mounts, through whichever namespace an open file was reached. */
export class Mounts {
  readonly #procfs: ProcfsReader;
  readonly #clock: Clock;
  /** By the mount's number, which is unique across namespaces. */
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
   * @param namespace through which the file was reached
   * @returns undefined for a file on no mount; executed memory (memfd_create) is MEMORY
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
    // Mounts belong to the user namespace of their mount namespace; nobody can enter such a namespace of others
    // without its rights.
    const isOfHost = this.#procfs.link(namespace, 'ns/user') === this.#userNamespace;
    const mounts = this.#mountsOf(namespace);
    const here = this.#mountsHere(now);
    if (this.#known.size + mounts.length > MAX_MOUNTS) this.#known.clear();
    for (const { id, major, minor, type, options } of mounts) {
      const device = `${major}:${minor}`;
      const known = here.get(device);
      // Mounts in a user namespace are not seen here; a mount that is seen here may be mounted again there.
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

/** The device of each file distinguishes them; there is only one for all of them. */
const MEMORY_MOUNT: FoundMount = {
  device: '',
  type: MEMORY,
  options: '',
  place: undefined,
  isOfHost: true,
};
