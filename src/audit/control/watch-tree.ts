import { AUDIT_DIR, AUDIT_WATCH } from '../constants.ts';
import { WATCH_ANCHORS } from '../watch-anchors.ts';
import { ruleTexts } from './rules.ts';

/**
 * Chooses an anchor for changed directories: one that no rule names, and that is not below a directory that a rule names.
 *
 * @param listed the rules in the kernel
 * @returns undefined if rules watch all anchors: the equivalence would also count for those rules
 */
export const freeAnchor = (listed: readonly Uint8Array[]): string | undefined => {
  const watched = listed.flatMap(rule =>
    ruleTexts(rule).flatMap(([field, text]) => (field === AUDIT_DIR || field === AUDIT_WATCH ? [text] : [])),
  );
  return WATCH_ANCHORS.find(
    anchor => !watched.some(path => path === '/' || `${anchor}/`.startsWith(`${path}/`)),
  );
};

/** The payload of AUDIT_MAKE_EQUIV: the lengths of both paths as u32, then the paths. Source: audit_receive_msg in kernel/audit.c. */
export const encodeEquivalence = (directory: string, other: string): Uint8Array => {
  const texts = [directory, other].map(path => Buffer.from(path));
  const bytes = Buffer.concat([Buffer.alloc(8), ...texts]);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  texts.forEach(({ length }, index) => {
    view.setUint32(index * 4, length, true);
  });
  return bytes;
};
