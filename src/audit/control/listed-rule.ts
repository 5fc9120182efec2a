import {
  AUDIT_BITMASK_SIZE,
  AUDIT_FILTER_EXIT,
  AUDIT_FILTER_PREPEND,
  AUDIT_FILTERKEY,
  AUDIT_MAX_FIELDS,
  AUDIT_NEVER,
} from '../constants.ts';

/** Source: linux/audit.h. */
const AUDIT_FILTER_TASK = 0x01;
const AUDIT_FILTER_EXCLUDE = 0x05;

export interface RuleField {
  /** AUDIT_PID, AUDIT_MSGTYPE … */
  readonly field: number;
  /** AUDIT_EQUAL and others. */
  readonly op: number;
  readonly value: number;
}

/** The conditions of a kernel rule, without the text of its string fields. */
export interface ListedRule {
  readonly list: 'task' | 'exit' | 'exclude' | 'other';
  readonly never: boolean;
  /** Without the key, which is no condition. */
  readonly fields: readonly RuleField[];
  hasSyscall(number: number): boolean;
}

const WORDS = 3 + AUDIT_BITMASK_SIZE + 3 * AUDIT_MAX_FIELDS + 1;

/**
 * Reads struct audit_rule_data as AUDIT_LIST_RULES returns it: u32 flags, action, field_count, mask[64], fields[64],
 * values[64], fieldflags[64], buflen, in the machine's byte order, which is little endian wherever Node.js runs here.
 *
 * @returns undefined if the bytes are too few
 */
export const parseListedRule = (bytes: Uint8Array): ListedRule | undefined => {
  if (bytes.length < WORDS * 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (index: number): number => view.getUint32(index * 4, true);
  const count = Math.min(word(2), AUDIT_MAX_FIELDS);
  const fieldsAt = 3 + AUDIT_BITMASK_SIZE;
  const fields = Array.from({ length: count }, (_, i) => ({
    field: word(fieldsAt + i),
    value: word(fieldsAt + AUDIT_MAX_FIELDS + i),
    op: word(fieldsAt + 2 * AUDIT_MAX_FIELDS + i),
  })).filter(({ field }) => field !== AUDIT_FILTERKEY);
  return {
    list: listName(word(0) & ~AUDIT_FILTER_PREPEND),
    never: word(1) === AUDIT_NEVER,
    fields,
    hasSyscall: number =>
      number >= 0 &&
      number < AUDIT_BITMASK_SIZE * 32 &&
      ((word(3 + (number >>> 5)) >>> (number & 31)) & 1) === 1,
  };
};

const listName = (list: number): ListedRule['list'] => {
  switch (list) {
    case AUDIT_FILTER_TASK:
      return 'task';
    case AUDIT_FILTER_EXIT:
      return 'exit';
    case AUDIT_FILTER_EXCLUDE:
      return 'exclude';
    default:
      return 'other';
  }
};

/**
 * Whether a rule is the `-a never,task` of some distributions. A process that starts while it exists has no system
 * call events for its whole life, whatever other rules say.
 */
export const suppressesEveryTask = ({ list, never, fields }: ListedRule): boolean =>
  list === 'task' && never && fields.length === 0;
