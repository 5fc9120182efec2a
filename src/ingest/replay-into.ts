import { basename } from 'node:path';
import type { RecordGroup } from '../audit/correlator.ts';
import { formatProblem } from '../openbsm/counters.ts';
import { RecordMapper } from '../openbsm/map-record.ts';
import { printRecord } from '../openbsm/praudit.ts';
import type { EventPipeline } from './event-pipeline.ts';
import { publishTrail } from './publish-trail.ts';
import { LogGrouper, type LoggedCounters } from './replay/log-grouper.ts';
import { readLogsBeside } from './replay/logs-beside.ts';
import { planReplay, type ReplayFile } from './replay/open-replay.ts';
import { type LogsReading, type ReplayProgress, readLogs } from './replay/read-logs.ts';
import type { ReplayTimes } from './replay/replay-times.ts';

export interface ReplayOptions {
  /** Called after each batch of events; a returned promise is awaited. */
  readonly onBatch: () => Promise<void> | void;
  /** Receives each record as text: for a log its numeric type and its payload, for a trail praudit's output. */
  readonly onRaw: ((text: string) => void) | undefined;
  /** Ends the reading early; events read until then stay. */
  readonly signal?: AbortSignal | undefined;
  /** For logs, the time range of the wanted events. */
  readonly times?: ReplayTimes | undefined;
  /** Bytes of logs from which on they are read in a separate thread. */
  readonly besideFrom?: number;
  /** Receives the progress of reading, for logs. */
  readonly onProgress?: ((progress: ReplayProgress) => void) | undefined;
}

/**
 * Reads recorded events into the pipeline, as one stream: an event may begin in one file and end in the next.
 *
 * @throws ReplayError if one of the files cannot be read; earlier events stay
 */
export const replayInto = async (
  pipeline: EventPipeline,
  paths: readonly string[],
  options: ReplayOptions,
): Promise<LogsReading> => {
  const { files, leftOut } = await planReplay(paths);
  const problems: string[] = [];
  if (leftOut.length > 0) {
    problems.push(
      `${leftOut.map(path => JSON.stringify(basename(path))).join(', ')}: not an audit log, left out`,
    );
  }
  const logs = files.filter(({ kind }) => kind !== 'bsm-trail');
  let last: ReplayProgress | undefined;
  const onProgress = (progress: ReplayProgress): void => {
    last = progress;
    options.onProgress?.(progress);
  };
  const read = await readAll(pipeline, logs, { ...options, onProgress });
  problems.push(...read.problems);
  problems.push(...(await readTrails(pipeline, files, options)));
  if (options.signal?.aborted === true)
    problems.push(
      `${files.length === 1 ? 'one file' : `${files.length} files`}: reading was stopped${placeOf(last)}, and the rest was not read`,
    );
  return { malformed: read.malformed, problems };
};

const placeOf = (progress: ReplayProgress | undefined): string => {
  if (progress === undefined) return '';
  const { read, size } = progress;
  return ` after ${megabytes(read)}${size === undefined ? '' : ` of ${megabytes(size)}`}`;
};

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Bytes from which on logs are read in a separate thread: starting the thread takes as long as reading this many. */
const BESIDE_BYTES = 8 * 1024 * 1024;
/** Least factor by which a compressed log grows. */
const PACKED_FACTOR = 8;

const readAll = (
  pipeline: EventPipeline,
  files: readonly ReplayFile[],
  { onBatch, onRaw, onProgress, signal, times, besideFrom = BESIDE_BYTES }: ReplayOptions,
): Promise<LogsReading> => {
  const onGroup = (group: RecordGroup): void => pipeline.publishGroup(group);
  const onPiece = (progress: ReplayProgress): Promise<void> | void => {
    onProgress?.(progress);
    return onBatch();
  };
  const size = files.reduce((sum, { size = 0, isPacked }) => sum + size * (isPacked ? PACKED_FACTOR : 1), 0);
  if (size >= besideFrom && onRaw === undefined && files.every(({ isOnce }) => !isOnce)) {
    const onDisk = files.map(({ path, kind, size, isPacked }) => ({ path, kind, size, isPacked }));
    const onCounters = (counters: LoggedCounters): void => {
      pipeline.logged = counters;
    };
    return readLogsBeside({ files: onDisk, times }, { onGroup, onCounters, onPiece, signal });
  }
  const grouper = new LogGrouper(onGroup, times);
  return readLogs(files, grouper, {
    onRaw,
    signal,
    since: times?.from,
    onPiece: progress => {
      pipeline.logged = grouper.counters;
      return onPiece(progress);
    },
  });
};

/** One mapper for all trails: a process that starts in one of them may act in the next. */
const readTrails = async (
  pipeline: EventPipeline,
  files: readonly ReplayFile[],
  { onBatch, onRaw, signal }: ReplayOptions,
): Promise<readonly string[]> => {
  const mapper = new RecordMapper();
  const found = new Map<string, { count: number; readonly first: string }>();
  for (const file of files.filter(({ kind }) => kind === 'bsm-trail')) {
    if (signal?.aborted === true) break;
    const { path } = file;
    const bytes = await file.open();
    try {
      await publishTrail(pipeline, bytes.chunks, {
        mapper,
        onBatch,
        onRecord: onRaw && (record => onRaw(printRecord(record).trimEnd())),
        onProblem: problem => {
          const known = found.get(path);
          if (known === undefined) found.set(path, { count: 1, first: `at ${formatProblem(problem)}` });
          else known.count++;
        },
      });
    } finally {
      await bytes.close();
    }
  }
  return Array.from(found, ([path, { count, first }]) => {
    const what = count === 1 ? `damage ${first}` : `${count} damaged places, the first ${first}`;
    return `${JSON.stringify(path)}: ${what}`;
  });
};
