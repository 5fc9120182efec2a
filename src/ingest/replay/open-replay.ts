import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { trailNames } from '../../openbsm/trail-files.ts';
import { type FileBytes, openBytes } from './file-bytes.ts';
import { ReplayError, unreadable } from './replay-error.ts';
import { type ReplayFormat, replayFormat } from './replay-format.ts';
import { seekTime } from './seek-time.ts';
import { STANDARD_INPUT } from './standard-input.ts';

/** Bytes from which a file's format is determined. */
const HEAD_BYTES = 1 << 16;

/** A file as it was found. */
export interface FileOnDisk {
  readonly path: string;
  readonly kind: 'audit-log' | 'journal-export' | 'bsm-trail';
  /** Bytes of the file; undefined for standard input and pipes. */
  readonly size: number | undefined;
  /** Whether its content differs from its bytes. */
  readonly isPacked: boolean;
}

/** A file that can be opened. */
export interface OpenableFile extends FileOnDisk {
  /**
   * Opens it. What can be read only once, such as standard input, can be opened once.
   *
   * @param since seconds since the epoch: older records may be left out
   */
  open(since?: number): Promise<FileBytes>;
}

/** One file to be replayed. */
export interface ReplayFile extends OpenableFile {
  /** Whether it can be opened only once, and in this thread. */
  readonly isOnce: boolean;
}

export interface ReplayPlan {
  /** In the order in which they were written, as far as known: they are one stream. */
  readonly files: readonly ReplayFile[];
  /** Files of a directory without events, which are left out. */
  readonly leftOut: readonly string[];
}

interface Looked extends ReplayFile {
  /** Time of the first record, in seconds since the epoch. */
  readonly firstTime: number | undefined;
}

/**
 * Determines what to replay: files, whose content tells their format; directories of BSM trails or of rotated logs;
 * standard input as `-`. Logs are ordered by the time of their first record, trails by their names.
 *
 * @throws ReplayError
 */
export const planReplay = async (paths: readonly string[]): Promise<ReplayPlan> => {
  const files: Looked[] = [];
  const leftOut: string[] = [];
  for (const path of paths) {
    if (STANDARD_INPUT.has(path)) {
      files.push(await lookInto(path));
      continue;
    }
    const about = await stat(path).catch(cause => {
      throw unreadable(path, cause);
    });
    if (about.isDirectory()) await addDirectory(path, files, leftOut);
    else files.push(await lookInto(path));
  }
  // Stable: a file without a time stays behind the file given before it.
  let time = Number.NEGATIVE_INFINITY;
  const timed = files.map(file => {
    time = file.firstTime ?? time;
    return { file, time };
  });
  return { files: timed.toSorted((a, b) => a.time - b.time).map(({ file }) => file), leftOut };
};

/**
 * Reports early what `planReplay` would refuse. Pipes, devices and standard input pass, because reading them would
 * take their content from the real reader.
 *
 * @throws ReplayError
 */
export const checkReplay = async (path: string): Promise<void> => {
  if (STANDARD_INPUT.has(path)) return;
  const about = await stat(path).catch(cause => {
    throw unreadable(path, cause);
  });
  if (about.isFile() || about.isDirectory()) await planReplay([path]);
};

const addDirectory = async (path: string, files: Looked[], leftOut: string[]): Promise<void> => {
  const names = await readdir(path).catch(cause => {
    throw unreadable(path, cause);
  });
  const trails = trailNames(names);
  if (trails.length > 0) {
    for (const name of trails) {
      const trail = join(path, name);
      await (await openBytes(trail)).close();
      files.push({
        path: trail,
        kind: 'bsm-trail',
        size: undefined,
        isPacked: false,
        isOnce: false,
        firstTime: undefined,
        open: () => openBytes(trail),
      });
    }
    return;
  }
  const before = files.length;
  for (const name of names.sort(byAge)) {
    const file = join(path, name);
    const about = await stat(file).catch(() => undefined);
    if (about?.isFile() !== true) continue;
    try {
      const looked = await lookInto(file);
      if (looked.firstTime !== undefined || looked.kind === 'journal-export') files.push(looked);
      else leftOut.push(file);
    } catch (error) {
      if (!(error instanceof ReplayError) || error.code !== 'unknown-format') throw error;
      leftOut.push(file);
    }
  }
  if (files.length > before) return;
  throw new ReplayError(
    'nothing-there',
    `replay directory ${JSON.stringify(path)} holds neither audit logs, such as audit.log and audit.log.1, nor BSM trails, such as 20240521133700.20240521140000`,
  );
};

/** `audit.log.10` before `audit.log.2` before `audit.log`; dates as they are. */
const byAge = (a: string, b: string): number => rotation(b) - rotation(a) || (a < b ? -1 : 1);
const rotation = (name: string): number => Number(/\.(\d{1,5})(?:\.[a-z0-9]+)?$/.exec(name)?.[1] ?? 0);

const lookInto = async (path: string): Promise<Looked> => {
  const isOnce = STANDARD_INPUT.has(path) || !(await stat(path)).isFile();
  const bytes = await openBytes(path);
  const { isPacked } = bytes;
  const { head, rest } = await headOf(bytes);
  const format = replayFormat(head);
  if (format.kind === 'unknown') {
    await bytes.close();
    throw new ReplayError('unknown-format', `replay file ${JSON.stringify(path)} ${format.what}`);
  }
  const found: FileOnDisk = { path, kind: format.kind, size: bytes.size, isPacked };
  const looked = { ...found, isOnce, firstTime: timeOf(format) };
  if (isOnce) return { ...looked, open: async () => ({ ...bytes, chunks: rest() }) };
  await bytes.close();
  return { ...looked, open: since => openOnDisk(found, since) };
};

/** @param since seconds since the epoch: older records may be left out */
export const openOnDisk = async (
  { path, kind, size, isPacked }: FileOnDisk,
  since?: number,
): Promise<FileBytes> => {
  const canSeek = since !== undefined && !isPacked && size !== undefined && kind === 'audit-log';
  return openBytes(path, canSeek ? seekTime(path, size, since) : 0);
};

const timeOf = (format: ReplayFormat): number | undefined =>
  'firstTime' in format ? format.firstTime : undefined;

/** The first bytes, and then all of them. */
const headOf = async ({
  chunks,
}: FileBytes): Promise<{ readonly head: Buffer; rest(): AsyncGenerator<Buffer, void, undefined> }> => {
  const taken: Buffer[] = [];
  let length = 0;
  while (length < HEAD_BYTES) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    taken.push(Buffer.from(value));
    length += value.length;
  }
  const all = Buffer.concat(taken);
  return {
    head: all.subarray(0, HEAD_BYTES),
    async *rest() {
      if (all.length > 0) yield all;
      yield* chunks;
    },
  };
};
