import { bsmErrnoName } from './bsm-errno.ts';
import { BSM_EVENTS } from './bsm-events.ts';
import type { NumberedRecord, TrailItem } from './read-records.ts';
import { findResult } from './record-facts.ts';

/**
 * One line of JSON for an item of a trail. Integers of 64 bits are decimal text, because JSON readers lose digits
 * beyond 2^53; bytes are hex text.
 */
export const itemJson = (item: TrailItem): string =>
  `${JSON.stringify(item.kind === 'record' ? recordObject(item) : { offset: item.offset, ...item.token }, plain)}\n`;

/** Adds the names of the event and of the result's error, if they have any. */
const recordObject = (record: NumberedRecord): object => {
  const { kind, number, offset, length, header, tokens, damage } = record;
  const event = BSM_EVENTS.get(header.event)?.name;
  const error = bsmErrnoName(findResult(record)?.bsmErrno ?? 0);
  return { kind, number, offset, length, event, error, header, tokens, damage };
};

const plain = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
};
