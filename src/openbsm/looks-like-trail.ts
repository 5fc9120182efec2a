import { TrailFramer } from './framer.ts';
import { MIN_RECORD_BYTES } from './header.ts';
import { DEFAULT_BSM_LIMITS } from './limits.ts';

/** Id, length, version. */
const VERSION_AT = 5;
/** Old Darwin, Solaris, OpenBSM 1.0 and later. Source: OpenBSM, bsm/audit_record.h. */
const KNOWN_VERSIONS = new Set([1, 2, 3, 4, 10, 11]);

/**
 * Tells a BSM trail from text by its first bytes: they hold a whole record or file token, or begin with a header
 * whose length and version are possible. More bytes allow for more damage before the first record; 64 KiB are plenty.
 * Text never passes, because the length of a record begins with a NUL and the name of a file ends in one.
 */
export const looksLikeTrail = (firstBytes: Uint8Array): boolean => {
  const framer = new TrailFramer();
  const frames = [...framer.push(firstBytes), ...framer.end()];
  return frames.some(frame => frame.kind !== 'damage') || beginsRecord(firstBytes);
};

/** Why bytes do not look like a trail, and where. */
export const whyNoTrail = (firstBytes: Uint8Array): string => {
  const framer = new TrailFramer();
  const damage = [...framer.push(firstBytes), ...framer.end()].find(frame => frame.kind === 'damage');
  return damage === undefined ? 'offset 0: no bytes' : `offset ${damage.offset}: ${damage.reason}`;
};

/** Whether the first record is longer than the bytes that were read, and possible as far as it was read. */
const beginsRecord = (bytes: Uint8Array): boolean => {
  const least = MIN_RECORD_BYTES.get(bytes[0] ?? 0);
  if (least === undefined || bytes.length <= VERSION_AT) return false;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  return (
    length >= least &&
    length > bytes.length &&
    length <= DEFAULT_BSM_LIMITS.maxRecordBytes &&
    KNOWN_VERSIONS.has(bytes[VERSION_AT]!)
  );
};
