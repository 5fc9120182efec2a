import { type BigIntStats, statSync } from 'node:fs';
import type { ExecutedFile, ProcessEvent } from '../audit/audit-event.ts';
import type { ImageTimes } from '../events/event-table.ts';
import { parseAuditDevice, statDevice } from '../model/hash/device.ts';
import { type FileVersion, fileVersion } from '../model/hash/file-version.ts';

/** A file as it was looked at. */
interface Seen extends FileVersion {
  /** `major:minor` in decimal. */
  readonly device: string;
  readonly times: ImageTimes;
}

/**
 * Looks up the files that processes run. An exec's file counts only if it is one that the event recorded. Where that can be
 * told by device and inode it is looked for under its path here, which costs a tenth of a look into /proc; else where the
 * process sees it, because a container has files of its own under the same paths; and then here.
 */
export class ImageFiles {
  /** What is under paths here, of the events of one batch. */
  readonly #here = new Map<string, Seen | undefined>();
  #last: { readonly event: ProcessEvent; readonly exact: Seen | undefined } | undefined;

  /** To be called after each batch of events: what was seen before an event says nothing about it. */
  forget(): void {
    this.#here.clear();
    this.#last = undefined;
  }

  /** undefined if the file is gone, or is not the one that ran. */
  times(event: ProcessEvent): ImageTimes | undefined {
    this.#last = undefined;
    if (event.path === undefined) return undefined;
    const here = this.#lookHere(event.path);
    if (here !== undefined && event.files.some(file => isExactly(file, here))) {
      this.#last = { event, exact: here };
      return here.times;
    }
    // The event of a new process comes from the one that made it.
    const pid = event.action === 'fork' ? event.parent : event.pid;
    const there = look(`/proc/${pid}/root${event.path}`);
    return [there, here].find(seen => seen !== undefined && isPossible(event, seen))?.times;
  }

  /** The file of the event whose times were asked for last, if by device and inode it is one that the event recorded. */
  versionOf(event: ProcessEvent): FileVersion | undefined {
    return this.#last?.event === event ? this.#last.exact : undefined;
  }

  #lookHere(path: string): Seen | undefined {
    if (this.#here.has(path)) return this.#here.get(path);
    const seen = look(path);
    this.#here.set(path, seen);
    return seen;
  }
}

const look = (path: string): Seen | undefined => {
  let stats: BigIntStats | undefined;
  try {
    stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
  const version = stats && fileVersion(stats);
  return version && { ...version, device: statDevice(version.dev), times: timesOf(stats!) };
};

const timesOf = ({ atimeMs, mtimeMs, ctimeMs, mode }: BigIntStats): ImageTimes => ({
  atime: secondsOf(atimeMs),
  mtime: secondsOf(mtimeMs),
  ctime: secondsOf(ctimeMs),
  mode: Number(mode),
});

const secondsOf = (milliseconds: bigint): number => Math.floor(Number(milliseconds) / 1000);

const isExactly = ({ inode, dev }: Pick<ExecutedFile, 'inode' | 'dev'>, seen: Seen): boolean =>
  inode === seen.inode && dev !== undefined && parseAuditDevice(dev) === seen.device;

/** Some filesystems (overlay, btrfs) give stat another device than the kernel records, always one of major 0. */
const isPossible = ({ files }: ProcessEvent, seen: Seen): boolean =>
  files.length === 0 ||
  files.some(file => isExactly(file, seen) || (file.inode === seen.inode && seen.device.startsWith('0:')));
