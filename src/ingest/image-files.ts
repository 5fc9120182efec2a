import { type BigIntStats, constants, statSync } from 'node:fs';
import type { ExecutedFile, ProcessEvent } from '../audit/audit-event.ts';
import type { ImageTimes } from '../events/event-table.ts';
import { parseAuditDevice, statDevice } from '../model/hash/device.ts';
import { type FileVersion, fileVersion } from '../model/hash/file-version.ts';

/** What says which file is meant. */
export type ImageSubject = Pick<ProcessEvent, 'action' | 'pid' | 'parent' | 'path'> & {
  readonly files: readonly Pick<ExecutedFile, 'inode' | 'dev'>[];
};

/** Filesystems whose device number is remembered in both ways of writing. */
const MAX_DEVICES = 64;
/** Paths for which it is remembered what was found there last. */
const MAX_PATHS = 1024;

/**
 * Looks up the files that processes run. An exec's file counts only if it is one that the event recorded. Where that can be
 * told by device and inode it is looked for under its path here, which costs a tenth of a look into /proc; else where the
 * process sees it, because a container has files of its own under the same paths; and then here.
 */
export class ImageFiles {
  /** What is under paths here, of the events of one batch. */
  readonly #here = new Map<string, Seen | undefined>();
  /** What was last found under paths here: while a file is the same, all that is made of its look is as well. */
  readonly #before = new Map<string, Seen>();
  readonly #devices = new Devices();
  #last: { readonly event: ImageSubject; readonly exact: Seen } | undefined;

  /** To be called after each batch of events: what was seen before an event says nothing about it. */
  forget(): void {
    this.#here.clear();
    this.#last = undefined;
  }

  /** undefined if the file is gone, or is not the one that ran. */
  times(event: ImageSubject): ImageTimes | undefined {
    return this.timesHere(event) ?? this.timesThere(event);
  }

  /** Of the file under the path here, if by device and inode it is one that the event recorded. */
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

  /** Of the file where the process sees it; else of the one here, if it can be the one that ran. */
  timesThere(event: ImageSubject): ImageTimes | undefined {
    if (event.path === undefined) return undefined;
    // The event of a new process comes from the one that made it.
    const pid = event.action === 'fork' ? event.parent : event.pid;
    const there = look(`/proc/${pid}/root${event.path}`);
    const here = this.#lookHere(event.path);
    return [there, here].find(seen => seen !== undefined && this.#isPossible(event, seen))?.times;
  }

  /**
   * The file of the event whose times were asked for last, if by device and inode it is one that the event recorded. undefined
   * on file systems without a device of their own: the next mount gets the same number, and a user can mount one whose files
   * have any inode and time he likes (FUSE).
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

  /** Some filesystems (overlay, btrfs) give stat another device than the kernel records, always one of major 0. */
  #isPossible({ files }: ImageSubject, seen: Seen): boolean {
    return (
      files.length === 0 ||
      files.some(
        file => this.#isExactly(file, seen) || (file.inode === seen.inode && isAnonymous(seen.stats.dev)),
      )
    );
  }
}

/** A file as it was looked at. What not every event takes is made when it is asked for. */
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

  /** Whether another look has found the same: content, attributes, and times. */
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

/** @param before what was found there before */
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

/** Compares device numbers as audit and as stat(2) write them; most are of the same few filesystems. */
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
