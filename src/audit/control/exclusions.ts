import {
  AUDIT_BITMASK_SIZE,
  AUDIT_BPRM_FCAPS,
  AUDIT_EOE,
  AUDIT_EQUAL,
  AUDIT_FILTER_EXCLUDE,
  AUDIT_MAX_FIELDS,
  AUDIT_MSGTYPE,
  AUDIT_NEVER,
  AUDIT_NOT_EQUAL,
  AUDIT_PID,
  AUDIT_PROCTITLE,
} from '../constants.ts';

/**
 * Record types that are not read here: a quarter of the records of a connect or exec. If they are excluded, they cost
 * neither us nor the audited program, whose command line the kernel copies for each PROCTITLE.
 */
const UNREAD = [AUDIT_PROCTITLE, AUDIT_BPRM_FCAPS] as const;

/**
 * A pid that no process has: it is above the kernel's PID_MAX_LIMIT of 2^22. Rules of the exclude list cannot have a
 * key; ours are recognized by the condition that the pid is not this one, which is always true.
 */
const NOBODY = 0x6f61_6531;

// struct audit_rule_data, in words of four bytes: flags, action, field_count, mask, fields, values, fieldflags, buflen.
const FIELDS = 3 + AUDIT_BITMASK_SIZE;
const VALUES = FIELDS + AUDIT_MAX_FIELDS;
const OPERATORS = VALUES + AUDIT_MAX_FIELDS;
const WORDS = OPERATORS + AUDIT_MAX_FIELDS + 1;

const encode = (type: number): Uint8Array => {
  const bytes = new Uint8Array(WORDS * 4);
  const view = new DataView(bytes.buffer);
  const put = (word: number, value: number): void => view.setUint32(word * 4, value, true);
  put(0, AUDIT_FILTER_EXCLUDE);
  put(1, AUDIT_NEVER);
  put(2, 2);
  put(FIELDS, AUDIT_MSGTYPE);
  put(VALUES, type);
  put(OPERATORS, AUDIT_EQUAL);
  put(FIELDS + 1, AUDIT_PID);
  put(VALUES + 1, NOBODY);
  put(OPERATORS + 1, AUDIT_NOT_EQUAL);
  return bytes;
};

/**
 * The rules that prevent records that are not read, as struct audit_rule_data.
 *
 * @param listed the existing rules: if another program excludes EOE, only PROCTITLE marks the end of an event
 */
export const exclusions = (listed: readonly Uint8Array[]): readonly Uint8Array[] =>
  listed.some(excludesEoe) ? [] : UNREAD.map(encode);

/** Whether a rule in the kernel's list is one of those. */
export const isExclusion = (listed: Uint8Array): boolean =>
  word(listed, 0) === AUDIT_FILTER_EXCLUDE &&
  word(listed, 2) === 2 &&
  word(listed, FIELDS + 1) === AUDIT_PID &&
  word(listed, VALUES + 1) === NOBODY &&
  word(listed, OPERATORS + 1) === AUDIT_NOT_EQUAL;

const excludesEoe = (listed: Uint8Array): boolean => {
  if (word(listed, 0) !== AUDIT_FILTER_EXCLUDE) return false;
  const fields = Math.min(word(listed, 2) ?? 0, AUDIT_MAX_FIELDS);
  for (let i = 0; i < fields; i++) {
    if (word(listed, FIELDS + i) === AUDIT_MSGTYPE && word(listed, VALUES + i) === AUDIT_EOE) return true;
  }
  return false;
};

const word = (bytes: Uint8Array, index: number): number | undefined =>
  bytes.length >= WORDS * 4
    ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(index * 4, true)
    : undefined;
