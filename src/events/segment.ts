import { unpackRows } from './packing.ts';

export interface Segment {
  /** The rows' bytes; of a packed segment compressed. */
  bytes: Buffer;
  isPacked: boolean;
  /** How many read the bytes in place and will give them back; those of a SELECT never do. */
  readers: number;
  readonly firstEid: number;
  /** Numbers of the rows; undefined where they follow each other without a gap. */
  readonly eids: Float64Array | undefined;
  rows: number;
  used: number;
  ends: Uint32Array;
  times: Float64Array;
  /** No row is older, or younger; in seconds since the epoch. */
  oldest: number;
  newest: number;
  masks: Uint32Array;
  /** 1 for a row that was consumed or has expired: it only waits for the rows before it to go. */
  gone: Uint8Array;
}

/** What of a segment says what its rows are. It stays as it is when the segment goes on. */
export type StoredRows = Pick<
  Segment,
  'bytes' | 'isPacked' | 'used' | 'firstEid' | 'eids' | 'ends' | 'masks'
>;

export const rowsOf = ({ bytes, isPacked, used }: Pick<Segment, 'bytes' | 'isPacked' | 'used'>): Buffer =>
  isPacked ? unpackRows(bytes, used) : bytes;

/** The number of a row. */
export const eidAt = ({ firstEid, eids }: Pick<Segment, 'firstEid' | 'eids'>, place: number): number =>
  eids === undefined ? firstEid + place : eids[place]!;

/** The place of the first row that has this number or a higher one; `rows` if none has. */
export const placeOf = (
  { firstEid, eids, rows }: Pick<Segment, 'firstEid' | 'eids' | 'rows'>,
  eid: number,
): number => {
  if (eids === undefined) return Math.min(Math.max(eid - firstEid, 0), rows);
  let low = 0;
  let high = rows;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (eids[middle]! < eid) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** Places of the rows that are there and of that time. */
export const rowsWithin = (
  { gone, times }: Segment,
  first: number,
  last: number,
  oldest: number,
  newest: number,
): Uint32Array => {
  const rows = new Uint32Array(last - first);
  let count = 0;
  for (let i = first; i < last; i++) {
    if (gone[i] !== 1 && times[i]! >= oldest && times[i]! <= newest) rows[count++] = i;
  }
  return rows.subarray(0, count);
};

/** Makes room for twice as many rows. */
export const growIndex = (segment: Segment): void => {
  const grown = segment.ends.length * 2;
  const ends = new Uint32Array(grown);
  ends.set(segment.ends);
  segment.ends = ends;
  const times = new Float64Array(grown);
  times.set(segment.times);
  segment.times = times;
  const masks = new Uint32Array(2 * grown);
  masks.set(segment.masks);
  segment.masks = masks;
  const gone = new Uint8Array(grown);
  gone.set(segment.gone);
  segment.gone = gone;
};
