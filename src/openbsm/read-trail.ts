import type { AuditEvent } from '../audit/audit-event.ts';
import { createTrailCounters, type TrailCounters } from './counters.ts';
import { isUnusable, RecordMapper } from './map-record.ts';
import { type NumberedRecord, type ReadRecordsOptions, readRecords } from './read-records.ts';

export interface ReadTrailOptions extends ReadRecordsOptions {
  /** Knows the processes of the trails read before; a new one knows none. */
  readonly mapper?: RecordMapper;
  /** Called with every record, before its event, if it has one, is yielded. */
  readonly onRecord?: ((record: NumberedRecord) => void) | undefined;
}

/**
 * The events of a trail, in its order. Damage is counted and reported to `onProblem`; the events before and behind it
 * are kept. Throws only what `chunks` throws.
 */
export async function* readTrail(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  counters: TrailCounters = createTrailCounters(),
  options: ReadTrailOptions = {},
): AsyncGenerator<AuditEvent, void, undefined> {
  const mapper = options.mapper ?? new RecordMapper(options.limits);
  for await (const item of readRecords(chunks, counters, options)) {
    if (item.kind !== 'record') continue;
    options.onRecord?.(item);
    const event = mapper.map(item, item.number);
    if (event !== undefined) {
      counters.events++;
      yield event;
    } else if (isUnusable(item)) {
      counters.unusable++;
    }
  }
}
