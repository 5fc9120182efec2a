import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { printable } from '../audit/value.ts';
import { formatProblem } from '../openbsm/counters.ts';
import { RecordMapper } from '../openbsm/map-record.ts';
import { printRecord } from '../openbsm/praudit.ts';
import type { EventPipeline } from './event-pipeline.ts';
import { publishTrail } from './publish-trail.ts';
import type { FileBytes } from './replay/file-bytes.ts';
import { JournalExportReader } from './replay/journal-export.ts';
import { LogReader, type RecordSink } from './replay/log-reader.ts';
import { planReplay, type ReplayFile } from './replay/open-replay.ts';

export interface ReplayOptions {
  /** Called after each batch of events; what it returns is waited for. */
  readonly onBatch: () => Promise<void> | void;
  /** Sees each record as text: of a log its numeric type and its payload, of a trail what praudit prints. */
  readonly onRaw: ((text: string) => void) | undefined;
  /** Ends the reading early; what was read until then stays. */
  readonly signal?: AbortSignal | undefined;
  /** Seconds since the epoch: what is older is not asked for. */
  readonly since?: number | undefined;
  /** Told how far the reading is, of logs. */
  readonly onProgress?: ((progress: ReplayProgress) => void) | undefined;
}

/** Bytes of files, as they lie on the disk. */
export interface ReplayProgress {
  readonly read: number;
  /** undefined where there is a file of which that is not known. */
  readonly size: number | undefined;
}

export interface ReplayResult {
  /** Lines of logs that cannot be read. What trails lost is among the pipeline's counters. */
  readonly malformed: number;
  /** What could not be read, and where the first of it is, one line each, beginning with the file's name. */
  readonly problems: readonly string[];
}

/**
 * Reads recorded events into the pipeline, as one stream: an event may begin in one file and end in the next.
 *
 * @throws ReplayError if one of them cannot be read; what came before stays
 */
export const replayInto = async (
  pipeline: EventPipeline,
  paths: readonly string[],
  options: ReplayOptions,
): Promise<ReplayResult> => {
  const { files, leftOut } = await planReplay(paths);
  const problems: string[] = [];
  if (leftOut.length > 0) {
    problems.push(
      `${leftOut.map(path => JSON.stringify(basename(path))).join(', ')}: no audit log, left out`,
    );
  }
  let malformed = 0;
  let readBefore = 0;
  const sizes = files.filter(({ kind }) => kind !== 'bsm-trail').map(file => file.size);
  const size = sizes.includes(undefined)
    ? undefined
    : sizes.reduce<number>((sum, one) => sum + (one ?? 0), 0);
  for (const file of files) {
    if (options.signal?.aborted === true || file.kind === 'bsm-trail') continue;
    const read = await readLog(pipeline, file, {
      ...options,
      onProgress: ({ read }) => options.onProgress?.({ read: readBefore + read, size }),
    });
    readBefore += file.size ?? 0;
    malformed += read.malformed;
    problems.push(...read.problems);
  }
  pipeline.flush();
  await options.onBatch();
  problems.push(...(await readTrails(pipeline, files, options)));
  if (options.signal?.aborted === true)
    problems.push(
      `${files.length === 1 ? 'one file' : `${files.length} files`}: reading was stopped, what stands behind is not there`,
    );
  return { malformed, problems };
};

const readLog = async (
  pipeline: EventPipeline,
  file: ReplayFile,
  { onBatch, onRaw, signal, since, onProgress }: ReplayOptions,
): Promise<ReplayResult> => {
  const sink: RecordSink = (type, bytes, start, end, interpretedEnd, node) => {
    onRaw?.(`${type} ${printable(bytes, start, end)}`);
    return pipeline.pushLogged(type, bytes, start, end, interpretedEnd, node);
  };
  const reader = new LogReader(sink, { allTypes: onRaw !== undefined });
  const take = (read: () => void): void => {
    const before = reader.counters.records;
    read();
    pipeline.countLogged(reader.counters.records - before);
    pipeline.settle();
  };
  const journal = file.kind === 'journal-export' ? new JournalExportReader() : undefined;
  const bytes = await file.open(since);
  try {
    for await (const chunk of journal === undefined ? bytes.chunks : journalLines(journal, bytes)) {
      take(() => reader.push(chunk));
      onProgress?.({ read: bytes.position(), size: bytes.size });
      await onBatch();
      // What else this thread has to do, which reading a file would hold up.
      await setImmediate();
      if (signal?.aborted === true || pipeline.isBehindTimes) break;
    }
  } finally {
    await bytes.close();
  }
  if (signal?.aborted !== true && !pipeline.isBehindTimes) take(() => reader.end());
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

/** One mapper for all trails: a process that one of them saw start may act in the next. */
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
