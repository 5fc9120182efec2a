import { decodeText } from '../../audit/value.ts';

/** Uids of a user namespace, and the corresponding uids of the host. */
export interface UidMapping {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

const MAX_UID = 4_294_967_295;

/** `/proc/PID/uid_map`, as read from the host: `inside outside count` a line. Malformed lines are left out. */
export const parseUidMap = (bytes: Uint8Array): readonly UidMapping[] =>
  decodeText(bytes)
    .split('\n')
    .flatMap(line => {
      const match = /^\s*(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})$/.exec(line);
      if (match === null) return [];
      const [inside, outside, count] = match.slice(1).map(Number) as [number, number, number];
      return Math.max(inside, outside, count) > MAX_UID ? [] : [{ inside, outside, count }];
    });

/** The uid in a user namespace of a host's uid; undefined if it is not mapped there. */
export const innerUid = (map: readonly UidMapping[], uid: number): number | undefined => {
  const own = map.find(({ outside, count }) => uid >= outside && uid - outside < count);
  return own && own.inside + uid - own.outside;
};
