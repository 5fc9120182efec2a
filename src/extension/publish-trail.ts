import type { TrailProblem } from '../openbsm/counters.ts';
import type { RecordMapper } from '../openbsm/map-record.ts';
import { printRecord } from '../openbsm/praudit.ts';
import { readTrail } from '../openbsm/read-trail.ts';
import type { EventPipeline } from './event-pipeline.ts';

export interface PublishTrailOptions {
  /** Knows the processes of the trails that came before. */
  readonly mapper: RecordMapper;
  /** Called when rows have gathered, and at the end of each chunk. */
  readonly onBatch: () => Promise<void> | void;
  /** Sees each record as praudit prints it. */
  readonly onRaw: ((text: string) => void) | undefined;
  readonly onProblem: (problem: TrailProblem) => void;
}

/** Reads a trail, recorded or live, into the pipeline. Rejects with what `chunks` throws; what came before stays. */
export const publishTrail = async (
  pipeline: EventPipeline,
  chunks: AsyncIterable<Uint8Array>,
  { mapper, onBatch, onRaw, onProblem }: PublishTrailOptions,
): Promise<void> => {
  const options = {
    mapper,
    onProblem,
    onRecord: onRaw && (record => onRaw(printRecord(record).trimEnd())),
  } satisfies Parameters<typeof readTrail>[2];
  for await (const event of readTrail(batched(chunks, onBatch), pipeline.trails, options)) {
    pipeline.publish(event);
  }
  await onBatch();
};

/** The next chunk is asked for when the events of the one before have been taken. */
async function* batched(
  chunks: AsyncIterable<Uint8Array>,
  onBatch: () => Promise<void> | void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    yield chunk;
    await onBatch();
  }
}
