import { basename } from 'node:path';
import { printable } from '../audit/value.ts';
import { formatProblem } from '../openbsm/counters.ts';
import { looksLikeTrail } from '../openbsm/looks-like-trail.ts';
import { RecordMapper } from '../openbsm/map-record.ts';
import { printRecord } from '../openbsm/praudit.ts';
import type { EventPipeline } from './event-pipeline.ts';
import { publishTrail } from './publish-trail.ts';
import { type AuditLogReplay, type BsmTrailReplay, openReplay } from './replay/open-replay.ts';

export interface ReplayOptions {
  /** Called after each batch of events; what it returns is waited for. */
  readonly onBatch: () => Promise<void> | void;
  /** Sees each record as text: of a log its numeric type and its payload, of a trail what praudit prints. */
  readonly onRaw: ((text: string) => void) | undefined;
}

export interface ReplayResult {
  /** Lines of a log that cannot be read. What a trail lost is among the pipeline's counters. */
  readonly malformed: number;
  /** What could not be read, and where the first of it is; undefined if all could. */
  readonly problem: string | undefined;
}

/**
 * Reads one file of recorded events, or a directory of trails, into the pipeline.
 *
 * @throws ReplayError if it cannot be read; what came before stays
 */
export const replayInto = async (
  pipeline: EventPipeline,
  path: string,
  options: ReplayOptions,
): Promise<ReplayResult> => {
  const replay = await openReplay(path, { isBsmTrail: looksLikeTrail });
  try {
    return await (replay.kind === 'bsm-trail'
      ? replayTrails(pipeline, replay, options)
      : replayLog(pipeline, replay, options));
  } finally {
    await replay.close();
  }
};

const replayLog = async (
  pipeline: EventPipeline,
  { records: batches, counters }: AuditLogReplay,
  { onBatch, onRaw }: ReplayOptions,
): Promise<ReplayResult> => {
  for await (const records of batches) {
    for (const { type, payload, node } of records) {
      const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
      onRaw?.(`${type} ${printable(bytes, 0, bytes.length)}`);
      pipeline.push(type, bytes, 0, bytes.length, node);
    }
    pipeline.settle();
    await onBatch();
  }
  pipeline.flush();
  await onBatch();
  const { lines, malformed, firstMalformed } = counters;
  if (lines === 0) return { malformed, problem: 'it is empty' };
  return {
    malformed,
    problem:
      firstMalformed &&
      `${malformed} malformed lines, the first at line ${firstMalformed.line}: ${firstMalformed.reason}`,
  };
};

/** One mapper for all trails of a directory: a process that one of them saw start may act in the next. */
const replayTrails = async (
  pipeline: EventPipeline,
  { trails }: BsmTrailReplay,
  { onBatch, onRaw }: ReplayOptions,
): Promise<ReplayResult> => {
  const mapper = new RecordMapper();
  let problems = 0;
  let first: string | undefined;
  for (const { path, chunks } of trails) {
    await publishTrail(pipeline, chunks, {
      mapper,
      onBatch,
      onRecord: onRaw && (record => onRaw(printRecord(record).trimEnd())),
      onProblem: problem => {
        problems++;
        first ??= `${trails.length === 1 ? '' : `in ${basename(path)} `}at ${formatProblem(problem)}`;
      },
    });
  }
  return {
    malformed: 0,
    problem: first && (problems === 1 ? `damage ${first}` : `${problems} damaged places, the first ${first}`),
  };
};
