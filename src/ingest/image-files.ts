import { type BigIntStats, constants, statSync } from 'node:fs';
import type { ExecutedFile, ProcessEvent } from '../audit/audit-event.ts';
import type { ImageTimes } from '../events/event-table.ts';
import { parseAuditDevice, statDevice } from '../model/hash/device.ts';
import { type FileVersion, fileVersion } from '../model/hash/file-version.ts';

/** What identifies the file. */
export type ImageSubject = Pick<ProcessEvent, 'action' | 'pid' | 'parent' | 'path'> & {
  readonly files: readonly Pick<ExecutedFile, 'inode' | 'dev'>[];
};

/** File systems whose device number is remembered in both notations. */
const MAX_DEVICES = 64;
/** Paths whose last finding is remembered. */
const MAX_PATHS = 1024;

/**
 * Looks up the files that processes run. An exec's file counts only if the event recorded it. If device and inode can
 * tell, the file is looked for under its path in our root, which takes a tenth of a look into /proc; else in the
 * process's own root, because a container has its own files under the same paths; and then in ours.
 */
export class ImageFiles {
  /** Findings under paths in our root, for the events of one batch. */
  readonly #here = new Map<string, Seen | undefined>();
  /** Last findings under paths in our root: while a file is unchanged, everything derived from it is reused. */
  readonly #before = new Map<string, Seen>();
  readonly #devices = new Devices();
  #last: { readonly event: ImageSubject; readonly exact: Seen } | undefined;

  /** Call it after each batch of events: what was seen before an event says nothing about it. */
  forget(): void {
    this.#here.clear();
    this.#last = undefined;
  }

  /** undefined if the file is gone, or is not the one that ran. */
  times(event: ImageSubject): ImageTimes | undefined {
    return this.timesHere(event) ?? this.timesThere(event);
  }

  /** Times of the file under the path in our root, if by device and inode the event recorded it. */
  timesHere(event: ImageSubject): ImageTimes | undefined {
    this.#last = undefined;
    if (event.path === undefined) return undefined;
    const here = this.#lookHere(event.path);
    if (here === undefined) return undefined;
    for (const file of event.files) {
      if (!this.#isExactly(file, here)) continue;
      this.#last = { event, exact: here };
      return here.times;
    }
    return undefined;
  }

  /** Times of the file in the process's root; else of the one in ours, if it may be the one that ran. */
  timesThere(event: ImageSubject): ImageTimes | undefined {
    if (event.path === undefined) return undefined;
    // The maker of a new process reports it.
    const pid = event.action === 'fork' ? event.parent : event.pid;
    const there = look(`/proc/${pid}/root${event.path}`);
    const here = this.#lookHere(event.path);
    return [there, here].find(seen => seen !== undefined && this.#isPossible(event, seen))?.times;
  }

  /**
   * The version of the file whose times were asked for last, if by device and inode the event recorded it. undefined
   * on file systems without a device of their own: the next mount gets the same number, and a user can mount one
   * (FUSE) whose files have any inode and time.
   */
  versionOf(event: ImageSubject): FileVersion | undefined {
    if (this.#last?.event !== event) return undefined;
    const { exact } = this.#last;
    return isAnonymous(exact.stats.dev) ? undefined : exact.version;
  }

  #lookHere(path: string): Seen | undefined {
    const known = this.#here.get(path);
    if (known !== undefined || this.#here.has(path)) return known;
    const seen = look(path, this.#before.get(path));
    this.#here.set(path, seen);
    if (seen !== undefined) {
      if (this.#before.size >= MAX_PATHS) this.#before.clear();
      this.#before.set(path, seen);
    }
    return seen;
  }

  #isExactly({ inode, dev }: Pick<ExecutedFile, 'inode' | 'dev'>, seen: Seen): boolean {
    return inode === seen.inode && dev !== undefined && this.#devices.isSame(dev, seen.stats.dev);
  }

  /**
   * On some file systems (overlay, btrfs) stat returns another device than the kernel records; its major is always 0.
   */
  #isPossible({ files }: ImageSubject, seen: Seen): boolean {
    return (
      files.length === 0 ||
      files.some(
        file => this.#isExactly(file, seen) || (file.inode === seen.inode && isAnonymous(seen.stats.dev)),
      )
    );
  }
}

/** A file as it was seen. Values that not every event needs are computed on demand. */
class Seen {
  readonly stats: BigIntStats;
  readonly inode: string;
  readonly times: ImageTimes;
  #version: FileVersion | undefined;

  constructor(stats: BigIntStats) {
    this.stats = stats;
    this.inode = String(stats.ino);
    this.times = {
      atime: secondsOf(stats.atimeMs),
      mtime: secondsOf(stats.mtimeMs),
      ctime: secondsOf(stats.ctimeMs),
      mode: Number(stats.mode),
    };
  }

  /** Whether another look found the same content, attributes and times. */
  isOf({ dev, ino, mode, nlink, size, atimeNs, mtimeNs, ctimeNs }: BigIntStats): boolean {
    const { stats } = this;
    return (
      ctimeNs === stats.ctimeNs &&
      mtimeNs === stats.mtimeNs &&
      atimeNs === stats.atimeNs &&
      ino === stats.ino &&
      dev === stats.dev &&
      size === stats.size &&
      mode === stats.mode &&
      nlink === stats.nlink
    );
  }

  get version(): FileVersion | undefined {
    this.#version ??= fileVersion(this.stats);
    return this.#version;
  }
}

/** Whether a file system has no device of its own. */
const isAnonymous = (dev: bigint): boolean => statDevice(dev).startsWith('0:');

const secondsOf = (milliseconds: bigint): number => Math.floor(Number(milliseconds) / 1000);

/** @param before the previous finding there */
const look = (path: string, before?: Seen): Seen | undefined => {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats !== undefined && before?.isOf(stats)) return before;
    const isFile = stats !== undefined && (Number(stats.mode) & constants.S_IFMT) === constants.S_IFREG;
    return isFile ? new Seen(stats) : undefined;
  } catch {
    return undefined;
  }
};

/** Compares device numbers in audit's and stat(2)'s notation; most belong to the same few file systems. */
class Devices {
  readonly #recorded = new Map<string, string | undefined>();
  readonly #stated = new Map<bigint, string>();

  isSame(recorded: string, stated: bigint): boolean {
    return (
      remember(this.#recorded, recorded, parseAuditDevice) === remember(this.#stated, stated, statDevice)
    );
  }
}

const remember = <Key, Value>(known: Map<Key, Value>, key: Key, make: (key: Key) => Value): Value => {
  const value = known.get(key);
  if (value !== undefined) return value;
  const made = make(key);
  if (known.size >= MAX_DEVICES) known.clear();
  known.set(key, made);
  return made;
};
