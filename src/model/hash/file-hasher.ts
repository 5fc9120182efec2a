import { type BigIntStats, closeSync, constants, fstat, openSync, statSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import type { ModelEvent } from '../model-event.ts';
import { isDeleted, withoutDeleted } from '../process/image.ts';
import type { ProcfsReader } from '../procfs/reader.ts';
import { parseAuditDevice, statDevice } from './device.ts';
import type { Digester } from './digester.ts';
import type { Digests } from './digests.ts';
import { type FileVersion, fileVersion, GRAIN_MS } from './file-version.ts';
import type { Mounts } from './mounts.ts';

export interface HashLimits {
  /** Larger files are not read. */
  readonly maxFileBytes: number;
  /** Digests remembered, by version of the file. */
  readonly maxRemembered: number;
  /** Files being read at once, and waiting to be. */
  readonly maxReading: number;
  readonly maxWaiting: number;
}

export const HASH_LIMITS: HashLimits = {
  maxFileBytes: 67_108_864,
  maxRemembered: 8192,
  maxReading: 4,
  maxWaiting: 256,
};

export interface HashCounters {
  /** Answers from memory, and files read. */
  remembered: number;
  read: number;
  /** Why there was no answer: no file in sight is the one that ran … */
  notFound: number;
  /** … it is larger than the limit … */
  tooLarge: number;
  /** … it was changed at the time of the exec, later, or while being read … */
  changed: number;
  /** … it could not be opened or read … */
  unreadable: number;
  /** … or too many were waiting. */
  refused: number;
}

/** What ran. */
export interface HashRequest {
  readonly pid: number;
  /** Path of the running image as it was recorded. */
  readonly path: string | undefined;
  /** The files that the exec opened; one of them is the image. */
  readonly files: ModelEvent['files'];
  /** Milliseconds since the epoch; undefined for a process that was running before anyone looked. */
  readonly execMs: number | undefined;
  /** Whether `pid` is still the process that is meant; asked only where the answer matters. */
  readonly isSame: () => boolean;
  /** The process is known to have ended: its links lead nowhere, or to another process's file. */
  readonly ended?: boolean;
  /** A living process that most likely sees the same files, such as the parent. */
  readonly neighbour?: number | undefined;
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
}

const isLinux = process.platform === 'linux';
/** O_PATH of Linux can do nothing to the file; elsewhere opening without waiting has to do. */
const PIN_FLAGS = isLinux ? 0o10000000 : constants.O_RDONLY | constants.O_NONBLOCK;
const O_NOATIME = isLinux ? 0o1000000 : 0;

/**
 * Digests of the file that a process ran, never of one that took its place:
 *
 * - The file must be the one recorded at the exec, by device and inode; or what the process still runs, under the
 *   recorded path.
 * - It must not have changed since. Either its ctime is older than the exec, or the process still runs it: the kernel
 *   lets nobody write to a file that is being executed.
 * - It must be the same version before and after it was read, and it is opened by a descriptor that is known to be of
 *   that version, not by a path.
 *
 * Each version of a file is read once, for all who ask. Looking at files happens at once where that cannot hang, so
 * that short-lived processes are still caught; reading them is for the digester.
 */
export class FileHasher {
  readonly counters: HashCounters = {
    remembered: 0,
    read: 0,
    notFound: 0,
    tooLarge: 0,
    changed: 0,
    unreadable: 0,
    refused: 0,
  };
  readonly #procfs: ProcfsReader;
  readonly #mounts: Mounts;
  readonly #clock: Clock;
  readonly #digester: Digester;
  readonly #limits: HashLimits;
  /** Oldest first. */
  readonly #remembered = new Map<string, { readonly digests: Digests; isUsed: boolean }>();
  readonly #reading = new Map<string, Promise<Digests | undefined>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: {
    readonly procfs: ProcfsReader;
    readonly mounts: Mounts;
    readonly clock: Clock;
    readonly digester: Digester;
    readonly limits?: Partial<HashLimits>;
  }) {
    this.#procfs = options.procfs;
    this.#mounts = options.mounts;
    this.#clock = options.clock;
    this.#digester = options.digester;
    this.#limits = { ...HASH_LIMITS, ...options.limits };
  }

  /**
   * Digests that are remembered, for a file that was looked at after the exec already: unless it has changed since the
   * exec, nothing is left to be looked at.
   *
   * @param found one of the files that the exec opened
   */
  recall(found: NonNullable<ModelEvent['image']>, execMs: number): Digests | undefined {
    return isSettled(found, execMs) ? this.#recall(found.key) : undefined;
  }

  /** @returns a promise only if the file has to be read, or looking at it might hang */
  digest(request: HashRequest): Digests | undefined | Promise<Digests | undefined> {
    if (request.path === undefined) return undefined;
    if (!this.#mounts.local) return this.#digestSlowly(request);
    for (const way of this.#ways(request)) {
      const version = this.#versionOf(statNow(way.path));
      if (version === undefined) continue;
      let match = this.#compare(request, way, version);
      if (match === 'device?') match = this.#onRecordedDevice(request, way, version, pinNow(way.path));
      if (match) return this.#digestOf(request, { way, version });
    }
    this.counters.notFound++;
    return undefined;
  }

  async #digestSlowly(request: HashRequest): Promise<Digests | undefined> {
    for (const way of this.#ways(request)) {
      const version = this.#versionOf(await statLater(way.path));
      if (version === undefined) continue;
      let match = this.#compare(request, way, version);
      if (match === 'device?') {
        match = this.#onRecordedDevice(request, way, version, await pinLater(way.path));
      }
      if (match) return this.#digestOf(request, { way, version });
    }
    this.counters.notFound++;
    return undefined;
  }

  #versionOf(stats: BigIntStats | undefined): FileVersion | undefined {
    return stats && fileVersion(stats);
  }

  #ways({ pid, path, files, ended, neighbour }: HashRequest): readonly Way[] {
    const ways: Way[] = [];
    if (ended !== true) ways.push({ kind: 'exe', path: this.#procfs.path(pid, 'exe'), namespace: pid });
    // By a path alone nothing is found: what is there must be known from the record.
    if (path === undefined || !path.startsWith('/') || isDeleted(path) || files.length === 0) return ways;
    const within = (process: number): Way => ({
      kind: 'path',
      path: this.#procfs.path(process, `root${path}`),
      namespace: process,
    });
    if (ended !== true) ways.push(within(pid));
    ways.push({ kind: 'path', path, namespace: 'self' });
    if (neighbour !== undefined) ways.push(within(neighbour));
    return ways;
  }

  /**
   * Whether a file is what ran. `device?`: its inode number is that of a recorded file, its device number may be one
   * that stat(2) made up.
   */
  #compare(request: HashRequest, way: Way, { dev, inode, ctimeMs }: FileVersion): boolean | 'device?' {
    const recorded = request.files.filter(file => file.inode === inode && file.dev !== undefined);
    if (recorded.length > 0) {
      const device = statDevice(dev);
      return recorded.some(file => parseAuditDevice(file.dev!) === device) || 'device?';
    }
    // The link leads to what runs, whatever its name. That it is the image meant, and not of a later exec, its path
    // tells.
    if (way.kind !== 'exe') return false;
    const running = this.#procfs.link(request.pid, 'exe');
    if (running === undefined || withoutDeleted(running) !== withoutDeleted(request.path!)) return false;
    // The same path, executed again after another file was put there.
    if (request.execMs !== undefined && ctimeMs + GRAIN_MS >= request.execMs) return false;
    return request.isSame();
  }

  #onRecordedDevice(
    { files }: HashRequest,
    { namespace }: Way,
    { dev, inode }: FileVersion,
    pin: Pin | undefined,
  ): boolean {
    if (pin === undefined) return false;
    try {
      const device = this.#mounts.superblockOf(dev, pin.fd, namespace);
      return files.some(
        file => file.inode === inode && file.dev !== undefined && parseAuditDevice(file.dev) === device,
      );
    } finally {
      pin.close();
    }
  }

  #digestOf(request: HashRequest, found: Found): Digests | undefined | Promise<Digests | undefined> {
    const { way, version } = found;
    const settled = isSettled(version, request.execMs);
    // By its path alone, a file that is not older than the exec may have been changed since. What runs cannot be.
    if (!settled && (way.kind !== 'exe' || changedAfter(version, request.execMs))) return this.#changed();
    const digests = this.#recall(version.key);
    if (digests !== undefined) return digests;
    if (version.size > this.#limits.maxFileBytes) {
      this.counters.tooLarge++;
      return undefined;
    }
    const reading = this.#readOnce(found);
    if (reading === undefined) return undefined;
    return settled ? reading : this.#ifStillRunning(reading, request.pid, version);
  }

  async #ifStillRunning(
    reading: Promise<Digests | undefined>,
    pid: number,
    version: FileVersion,
  ): Promise<Digests | undefined> {
    const digests = await reading;
    if (digests === undefined) return undefined;
    const path = this.#procfs.path(pid, 'exe');
    const now = this.#versionOf(this.#mounts.local ? statNow(path) : await statLater(path));
    return now?.key === version.key ? digests : this.#changed();
  }

  #changed(): undefined {
    this.counters.changed++;
    return undefined;
  }

  #readOnce({ way, version }: Found): Promise<Digests | undefined> | undefined {
    const known = this.#reading.get(version.key);
    if (known !== undefined) return known;
    if (this.#waiting.length >= this.#limits.maxWaiting) {
      this.counters.refused++;
      return undefined;
    }
    // Held from now on: it may lose its last name, and the process its last breath, before its turn comes.
    const pin = this.#mounts.local ? pinNow(way.path) : pinLater(way.path);
    const reading = this.#read(pin, version).finally(() => this.#reading.delete(version.key));
    this.#reading.set(version.key, reading);
    return reading;
  }

  async #read(
    pinning: Pin | undefined | Promise<Pin | undefined>,
    version: FileVersion,
  ): Promise<Digests | undefined> {
    if (this.#running >= this.#limits.maxReading) {
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    try {
      const pin = await pinning;
      if (pin === undefined) {
        this.counters.unreadable++;
        return undefined;
      }
      try {
        return await this.#readPinned(pin, version);
      } finally {
        pin.close();
      }
    } catch {
      this.counters.unreadable++;
      return undefined;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  async #readPinned(pin: Pin, version: FileVersion): Promise<Digests | undefined> {
    // Opening a device or a pipe does something: what is held must be the file that was seen.
    if (fileVersion(await statPinned(pin.fd))?.key !== version.key) return this.#changed();
    // By the descriptor: a path could lead elsewhere by now.
    const file = await openPinned(pin.fd);
    try {
      const before = fileVersion(await file.stat({ bigint: true }));
      if (before?.key !== version.key) return this.#changed();
      const startMs = this.#clock.wallMs();
      const digests = await this.#digester(file.fd, version.size);
      const after = fileVersion(await file.stat({ bigint: true }));
      if (after?.key !== version.key) return this.#changed();
      if (digests === undefined) {
        this.counters.unreadable++;
        return undefined;
      }
      this.counters.read++;
      // Changed again within the grain of its times, it would still have the same version.
      if (version.ctimeMs + GRAIN_MS < startMs) this.#remember(version.key, digests);
      return digests;
    } finally {
      await file.close();
    }
  }

  #remember(key: string, digests: Digests): void {
    this.#remembered.set(key, { digests, isUsed: false });
    while (this.#remembered.size > this.#limits.maxRemembered) {
      const [oldest, entry] = this.#remembered.entries().next().value!;
      this.#remembered.delete(oldest);
      // A second time round for what was used in the meantime.
      if (entry.isUsed) this.#remembered.set(oldest, { digests: entry.digests, isUsed: false });
    }
  }

  #recall(key: string): Digests | undefined {
    const entry = this.#remembered.get(key);
    if (entry === undefined) return undefined;
    this.counters.remembered++;
    entry.isUsed = true;
    return entry.digests;
  }
}

/** Whether a file was last changed before an exec, so that what is there now is what ran. */
const isSettled = ({ ctimeMs }: Pick<FileVersion, 'ctimeMs'>, execMs: number | undefined): boolean =>
  execMs !== undefined && ctimeMs + GRAIN_MS < execMs;

/**
 * Whether a file that a process runs is not what it was at the exec: it was written to meanwhile, and executed again
 * by the same process. Deleting it changes its ctime as well, but not its content.
 */
const changedAfter = ({ ctimeMs, mtimeMs, links }: FileVersion, execMs: number | undefined): boolean =>
  execMs !== undefined && ctimeMs > execMs + GRAIN_MS && !(links === 0 && mtimeMs <= execMs + GRAIN_MS);

const statLater = (path: string): Promise<BigIntStats | undefined> =>
  stat(path, { bigint: true }).catch(() => undefined);

const statNow = (path: string): BigIntStats | undefined => {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
};

/** A file held by a descriptor that can neither read nor do anything else to it. */
interface Pin {
  readonly fd: number;
  close(): void;
}

const pinNow = (path: string): Pin | undefined => {
  try {
    const fd = openSync(path, PIN_FLAGS);
    return { fd, close: () => closeSync(fd) };
  } catch {
    return undefined;
  }
};

const pinLater = async (path: string): Promise<Pin | undefined> => {
  try {
    const handle = await open(path, PIN_FLAGS);
    return { fd: handle.fd, close: () => void handle.close().catch(() => {}) };
  } catch {
    return undefined;
  }
};

/** Not at once: the file may be on a filesystem that hangs. */
const statPinned = (fd: number): Promise<BigIntStats> =>
  new Promise((resolve, reject) =>
    fstat(fd, { bigint: true }, (error, stats) => (error === null ? resolve(stats) : reject(error))),
  );

/** Without leaving a trace in the file's access time where that is allowed. */
const openPinned = async (fd: number) => {
  const path = isLinux ? `/proc/self/fd/${fd}` : `/dev/fd/${fd}`;
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  try {
    return await open(path, flags | O_NOATIME);
  } catch {
    return await open(path, flags);
  }
};
