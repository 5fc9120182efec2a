import { TrailFramer } from './framer.ts';
import { MIN_RECORD_BYTES } from './header.ts';
import { DEFAULT_BSM_LIMITS } from './limits.ts';

/** Id, length, version. */
const VERSION_AT = 5;
/** Old Darwin, Solaris, OpenBSM 1.0 and later. Source: OpenBSM, bsm/audit_record.h. */
const KNOWN_VERSIONS = new Set([1, 2, 3, 4, 10, 11]);

/**
 * Tells a BSM trail from text by its first bytes: it holds a whole record or file token, or begins with a header whose
 * length and version can be. The more bytes are given, the more damage before the first record it sees past; 64 KiB are
 * plenty. No text passes: the length of a record begins with a NUL, that of a file name ends in one.
 */
export const looksLikeTrail = (firstBytes: Uint8Array): boolean => {
  const framer = new TrailFramer();
  const frames = [...framer.push(firstBytes), ...framer.end()];
  return frames.some(frame => frame.kind !== 'damage') || beginsRecord(firstBytes);
};

/** What is wrong with bytes that do not look like a trail, and where. */
export const whyNoTrail = (firstBytes: Uint8Array): string => {
  const framer = new TrailFramer();
  const damage = [...framer.push(firstBytes), ...framer.end()].find(frame => frame.kind === 'damage');
  return damage === undefined ? 'offset 0: nothing is there' : `offset ${damage.offset}: ${damage.reason}`;
};

/** Whether the first record is longer than what was read of it, and possible as far as it can be seen. */
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
