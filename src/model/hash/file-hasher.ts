import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { ModelEvent } from '../model-event.ts';
import { isDeleted, withoutDeleted } from '../process/image.ts';
import type { ProcfsReader } from '../procfs/reader.ts';
import { parseAuditDevice, statDevice } from './device.ts';
import type { Digester } from './digester.ts';
import { type Digests, MAX_REMEMBERED } from './digests.ts';
import { type FileVersion, fileVersion, GRAIN_MS } from './file-version.ts';
import type { MountNamespaces } from './mount-namespaces.ts';
import type { FoundMount, Mounts } from './mounts.ts';
import { type Proof, proofFor } from './proof.ts';

export interface HashLimits {
  /** Larger files are not read. */
  readonly maxFileBytes: number;
  /** Most digests that are remembered, by version of the file. */
  readonly maxRemembered: number;
}

export const HASH_LIMITS: HashLimits = {
  maxFileBytes: 67_108_864,
  maxRemembered: MAX_REMEMBERED,
};

export interface HashCounters {
  /** Answers from memory, and files that were read. */
  remembered: number;
  read: number;
  /** Why there was no answer: no reachable file is the one that ran … */
  notFound: number;
  /** … it is larger than the limit … */
  tooLarge: number;
  /** … it was changed at the time of the exec, later, or while being read … */
  changed: number;
  /** … its content can be changed there without a trace … */
  unproven: number;
  /** … it could not be opened or read … */
  unreadable: number;
  /** … or too many were waiting. */
  refused: number;
}

export const createHashCounters = (): HashCounters => ({
  remembered: 0,
  read: 0,
  notFound: 0,
  tooLarge: 0,
  changed: 0,
  unproven: 0,
  unreadable: 0,
  refused: 0,
});

/** What ran. */
export interface HashRequest {
  readonly pid: number;
  /** Path of the running image as it was recorded. */
  readonly path: string | undefined;
  /** The files that the exec opened; one of them is the image. */
  readonly files: ModelEvent['files'];
  /** Milliseconds since the epoch; undefined for a process that ran before this program started. */
  readonly execMs: number | undefined;
  /** Whether `pid` is still the same process; asked only if the answer matters. */
  readonly isSame: () => boolean;
  /** The process is known to have ended: its links lead nowhere, or to another process's file. */
  readonly ended?: boolean;
  /** A living process that most likely sees the same files, such as the parent. */
  readonly neighbour?: number | undefined;
  /** The user who ran it: files wait for their turn by owner. */
  readonly owner?: number;
}

/** Digests, and how long they are valid. */
export interface HashFinding {
  readonly digests: Digests;
  /** Identifies the content permanently, for the same version found again; undefined if nothing does. */
  readonly key: string | undefined;
  /** Valid only if the process has not executed anything since. */
  readonly whileRunning: boolean;
}

/** A way to a file: the link to what a process runs, or a path. */
interface Way {
  readonly kind: 'exe' | 'path';
  readonly path: string;
  readonly namespace: number | 'self';
}

interface Found {
  readonly way: Way;
  readonly version: FileVersion;
  readonly proof: Proof;
  readonly pin: Pin;
}

const NOWHERE_ELSE: Pick<MountNamespaces, 'waysTo'> = { waysTo: () => [] };
const isLinux = process.platform === 'linux';
/** Linux's O_PATH gives no access to the content; elsewhere, opening without waiting has to be enough. */
const PIN_FLAGS = isLinux ? 0o10000000 : constants.O_RDONLY | constants.O_NONBLOCK;
const O_NOATIME = isLinux ? 0o1000000 : 0;

/**
 * Digests of the file that a process ran, never of one that replaced it:
 *
 * - The file must be the one recorded at the exec, by device and inode; or what the process still runs, under the
 *   recorded path.
 * - It must not have changed since. Where times tell (see proof.ts), either its ctime is older than the exec, or the
 *   process still runs it: the kernel lets nobody write to a file that is being executed.
 * - It must be the same version before and after it was read. It is opened by a descriptor that is known to be of
 *   that version, not by a path.
 *
 * Each version of a file is read once, for all who ask. Every look may hang, so this runs in a process that can be
 * given up.
 */
export class FileHasher {
  readonly counters: HashCounters = createHashCounters();
  readonly #procfs: ProcfsReader;
  readonly #mounts: Pick<Mounts, 'of'>;
  readonly #namespaces: Pick<MountNamespaces, 'waysTo'>;
  readonly #clock: Clock;
  readonly #digester: Digester;
  readonly #limits: HashLimits;
  readonly #deniesWrites: boolean;
  readonly #remembered: LRUCache<string, Digests>;
  readonly #reading = new Map<string, Promise<Digests | undefined>>();

  constructor(options: {
    readonly procfs: ProcfsReader;
    readonly mounts: Pick<Mounts, 'of'>;
    readonly namespaces?: Pick<MountNamespaces, 'waysTo'>;
    readonly clock: Clock;
    readonly digester: Digester;
    readonly limits?: Partial<HashLimits>;
    /** Whether the kernel prevents writes to files while they run. */
    readonly deniesWrites?: boolean;
  }) {
    this.#procfs = options.procfs;
    this.#mounts = options.mounts;
    this.#namespaces = options.namespaces ?? NOWHERE_ELSE;
    this.#clock = options.clock;
    this.#digester = options.digester;
    this.#limits = { ...HASH_LIMITS, ...options.limits };
    this.#remembered = new LRUCache({ max: this.#limits.maxRemembered });
    this.#deniesWrites = options.deniesWrites ?? true;
  }

  /** @returns a promise only if the file has to be read */
  digest(request: HashRequest): HashFinding | undefined | Promise<HashFinding | undefined> {
    if (request.path === undefined) return undefined;
    for (const way of this.#ways(request)) {
      const pin = pinOf(way.path);
      if (pin === undefined) continue;
      // It is read later, if at all.
      let isKept = false;
      try {
        const mount = this.#mounts.of(pin.fd, way.namespace);
        // The server of such files can give each reader different content, or hang at the first call.
        if (proofFor(mount) === 'none') {
          this.counters.unproven++;
          return undefined;
        }
        const stats = fstatSync(pin.fd, { bigint: true });
        const version = fileVersion(stats);
        if (version === undefined || !this.#isMeant(request, way, version, mount)) continue;
        const proof = proofFor(mount, stats, this.#clock.wallMs());
        const answer = this.#digestOf(request, { way, version, proof, pin });
        isKept = answer instanceof Promise;
        return answer;
      } catch {
        // It existed a moment ago.
      } finally {
        if (!isKept) pin.close();
      }
    }
    this.counters.notFound++;
    return undefined;
  }

  *#ways({ pid, path, files, ended, neighbour }: HashRequest): Generator<Way> {
    if (ended !== true) yield { kind: 'exe', path: this.#procfs.path(pid, 'exe'), namespace: pid };
    // A path alone is not enough: the record must identify the file there.
    if (path === undefined || !path.startsWith('/') || isDeleted(path) || files.length === 0) return;
    const within = (process: number): Way => ({
      kind: 'path',
      path: this.#procfs.path(process, `root${path}`),
      namespace: process,
    });
    if (ended !== true) yield within(pid);
    yield { kind: 'path', path, namespace: 'self' };
    if (neighbour !== undefined) yield within(neighbour);
    const devices = files.map(({ dev }) => (dev === undefined ? undefined : parseAuditDevice(dev)));
    for (const device of new Set(devices)) {
      if (device === undefined) continue;
      for (const way of this.#namespaces.waysTo(device, path)) yield { kind: 'path', ...way };
    }
  }

  /** Whether a file is the one that ran. */
  #isMeant(
    request: HashRequest,
    way: Way,
    { dev, inode, ctimeMs }: FileVersion,
    mount: FoundMount | undefined,
  ): boolean {
    const recorded = request.files.filter(file => file.inode === inode && file.dev !== undefined);
    if (recorded.length > 0) {
      // The device from stat(2) may be artificial; audit records the file system's.
      const devices = [statDevice(dev), mount?.device];
      return recorded.some(file => devices.includes(parseAuditDevice(file.dev!)));
    }
    // The link leads to what runs, whatever its name. The path tells that it is the image meant, and not that of a
    // later exec.
    if (way.kind !== 'exe') return false;
    const running = this.#procfs.link(request.pid, 'exe');
    if (running === undefined || withoutDeleted(running) !== withoutDeleted(request.path!)) return false;
    // The same path, executed again after another file was put there.
    if (request.execMs !== undefined && ctimeMs + GRAIN_MS >= request.execMs) return false;
    return request.isSame();
  }

  /** Releases the file unless it returns a promise. */
  #digestOf(request: HashRequest, found: Found): HashFinding | undefined | Promise<HashFinding | undefined> {
    const { way, version, proof } = found;
    if (proof === 'none' || (proof === 'running' && !(way.kind === 'exe' && this.#deniesWrites))) {
      this.counters.unproven++;
      return undefined;
    }
    const settled = proof === 'times' && isSettled(version, request.execMs);
    // A file found by its path that is not older than the exec may have been changed since. A running file cannot.
    if (!settled && (way.kind !== 'exe' || !this.#deniesWrites || changedAfter(version, request.execMs))) {
      return this.#changed();
    }
    const key = proof === 'times' ? version.key : undefined;
    const remembered = key === undefined ? undefined : this.#recall(key);
    if (remembered !== undefined) return { digests: remembered, key, whileRunning: false };
    if (version.size > this.#limits.maxFileBytes) {
      this.counters.tooLarge++;
      return undefined;
    }
    return this.#findingOf(request, found, settled);
  }

  async #findingOf(request: HashRequest, found: Found, settled: boolean): Promise<HashFinding | undefined> {
    const { version, proof } = found;
    const digests = await this.#readOnce(found, request.owner ?? 0);
    if (digests === undefined) return undefined;
    if (settled)
      return {
        digests,
        key: this.#remembered.has(version.key) ? version.key : undefined,
        whileRunning: false,
      };
    if (!this.#isStillRunning(request.pid, version)) return this.#changed();
    return { digests, key: undefined, whileRunning: proof === 'running' };
  }

  #isStillRunning(pid: number, version: FileVersion): boolean {
    const pin = pinOf(this.#procfs.path(pid, 'exe'));
    try {
      return pin !== undefined && fileVersion(fstatSync(pin.fd, { bigint: true }))?.key === version.key;
    } catch {
      return false;
    } finally {
      pin?.close();
    }
  }

  #changed(): undefined {
    this.counters.changed++;
    return undefined;
  }

  #readOnce({ pin, version, proof }: Found, owner: number): Promise<Digests | undefined> {
    const known = proof === 'times' ? this.#reading.get(version.key) : undefined;
    if (known !== undefined) {
      pin.close();
      return known;
    }
    const reading = this.#read(pin, version, owner, proof).finally(() => this.#reading.delete(version.key));
    if (proof === 'times') this.#reading.set(version.key, reading);
    return reading;
  }

  async #read(pin: Pin, version: FileVersion, owner: number, proof: Proof): Promise<Digests | undefined> {
    // The file is held open: before its turn it may be deleted, and the process may end.
    const fd = openPinned(pin);
    if (fd === undefined) {
      this.counters.unreadable++;
      return undefined;
    }
    try {
      const before = fstatSync(fd, { bigint: true });
      if (fileVersion(before)?.key !== version.key) return this.#changed();
      const startMs = this.#clock.wallMs();
      const digests = await this.#digester({
        fd,
        size: version.size,
        allocated: Number(before.blocks) * 512,
        owner,
      });
      if (digests === 'refused') {
        this.counters.refused++;
        return undefined;
      }
      if (fileVersion(fstatSync(fd, { bigint: true }))?.key !== version.key) return this.#changed();
      if (digests === undefined) {
        this.counters.unreadable++;
        return undefined;
      }
      this.counters.read++;
      // If it changed again within the grain of its times, it would still have the same version.
      if (proof === 'times' && version.ctimeMs + GRAIN_MS < startMs)
        this.#remembered.set(version.key, digests);
      return digests;
    } catch {
      this.counters.unreadable++;
      return undefined;
    } finally {
      closeSync(fd);
    }
  }

  #recall(key: string): Digests | undefined {
    const digests = this.#remembered.get(key);
    if (digests !== undefined) this.counters.remembered++;
    return digests;
  }
}

/** Whether a file was last changed before an exec, so that its present content is what ran. */
export const isSettled = ({ ctimeMs }: Pick<FileVersion, 'ctimeMs'>, execMs: number | undefined): boolean =>
  execMs !== undefined && ctimeMs + GRAIN_MS < execMs;

/**
 * Whether a running file differs from what it was at the exec: it was written to in between, and executed again by
 * the same process. Deleting it changes its ctime as well, but not its content.
 */
const changedAfter = ({ ctimeMs, mtimeMs, links }: FileVersion, execMs: number | undefined): boolean =>
  execMs !== undefined && ctimeMs > execMs + GRAIN_MS && !(links === 0 && mtimeMs <= execMs + GRAIN_MS);

/** A file held by a descriptor without access to its content. */
interface Pin {
  readonly fd: number;
  close(): void;
}

const pinOf = (path: string): Pin | undefined => {
  try {
    const fd = openSync(path, PIN_FLAGS);
    return { fd, close: () => closeSync(fd) };
  } catch {
    return undefined;
  }
};

/** Opens the held file and releases the hold; does not change its access time if that is allowed. */
const openPinned = (pin: Pin): number | undefined => {
  const path = isLinux ? `/proc/self/fd/${pin.fd}` : `/dev/fd/${pin.fd}`;
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  try {
    return openSync(path, flags | O_NOATIME);
  } catch {
    try {
      return openSync(path, flags);
    } catch {
      return undefined;
    }
  } finally {
    pin.close();
  }
};
