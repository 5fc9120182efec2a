import type { TrailProblem } from '../openbsm/counters.ts';
import type { RecordMapper } from '../openbsm/map-record.ts';
import type { NumberedRecord } from '../openbsm/read-records.ts';
import { readTrail } from '../openbsm/read-trail.ts';
import type { EventPipeline } from './event-pipeline.ts';

export interface PublishTrailOptions {
  /** Knows the processes of earlier trails. */
  readonly mapper: RecordMapper;
  /** Called after the events of each chunk; a returned promise is awaited. */
  readonly onBatch: () => Promise<void> | void;
  readonly onRecord: ((record: NumberedRecord) => void) | undefined;
  readonly onProblem: (problem: TrailProblem) => void;
}

/** Reads a trail, recorded or live, into the pipeline. Rejects with what `chunks` throws; earlier events stay. */
export const publishTrail = async (
  pipeline: EventPipeline,
  chunks: AsyncIterable<Uint8Array>,
  { onBatch, ...options }: PublishTrailOptions,
): Promise<void> => {
  for await (const event of readTrail(batched(chunks, onBatch), pipeline.trails, options)) {
    pipeline.publish(event);
  }
  await onBatch();
};

/** Asks for the next chunk when the events of the previous one have been taken. */
async function* batched(
  chunks: AsyncIterable<Uint8Array>,
  onBatch: PublishTrailOptions['onBatch'],
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    yield chunk;
    await onBatch();
  }
}
