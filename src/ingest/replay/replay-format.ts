import { looksLikeTrail, whyNoTrail } from '../../openbsm/looks-like-trail.ts';
import { ENRICHED_SEPARATOR, parseLogLine } from './log-line.ts';

export type ReplayFormat =
  | { readonly kind: 'audit-log' }
  | { readonly kind: 'bsm-trail' }
  /** `what` completes "the file …". */
  | { readonly kind: 'unknown'; readonly what: string };

const packed: readonly (readonly [name: string, magic: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

/** True if `head` can be the beginning of a BSM trail. */
export type BsmDetector = (head: Uint8Array) => boolean;

/**
 * Tells by its first bytes what a replay file holds. A log may begin with damaged records: it is refused only if not
 * one line of `head` looks like an attempt at a record.
 */
export const replayFormat = (head: Uint8Array, isBsmTrail: BsmDetector = looksLikeTrail): ReplayFormat => {
  if (isBsmTrail(head)) return { kind: 'bsm-trail' };
  for (const [name, magic] of packed) {
    if (magic.every((byte, index) => head[index] === byte)) {
      return { kind: 'unknown', what: `is compressed with ${name}: unpack it first` };
    }
  }
  let refused = false;
  for (let start = 0; start < head.length; ) {
    const found = head.indexOf(0x0a, start);
    const end = found < 0 ? head.length : found;
    const line = parseLogLine(head, start, end);
    if (line.kind === 'record') return { kind: 'audit-log' };
    if (line.kind === 'malformed') {
      const text = Buffer.from(head.buffer, head.byteOffset + start, end - start).toString('latin1');
      if (/\baudit\(|\btype=/.test(text) || text.includes(String.fromCharCode(ENRICHED_SEPARATOR)))
        return { kind: 'audit-log' };
      refused = true;
    }
    start = end + 1;
  }
  return refused
    ? {
        kind: 'unknown',
        what: `is neither an audit log ("type=NAME msg=audit(…") nor a BSM trail (${whyNoTrail(head)})`,
      }
    : { kind: 'audit-log' };
};
