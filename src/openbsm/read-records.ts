import type { TrailCounters, TrailProblem } from './counters.ts';
import { type Frame, TrailFramer } from './framer.ts';
import { type BsmLimits, DEFAULT_BSM_LIMITS } from './limits.ts';
import { type BsmRecord, decodeRecord, decodeToken } from './record.ts';
import type { KnownToken } from './token-table.ts';

export interface BareFile {
  readonly kind: 'file';
  readonly offset: number;
  readonly token: Extract<KnownToken, { kind: 'file' }>;
}

export interface NumberedRecord extends BsmRecord {
  /** Within the trail, from 1. Records that cannot be decoded are counted too. */
  readonly number: number;
}

export type TrailItem = NumberedRecord | BareFile;

export interface ReadRecordsOptions {
  readonly limits?: BsmLimits;
  /** Called for each part that cannot be read, with its position. */
  readonly onProblem?: (problem: TrailProblem) => void;
}

/**
 * Reads a trail to its end, whatever it contains. What cannot be read is counted, reported and skipped. Throws only
 * what `chunks` throws.
 */
export async function* readRecords(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  counters: TrailCounters,
  { limits = DEFAULT_BSM_LIMITS, onProblem }: ReadRecordsOptions = {},
): AsyncGenerator<TrailItem, void, undefined> {
  const framer = new TrailFramer(limits);
  let number = 0;
  let bytes = 0;

  const take = (frame: Frame): TrailItem | undefined => {
    switch (frame.kind) {
      case 'damage':
        counters.malformed++;
        counters.skippedBytes += frame.length;
        onProblem?.({ offset: frame.offset, message: `${frame.length} bytes skipped: ${frame.reason}` });
        return undefined;
      case 'file':
        return { kind: 'file', offset: frame.offset, token: decodeToken(frame.bytes, 'file') };
      case 'record': {
        number++;
        counters.records++;
        const record = decodeRecord(frame.bytes, frame.offset, limits);
        if (record.damage !== undefined) {
          counters.malformed++;
          onProblem?.({
            offset: record.damage.offset,
            message: `the rest of the record at offset ${record.offset} is not read: ${record.damage.reason}`,
          });
        }
        if (record.kind === 'undecodable') return undefined;
        if (record.tokens.at(-1)?.kind === 'unknown') counters.unknownTokens++;
        return { ...record, number };
      }
    }
  };

  for await (const chunk of chunks) {
    bytes += chunk.length;
    for (const frame of framer.push(chunk)) {
      const item = take(frame);
      if (item !== undefined) yield item;
    }
  }
  for (const frame of framer.end()) {
    const item = take(frame);
    if (item !== undefined) yield item;
  }
  if (bytes === 0) onProblem?.({ offset: 0, message: 'empty: an audit trail begins with a record' });
}
