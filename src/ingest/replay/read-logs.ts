import { setImmediate } from 'node:timers/promises';
import { printable } from '../../audit/value.ts';
import type { FileBytes } from './file-bytes.ts';
import { JournalExportReader } from './journal-export.ts';
import type { LogGrouper } from './log-grouper.ts';
import { LogReader, type RecordSink } from './log-reader.ts';
import type { OpenableFile } from './open-replay.ts';

/** Events that are ended together when the last log has been read. */
const FLUSHED_EVENTS = 4_096;

/** Bytes of the files as they are on disk. */
export interface ReplayProgress {
  readonly read: number;
  /** undefined if the size of some file is unknown. */
  readonly size: number | undefined;
}

export interface LogsReading {
  /** Lines that cannot be read. */
  readonly malformed: number;
  /** What could not be read, and the first place, one line each, beginning with the file's name. */
  readonly problems: readonly string[];
}

export interface LogsOptions {
  /** Called after each piece, when its events were passed on; a returned promise is awaited. */
  readonly onPiece: (progress: ReplayProgress) => Promise<void> | void;
  /** Receives each record as text: its numeric type and its payload. */
  readonly onRaw?: ((text: string) => void) | undefined;
  /** Ends the reading early; events read until then stay. */
  readonly signal?: AbortSignal | undefined;
  /** Seconds since the epoch: older records are not wanted. */
  readonly since?: number | undefined;
}

/**
 * Reads logs as one stream: an event may begin in one file and end in the next.
 *
 * @throws ReplayError if one of them cannot be read; earlier events stay
 */
export const readLogs = async (
  files: readonly OpenableFile[],
  grouper: LogGrouper,
  options: LogsOptions,
): Promise<LogsReading> => {
  const problems: string[] = [];
  let malformed = 0;
  let before = 0;
  let read = 0;
  const size = sizeOf(files);
  for (const file of files) {
    if (options.signal?.aborted === true) break;
    const reading = await readLog(file, grouper, {
      ...options,
      onPiece: piece => {
        read = before + piece.read;
        return options.onPiece({ read, size });
      },
    });
    before += file.size ?? 0;
    malformed += reading.malformed;
    problems.push(...reading.problems);
  }
  for (let hasMore = true; hasMore; ) {
    hasMore = grouper.flush(FLUSHED_EVENTS);
    await options.onPiece({ read, size });
  }
  return { malformed, problems };
};

const sizeOf = (files: readonly OpenableFile[]): number | undefined => {
  let sum = 0;
  for (const { size } of files) {
    if (size === undefined) return undefined;
    sum += size;
  }
  return sum;
};

const readLog = async (
  file: OpenableFile,
  grouper: LogGrouper,
  { onPiece, onRaw, signal, since }: LogsOptions,
): Promise<LogsReading> => {
  const sink: RecordSink =
    onRaw === undefined
      ? grouper.push
      : record => {
          onRaw(`${record.type} ${printable(record.bytes, record.start, record.end)}`);
          return grouper.push(record);
        };
  const reader = new LogReader(sink, { allTypes: onRaw !== undefined });
  const take = (read: () => void): void => {
    const before = reader.counters.records;
    read();
    grouper.records += reader.counters.records - before;
    grouper.settle();
  };
  const journal = file.kind === 'journal-export' ? new JournalExportReader() : undefined;
  const bytes = await file.open(since);
  try {
    for await (const chunk of journal === undefined ? bytes.chunks : journalLines(journal, bytes)) {
      take(() => reader.push(chunk));
      await onPiece({ read: bytes.position(), size: bytes.size });
      // Other work of this thread has its turn, which reading a file would block.
      await setImmediate();
      if (signal?.aborted === true || grouper.isBehindTimes) break;
    }
  } finally {
    await bytes.close();
  }
  if (signal?.aborted !== true && !grouper.isBehindTimes) take(() => reader.end());
  const { lines, malformed, firstMalformed } = reader.counters;
  const brokenOff = bytes.problem() ?? (journal?.isCut === true ? 'its last entry is cut off' : undefined);
  const problems: string[] = [];
  const name = JSON.stringify(file.path);
  if (brokenOff !== undefined) problems.push(`${name}: ${brokenOff}`);
  else if (lines === 0 && firstMalformed === undefined) problems.push(`${name}: it is empty`);
  if (firstMalformed !== undefined) {
    problems.push(
      `${name}: ${malformed} malformed ${malformed === 1 ? 'line' : 'lines'}, the first at line ${firstMalformed.line}: ${firstMalformed.reason}`,
    );
  }
  return { malformed: malformed + (brokenOff === undefined ? 0 : 1), problems };
};

async function* journalLines(reader: JournalExportReader, { chunks }: FileBytes): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield reader.push(chunk);
  yield reader.end();
}
