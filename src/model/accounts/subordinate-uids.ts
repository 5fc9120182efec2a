import { decodeText } from '../../audit/value.ts';

/** Most entries of one file. */
export const MAX_SUBUID_ENTRIES = 65_536;

/** Uids assigned to a user's namespaces; none of them has an account. */
export interface UidRange {
  readonly first: number;
  readonly last: number;
}

const MAX_UID = 4_294_967_294;

/** The ranges of subuid(5), `owner:first:count` a line, sorted by first uid. Anything else is left out. */
export const parseSubordinateUids = (bytes: Uint8Array): readonly UidRange[] => {
  const ranges: UidRange[] = [];
  for (const line of decodeText(bytes).split('\n')) {
    const match = /^[^:#]+:(\d{1,10}):(\d{1,10})$/.exec(line);
    if (match === null) continue;
    const first = Number(match[1]);
    const count = Number(match[2]);
    if (count === 0 || first > MAX_UID) continue;
    if (ranges.length >= MAX_SUBUID_ENTRIES) break;
    ranges.push({ first, last: Math.min(MAX_UID, first + count - 1) });
  }
  return ranges.sort((one, other) => one.first - other.first);
};

/** The range that contains a uid. */
export const rangeOf = (uid: number, ranges: readonly UidRange[]): UidRange | undefined =>
  ranges.find(({ first, last }) => first <= uid && uid <= last);
