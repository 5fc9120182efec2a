import { printable } from '../audit/value.ts';
import { createTrailCounters } from '../openbsm/counters.ts';
import { looksLikeTrail } from '../openbsm/looks-like-trail.ts';
import { readTrail } from '../openbsm/read-trail.ts';
import { openReplay } from '../replay/open-replay.ts';
import type { EventPipeline } from './event-pipeline.ts';

export interface ReplayOptions {
  readonly onBatch: () => void;
  /** Sees each record of a log as one line: its numeric type and its payload. */
  readonly onRaw: ((line: string) => void) | undefined;
}

export interface ReplayResult {
  /** Lines or records that cannot be read. */
  readonly malformed: number;
  /** Where the first of them is, as `line N: reason`. */
  readonly firstMalformed: string | undefined;
}

/**
 * Reads one file of recorded events into the pipeline.
 *
 * @throws ReplayError if it cannot be read; what came before stays
 */
export const replayInto = async (
  pipeline: EventPipeline,
  path: string,
  { onBatch, onRaw }: ReplayOptions,
): Promise<ReplayResult> => {
  const replay = await openReplay(path, { isBsmTrail: looksLikeTrail });
  if (replay.kind === 'bsm-trail') {
    const counters = createTrailCounters();
    for await (const event of readTrail(replay.chunks, counters)) pipeline.publish(event);
    onBatch();
    return { malformed: counters.malformed, firstMalformed: undefined };
  }
  for await (const records of replay.records) {
    for (const { type, payload, node } of records) {
      const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
      onRaw?.(`${type} ${printable(bytes, 0, bytes.length)}`);
      pipeline.push(type, bytes, 0, bytes.length, node);
    }
    pipeline.settle();
    onBatch();
  }
  pipeline.flush();
  onBatch();
  const { malformed, firstMalformed } = replay.counters;
  return {
    malformed,
    firstMalformed: firstMalformed && `line ${firstMalformed.line}: ${firstMalformed.reason}`,
  };
};
