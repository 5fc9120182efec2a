import type { FileHandle } from 'node:fs/promises';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { trailNames } from '../../openbsm/trail-files.ts';
import type { RawRecord } from './log-line.ts';
import type { LogCounters } from './log-reader.ts';
import { LogReader, newLogCounters, readLogRecords } from './log-reader.ts';
import { ReplayError } from './replay-error.ts';
import type { BsmDetector } from './replay-format.ts';
import { replayFormat } from './replay-format.ts';

/** Bytes per read, and the bytes by which a file's format is told. */
export const REPLAY_CHUNK_BYTES = 1 << 16;

interface OpenFile {
  readonly path: string;
  /** Idempotent; reading to the end closes too. */
  close(): Promise<void>;
}

export interface AuditLogReplay extends OpenFile {
  readonly kind: 'audit-log';
  /** Batches of records in the file's order; the file is read no faster than they are taken. Can be read once. */
  readonly records: AsyncIterable<readonly RawRecord[]>;
  /** Counts up while `records` is read. */
  readonly counters: Readonly<LogCounters>;
}

export interface BsmTrail {
  readonly path: string;
  /** Can be read once. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface BsmTrailReplay extends OpenFile {
  readonly kind: 'bsm-trail';
  /** The file itself, or the trails of a directory in the order in which they were written. */
  readonly trails: readonly BsmTrail[];
}

export type Replay = AuditLogReplay | BsmTrailReplay;

export interface OpenReplayOptions {
  readonly isBsmTrail?: BsmDetector;
  readonly maxLineBytes?: number;
}

/**
 * Opens recorded events: a file, of which its content tells what it is, or a directory of BSM trails such as
 * /var/audit, whose files are opened one after the other as they are read.
 * @throws ReplayError, also later from `records` and `chunks` if reading fails
 */
export const openReplay = async (path: string, options: OpenReplayOptions = {}): Promise<Replay> => {
  const file = await openFile(path);
  const close = (): Promise<void> => file.close();
  try {
    if ((await file.stat()).isDirectory()) {
      const trails = await trailsIn(path);
      await close();
      return { kind: 'bsm-trail', path, trails, close: async () => {} };
    }
    const head = await readChunk(file, path);
    const format = replayFormat(head, options.isBsmTrail);
    if (format.kind === 'unknown') {
      throw new ReplayError('unknown-format', `replay file ${JSON.stringify(path)} ${format.what}`);
    }
    const chunks = readChunks(file, path, head);
    if (format.kind === 'bsm-trail') return { kind: 'bsm-trail', path, trails: [{ path, chunks }], close };
    const counters = newLogCounters();
    const { maxLineBytes } = options;
    const reader = new LogReader({ counters, ...(maxLineBytes === undefined ? {} : { maxLineBytes }) });
    return { kind: 'audit-log', path, records: readLogRecords(chunks, reader), counters, close };
  } catch (error) {
    await close();
    throw error;
  }
};

/**
 * Says early what `openReplay` would refuse. Pipes and devices pass: looking into them would take away what the real
 * reader needs.
 * @throws ReplayError
 */
export const checkReplay = async (path: string): Promise<void> => {
  const about = await stat(path).catch(cause => {
    throw unreadable(path, cause);
  });
  if (about.isDirectory()) {
    for (const trail of await trailsIn(path)) await (await openFile(trail.path)).close();
  } else if (about.isFile()) {
    await (await openReplay(path)).close();
  }
};

const openFile = (path: string): Promise<FileHandle> =>
  open(path, 'r').catch(cause => {
    throw unreadable(path, cause);
  });

const trailsIn = async (directory: string): Promise<readonly BsmTrail[]> => {
  const names = trailNames(
    await readdir(directory).catch(cause => {
      throw unreadable(directory, cause);
    }),
  );
  if (names.length === 0) {
    throw new ReplayError(
      'no-trails',
      `replay directory ${JSON.stringify(directory)} holds no audit trail: expected names such as 20240521133700.20240521140000; to replay another file, name the file itself`,
    );
  }
  return names.map(name => {
    const path = join(directory, name);
    return { path, chunks: readFile(path) };
  });
};

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  yield* readChunks(await openFile(path), path);
}

/**
 * Reads to the end and closes the file, whatever comes between.
 *
 * @param head what has been read of it
 */
async function* readChunks(file: FileHandle, path: string, head?: Uint8Array): AsyncGenerator<Uint8Array> {
  try {
    let chunk = head ?? (await readChunk(file, path));
    for (; chunk.length > 0; chunk = await readChunk(file, path)) yield chunk;
  } finally {
    await file.close();
  }
}

/** A new buffer each time: records are views into it. Empty at the end of the file. */
const readChunk = async (file: FileHandle, path: string): Promise<Uint8Array> => {
  try {
    const buffer = new Uint8Array(REPLAY_CHUNK_BYTES);
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    throw unreadable(path, cause);
  }
};

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
};

const unreadable = (path: string, cause: unknown): ReplayError => {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const reason = reasons[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new ReplayError('unreadable', `replay file ${JSON.stringify(path)} cannot be read: ${reason}`, {
    cause,
  });
};
