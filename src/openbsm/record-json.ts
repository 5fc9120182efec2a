import { BSM_EVENTS } from './bsm-events.ts';
import type { NumberedRecord, TrailItem } from './read-records.ts';

/**
 * One line of JSON for what stands in a trail. Integers of 64 bits are decimal text, as readers of JSON lose digits
 * beyond 2^53; bytes are hex text.
 */
export const itemJson = (item: TrailItem): string =>
  `${JSON.stringify(item.kind === 'record' ? recordObject(item) : { offset: item.offset, ...item.token }, plain)}\n`;

const recordObject = ({ kind, number, offset, length, header, tokens, damage }: NumberedRecord): object => ({
  kind,
  number,
  offset,
  length,
  event: BSM_EVENTS.get(header.event)?.name,
  header,
  tokens,
  damage,
});

const plain = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
};
