import { entryOverheads, findValue } from './encoded-row.ts';
import type { StoredBatch } from './row-batch.ts';

/** audit's value for an unset id. */
const UNSET_ID = 0xffffffff;
/**
 * Higher ids come in blocks of this size: user namespaces map such blocks, and the user of one can take any id in it.
 */
const ID_BLOCK = 0x10000;

/**
 * Owner of a row, for eviction: the login uid, which a user cannot change; without a login, the uid. Each block of subordinate
 * ids is one owner.
 */
export const ownerOf = (auid: number | undefined, uid: number | undefined): number => {
  if (auid !== undefined && auid !== UNSET_ID) return auid;
  if (uid === undefined) return 0;
  return uid < ID_BLOCK ? uid : uid - (uid % ID_BLOCK);
};

/** The columns that determine it, by table: the login's id first. */
const OWNER_COLUMNS = [
  ['auid', 'uid'],
  ['login_user_uid', 'user_uid'],
] as const;

/** @returns the places of the two columns; undefined for a table without them */
export const ownerColumns = (names: readonly string[]): readonly [auid: number, uid: number] | undefined => {
  for (const [auid, uid] of OWNER_COLUMNS) {
    if (names.includes(auid) && names.includes(uid)) return [names.indexOf(auid), names.indexOf(uid)];
  }
  return undefined;
};

/** The owners of rows that were saved on disk: only the rows themselves tell. */
export const ownersOf = (batch: StoredBatch, names: readonly string[]): Uint32Array => {
  const owners = new Uint32Array(batch.ends.length);
  const columns = ownerColumns(names);
  if (columns === undefined) return owners;
  const overheads = entryOverheads(names);
  const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
  for (let row = 0; row < owners.length; row++) {
    const start = row === 0 ? 0 : batch.ends[row - 1]!;
    const place = { bytes, start, low: batch.masks[2 * row]!, high: batch.masks[2 * row + 1]! };
    const [auid, uid] = columns.map(column => {
      const value = findValue(place, column, overheads);
      return value && Number(bytes.toString('latin1', value.start, value.end));
    });
    owners[row] = ownerOf(auid, uid);
  }
  return owners;
};
