import { unpackRows } from './packing.ts';

/** Bytes of the index of a segment, per row: its end, time, columns, owner, and whether it is gone. */
export const ROW_INDEX_BYTES = 24;

/** Why a row is gone although it is still in its segment. */
export const THERE = 0;
/** Every reader has read it, or it was too old: it must not come back after a restart. */
export const DONE = 1;
/** There was no room for it. */
export const EVICTED = 2;

/** An owner's part of a segment. */
export interface Share {
  rows: number;
  /** Unpacked bytes of these rows. */
  bytes: number;
}

export interface Segment {
  /** The rows' bytes; compressed in a packed segment. */
  bytes: Buffer;
  isPacked: boolean;
  /** Bytes of memory per byte of its rows: 1 before it is packed. */
  rate: number;
  /** Readers that use the bytes in place and will return them. SELECTs never do. */
  readers: number;
  readonly firstEid: number;
  /** Numbers of the rows; undefined if they are consecutive. */
  eids: Float64Array | undefined;
  rows: number;
  used: number;
  ends: Uint32Array;
  times: Float64Array;
  /** Bounds of the rows' times, in seconds since the epoch. */
  oldest: number;
  newest: number;
  masks: Uint32Array;
  /** Slots of the rows' owners. */
  owners: Uint16Array;
  /** Bytes of memory kept beside each row; undefined if none are counted. */
  beside: Uint32Array | undefined;
  /** THERE, or why a row is gone. */
  gone: Uint8Array;
  /** Existing rows and their unpacked bytes. */
  live: number;
  liveBytes: number;
  /** The same by slot of the owner. */
  readonly shares: Map<number, Share>;
}

/** The part of a segment that describes its rows. It stays valid when the segment grows. */
export type StoredRows = Pick<
  Segment,
  'bytes' | 'isPacked' | 'used' | 'firstEid' | 'eids' | 'ends' | 'masks'
>;

export const newSegment = (bytes: Buffer, firstEid: number, rows: number): Segment => ({
  bytes,
  isPacked: false,
  rate: 1,
  readers: 0,
  firstEid,
  eids: undefined,
  rows: 0,
  used: 0,
  ends: new Uint32Array(rows),
  times: new Float64Array(rows),
  oldest: Number.POSITIVE_INFINITY,
  newest: Number.NEGATIVE_INFINITY,
  masks: new Uint32Array(2 * rows),
  owners: new Uint16Array(rows),
  beside: undefined,
  gone: new Uint8Array(rows),
  live: 0,
  liveBytes: 0,
  shares: new Map(),
});

export const rowsOf = ({ bytes, isPacked, used }: Pick<Segment, 'bytes' | 'isPacked' | 'used'>): Buffer =>
  isPacked ? unpackRows(bytes, used) : bytes;

/** Where a row begins. */
export const startAt = ({ ends }: Pick<Segment, 'ends'>, place: number): number =>
  place === 0 ? 0 : ends[place - 1]!;

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

/** Number behind the last row. */
export const endOf = (segment: Segment): number =>
  segment.rows === 0 ? segment.firstEid : eidAt(segment, segment.rows - 1) + 1;

/** Allows gaps between the rows that come next. */
export const allowGaps = (segment: Segment): void => {
  if (segment.eids !== undefined) return;
  const { firstEid } = segment;
  segment.eids = Float64Array.from(segment.ends, (_, place) => firstEid + place);
};

export const shareOf = ({ shares }: Segment, slot: number): Share => {
  let share = shares.get(slot);
  if (share === undefined) {
    share = { rows: 0, bytes: 0 };
    shares.set(slot, share);
  }
  return share;
};

/** Seconds since the epoch; both bounds included. */
export interface TimeBounds {
  readonly from: number;
  readonly to: number;
}

/** Places of the rows, from `first` to before `last`, that exist and are of that time. */
export const rowsWithin = (
  { gone, times }: Segment,
  first: number,
  last: number,
  { from: oldest, to: newest }: TimeBounds,
): Uint32Array => {
  const rows = new Uint32Array(last - first);
  let count = 0;
  for (let i = first; i < last; i++) {
    if (gone[i] === THERE && times[i]! >= oldest && times[i]! <= newest) rows[count++] = i;
  }
  return rows.subarray(0, count);
};

/** Those of some places whose rows exist and are of that time. */
export const thoseWithin = (
  { gone, times }: Segment,
  places: Uint32Array,
  { from: oldest, to: newest }: TimeBounds,
): Uint32Array =>
  places.length === 0
    ? places
    : places.filter(place => gone[place] === THERE && times[place]! >= oldest && times[place]! <= newest);

/** Doubles the room for rows. */
export const growIndex = (segment: Segment): void => {
  const grown = segment.ends.length * 2;
  segment.ends = enlarged(segment.ends, new Uint32Array(grown));
  segment.times = enlarged(segment.times, new Float64Array(grown));
  segment.masks = enlarged(segment.masks, new Uint32Array(2 * grown));
  segment.owners = enlarged(segment.owners, new Uint16Array(grown));
  segment.gone = enlarged(segment.gone, new Uint8Array(grown));
  if (segment.beside !== undefined) segment.beside = enlarged(segment.beside, new Uint32Array(grown));
  if (segment.eids !== undefined) segment.eids = enlarged(segment.eids, new Float64Array(grown));
};

const enlarged = <Words extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(
  from: Words,
  to: Words,
): Words => {
  to.set(from);
  return to;
};

/** Runs of rows with consecutive numbers, between two places. */
export function* runsOf(
  segment: Segment,
  first: number,
  last: number,
): Generator<readonly [first: number, last: number]> {
  const { eids } = segment;
  for (let from = first; from < last; ) {
    let to = eids === undefined ? last : from + 1;
    while (to < last && eids![to] === eids![to - 1]! + 1) to++;
    yield [from, to];
    from = to;
  }
}
