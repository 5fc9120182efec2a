import { PR_SET_MM, PR_SET_MM_MAP } from '../claimed-paths.ts';
import {
  AUDIT_ALWAYS,
  AUDIT_ARCH,
  AUDIT_ARG0,
  AUDIT_ARG1,
  AUDIT_ARG2,
  AUDIT_ARG3,
  AUDIT_BIT_MASK,
  AUDIT_BITMASK_SIZE,
  AUDIT_DIR,
  AUDIT_EQUAL,
  AUDIT_EXE,
  AUDIT_EXIT,
  AUDIT_FILTER_EXIT,
  AUDIT_FILTER_PREPEND,
  AUDIT_FILTER_URING_EXIT,
  AUDIT_FILTERKEY,
  AUDIT_LOGINUID,
  AUDIT_MAX_FIELDS,
  AUDIT_NEVER,
  AUDIT_NOT_EQUAL,
  AUDIT_PID,
  AUDIT_SUCCESS,
  AUDIT_UID,
  AUDIT_WATCH,
  EAGAIN,
  EINPROGRESS,
  EINTR,
} from '../constants.ts';
import { fileCallNames } from '../file-calls.ts';
import { IORING_OP } from '../io-uring.ts';
import { FILES_KEY, RULE_KEY } from '../rule-keys.ts';
import { type Architecture, type SyscallName, socketcallName } from '../syscalls.ts';
import { uringFileOperations } from '../uring-file-event.ts';
import { isExclusion } from './exclusions.ts';
import type { AuditStatus } from './status.ts';

export { RULE_KEY };

/** The values that an instance of ours found, and restores at its end. */
export type FoundStatus = Pick<AuditStatus, 'enabled' | 'failure' | 'backlogLimit' | 'backlogWaitTime'>;

/** The values that it set instead. `enabled` is 1 then. */
export type PlacedStatus = Partial<Omit<FoundStatus, 'enabled'>>;

/** What an instance leaves for the next one, in case it is killed. */
export interface RestoreNote {
  readonly found: FoundStatus;
  /** tgid of the process that owned the stream then; 0 for none. */
  readonly owner: number;
  readonly placed: PlacedStatus;
}

/** Separates RULE_KEY from the numbers of a RestoreNote, in the key of the rule that matches no event. */
const FOUND = ':found=';
const PLACED = ';placed=';
/** Instead of a number that was not changed. */
const UNCHANGED = '-';

/** The kernel keeps the key as long as it keeps the changes: until the next boot, or until they are undone. */
export const keyWithNote = ({ found, owner, placed }: RestoreNote): string =>
  [
    RULE_KEY,
    FOUND,
    [found.enabled, found.failure, found.backlogLimit, found.backlogWaitTime, owner].join(','),
    PLACED,
    [placed.failure, placed.backlogLimit, placed.backlogWaitTime].map(value => value ?? UNCHANGED).join(','),
  ].join('');

/** A condition on a field; AUDIT_EQUAL unless given otherwise. A path is text. */
export type RuleField = readonly [field: number, value: number | string, operator?: number];

/** One rule. All of its conditions must hold. */
export interface AuditRule {
  /** The exit list, unless given. */
  readonly list?: 'io_uring';
  readonly action: 'always' | 'never';
  /** Put before all other rules: the first rule that matches decides. */
  readonly prepend: boolean;
  /** In the io_uring list, its operations. */
  readonly syscalls: readonly number[] | 'all';
  readonly fields: readonly RuleField[];
  readonly key: string;
}

/** What to audit; the names are those of osquery's flags. */
export interface RuleSelection {
  readonly processEvents: boolean;
  readonly forkProcessEvents: boolean;
  readonly killProcessEvents: boolean;
  readonly sockets: boolean;
  readonly acceptSocketEvents: boolean;
  readonly failedSocketEvents: boolean;
  readonly nullAcceptSocketEvents: boolean;
  /** Datagrams sent to an address. The kernel cannot tell these from other sends before it has made a record. */
  readonly datagrams: boolean;
  /** Uids, and login uids, whose calls are not recorded: as many as fit into a rule. */
  readonly excludeUids?: readonly number[];
  readonly excludeAuids?: readonly number[];
  /** Programs whose calls are not recorded, by their paths. */
  readonly excludeExes?: readonly string[];
  /** What process_file_events watches. */
  readonly watches?: readonly Watch[];
  /** A directory to which all watched ones are made equivalent, if there are several; absent, each has its own rules. */
  readonly anchor?: string | undefined;
  /** Whether accesses that only read are recorded too. */
  readonly fileAccesses?: boolean;
}

/** The rules of this selection are those that every selection has. They match no event. */
export const NO_EVENTS: RuleSelection = {
  processEvents: false,
  forkProcessEvents: false,
  killProcessEvents: false,
  sockets: false,
  acceptSocketEvents: false,
  failedSocketEvents: false,
  nullAcceptSocketEvents: false,
  datagrams: false,
};

/** Something that the kernel can watch: a directory with everything below it, or a single path. */
export interface Watch {
  readonly kind: 'directory' | 'path';
  readonly path: string;
  /** Differs if the directory was replaced by another one, which has to be watched anew. */
  readonly identity?: string | undefined;
}

/** The watched directories that share the anchor's rules. */
export const anchored = ({ watches = [], anchor }: RuleSelection): readonly Watch[] => {
  const directories = watches.filter(({ kind }) => kind === 'directory');
  return anchor === undefined || directories.length < 2 ? [] : directories;
};

const EXEC: readonly SyscallName[] = ['execve', 'execveat'];
const FORK: readonly SyscallName[] = ['fork', 'vfork', 'clone', 'clone3'];
const KILL: readonly SyscallName[] = ['kill', 'tkill', 'tgkill'];
/** With these errors a connect continues: the caller does not wait, or a signal interrupted it. */
const CONNECT_GOES_ON = [EINPROGRESS, EINTR];

/** socketcall multiplexes these calls (SYS_BIND and others); only a0 tells them apart. */
const SOCKETCALLS = [2, 3, 5, 18] as const;
/** SYS_SENDTO, SYS_SENDMSG, SYS_SENDMMSG. */
const SEND_SOCKETCALLS = [11, 16, 20] as const;
const SEND: readonly SyscallName[] = ['sendto', 'sendmsg', 'sendmmsg'];
const MSG_FASTOPEN = 0x2000_0000;

/**
 * The rules for one selection. The kernel filters as much as it can: only calls that can become a row match, so a
 * failed exec, or a connect refused by a host, costs nothing here.
 *
 * @param ownPid tgid whose system calls are never audited: auditing the reader of the audit stream would be a loop.
 * @param ownKey key of the rule that does this
 */
export const rulesFor = (
  selection: RuleSelection,
  architectures: readonly Architecture[],
  ownPid: number,
  ownKey: string = RULE_KEY,
): readonly AuditRule[] => {
  const rules: AuditRule[] = [
    { action: 'never', prepend: true, syscalls: 'all', fields: [[AUDIT_PID, ownPid]], key: ownKey },
  ];
  for (const architecture of architectures) {
    const recorded = processRules(selection, architecture);
    if (selection.sockets)
      recorded.push(
        ...socketRules(selection, architecture),
        ...sendRules(selection, architecture),
        ...socketcallRules(selection, architecture),
      );
    rules.push(...exeRules(selection, architecture, recorded));
    rules.push(...recorded, ...claimRules(selection, architecture));
  }
  const excluded = exclusionFields(selection);
  const narrowed = rules.map(rule =>
    rule.action === 'never' ? rule : { ...rule, fields: [...rule.fields, ...excluded] },
  );
  if (selection.sockets) narrowed.push(ioUringRule(selection));
  // These come last, because there are many: calls that other rules record are not compared with them.
  for (const watch of ruleWatches(selection)) {
    for (const architecture of architectures)
      narrowed.push(...watchRules(watch, architecture, selection.fileAccesses === true));
    narrowed.push(uringWatchRule(watch, architectures));
  }
  return narrowed;
};

/** The watches that get rules: the anchor stands for all directories that share its rules. */
const ruleWatches = (selection: RuleSelection): readonly Watch[] => {
  const { watches = [], anchor } = selection;
  const equivalent = new Set(anchored(selection));
  if (equivalent.size === 0) return watches;
  return [{ kind: 'directory', path: anchor! }, ...watches.filter(watch => !equivalent.has(watch))];
};

/** A rule has 64 fields; the other conditions leave this many. */
const MAX_EXCLUDED = 48;

/**
 * Exclusions are conditions of our own rules. A separate rule with the action never would silence rules of others,
 * too.
 */
const exclusionFields = ({ excludeUids = [], excludeAuids = [] }: RuleSelection): readonly RuleField[] =>
  [
    ...excludeUids.map(uid => [AUDIT_UID, uid, AUDIT_NOT_EQUAL] as const),
    ...excludeAuids.map(auid => [AUDIT_LOGINUID, auid, AUDIT_NOT_EQUAL] as const),
  ].slice(0, MAX_EXCLUDED);

/**
 * Rules for programs that are left out, one each, because a condition on a program in our own rules would name one program only, and
 * the kernel would remove these rules with the program's directory. They come first, and so before rules of others, too.
 *
 * @param recorded the rules that record events of processes and sockets; other calls are not compared
 */
const exeRules = (
  { excludeExes = [] }: RuleSelection,
  { arch }: Architecture,
  recorded: readonly AuditRule[],
): AuditRule[] => {
  const syscalls = [
    ...new Set(recorded.flatMap(rule => (rule.syscalls === 'all' ? [] : rule.syscalls))),
  ].sort((a, b) => a - b);
  if (syscalls.length === 0) return [];
  return excludeExes.map(path => ({
    action: 'never',
    prepend: true,
    syscalls,
    fields: [
      [AUDIT_ARCH, arch],
      [AUDIT_EXE, path],
    ],
    key: RULE_KEY,
  }));
};

/** Whether a rule leaves out a program. */
export const leavesOutExe = ({ fields }: AuditRule): boolean => fields.some(([field]) => field === AUDIT_EXE);

/** A rule that records system calls of one architecture; none if the architecture has none of them. */
const always = (
  architecture: Architecture,
  names: readonly SyscallName[],
  fields: AuditRule['fields'],
): AuditRule[] => {
  const syscalls = names
    .map(architecture.numberOf)
    // Some of MIPS's numbers exceed what a rule can name.
    .filter(number => number !== undefined && number < AUDIT_BITMASK_SIZE * 32) as number[];
  if (syscalls.length === 0) return [];
  return [
    {
      action: 'always',
      prepend: false,
      syscalls,
      fields: [[AUDIT_ARCH, architecture.arch], ...fields],
      key: RULE_KEY,
    },
  ];
};

/** O_WRONLY, O_RDWR, O_CREAT and O_TRUNC: an open with one of them can change something. Source: asm-generic/fcntl.h. */
const CAN_CHANGE = 0o1103;

/** Opens, with the argument that has their flags. The flags of openat2 are in memory, where rules cannot see them. */
const OPENS_BY_FLAGS = [
  ['open', AUDIT_ARG1],
  ['openat', AUDIT_ARG2],
] as const satisfies readonly (readonly [SyscallName, number])[];

/** Calls that change, or may change, something that has a path. */
const CHANGES = fileCallNames.filter(name => !OPENS_BY_FLAGS.some(([open]) => open === name));

/**
 * The rules of one watch: for calls that change something, and for opens whose flags say that they can. AUDIT_PERM is not used,
 * because the kernel's lists of changing calls lack some, and do not count an open that creates a file for reading.
 */
const watchRules = (
  { kind, path }: Watch,
  architecture: Architecture,
  withAccesses: boolean,
): readonly AuditRule[] => {
  const where = [kind === 'directory' ? AUDIT_DIR : AUDIT_WATCH, path] as const;
  // If the watched name itself disappears, the kernel evaluates the rule before it knows the result of the call
  // (audit_update_watch).
  const succeeded: AuditRule['fields'] = kind === 'directory' ? [[AUDIT_SUCCESS, 1]] : [];
  const rules = withAccesses
    ? always(architecture, fileCallNames, [where, ...succeeded])
    : [
        ...always(architecture, CHANGES, [where, ...succeeded]),
        // The flags come before the path, because they cost less to compare.
        ...OPENS_BY_FLAGS.flatMap(([open, argument]) =>
          always(architecture, [open], [[argument, CAN_CHANGE, AUDIT_BIT_MASK], where, ...succeeded]),
        ),
      ];
  return rules.map(rule => ({ ...rule, key: FILES_KEY }));
};

/**
 * The rule for io_uring operations on a watch. The io_uring list of rules cannot see the flags of an open, so opens that only read
 * are recorded too. The kernel finds a single path by its inode, and there it compares the number of the system call:
 * io_uring_enter's, or 0 in a thread of the kernel. Source: audit_filter_inode_name in kernel/auditsc.c.
 */
const uringWatchRule = ({ kind, path }: Watch, architectures: readonly Architecture[]): AuditRule => {
  const enter = architectures
    .map(({ numberOf }) => numberOf('io_uring_enter'))
    .filter(each => each !== undefined);
  return {
    list: 'io_uring',
    action: 'always',
    prepend: false,
    syscalls: kind === 'directory' ? uringFileOperations : [...new Set([0, ...enter])],
    fields: [[kind === 'directory' ? AUDIT_DIR : AUDIT_WATCH, path]],
    key: FILES_KEY,
  };
};

const processRules = (selection: RuleSelection, architecture: Architecture): AuditRule[] =>
  always(
    architecture,
    [
      ...(selection.processEvents ? EXEC : []),
      ...(selection.forkProcessEvents ? FORK : []),
      ...(selection.killProcessEvents ? KILL : []),
    ],
    [[AUDIT_SUCCESS, 1]],
  );

/**
 * If rows show the program of processes that have not just started it, we have to know which processes changed their
 * reported program.
 */
const claimRules = (selection: RuleSelection, architecture: Architecture): AuditRule[] =>
  selection.sockets ||
  selection.forkProcessEvents ||
  selection.killProcessEvents ||
  (selection.watches?.length ?? 0) > 0
    ? always(
        architecture,
        ['prctl'],
        [
          [AUDIT_ARG0, PR_SET_MM],
          [AUDIT_ARG1, PR_SET_MM_MAP],
          [AUDIT_SUCCESS, 1],
        ],
      )
    : [];

const socketRules = (selection: RuleSelection, architecture: Architecture): AuditRule[] => {
  const accepts: readonly SyscallName[] = selection.acceptSocketEvents ? ['accept', 'accept4'] : [];
  const rules = always(architecture, ['bind', 'connect', ...accepts], wantedOutcome(selection));
  if (selection.failedSocketEvents) return rules;
  for (const errno of CONNECT_GOES_ON) {
    rules.push(...always(architecture, ['connect'], [[AUDIT_EXIT, -errno]]));
  }
  if (selection.nullAcceptSocketEvents) rules.push(...always(architecture, accepts, [[AUDIT_EXIT, -EAGAIN]]));
  return rules;
};

/**
 * Sends that connect (TCP Fast Open), by their flags. For datagrams all sends, because no rule can ask for an
 * address.
 */
const sendRules = (selection: RuleSelection, architecture: Architecture): AuditRule[] => {
  const rules: AuditRule[] = [];
  const outcomes = selection.failedSocketEvents
    ? [[]]
    : [wantedOutcome(selection), [[AUDIT_EXIT, -EINPROGRESS]] as const];
  for (const [names, argument] of [
    [['sendto', 'sendmmsg'], AUDIT_ARG3],
    [['sendmsg'], AUDIT_ARG2],
  ] as const) {
    for (const outcome of outcomes) {
      rules.push(...always(architecture, names, [[argument, MSG_FASTOPEN, AUDIT_BIT_MASK], ...outcome]));
    }
  }
  if (selection.datagrams) rules.push(...always(architecture, SEND, wantedOutcome(selection)));
  return rules;
};

/**
 * For architectures whose socket calls share one system call. The flags of a send are in the program's memory, where no rule can
 * look, so all sends are recorded because of those that connect (TCP Fast Open).
 */
const socketcallRules = (selection: RuleSelection, architecture: Architecture): AuditRule[] => {
  const rules: AuditRule[] = [];
  for (const call of [...SOCKETCALLS, ...SEND_SOCKETCALLS]) {
    const name = socketcallName(call)!;
    const isAccept = name.startsWith('accept');
    if (isAccept && !selection.acceptSocketEvents) continue;
    rules.push(...always(architecture, ['socketcall'], [[AUDIT_ARG0, call], ...wantedOutcome(selection)]));
    if (selection.failedSocketEvents) continue;
    const accepted = isAccept && selection.nullAcceptSocketEvents ? [EAGAIN] : [];
    const goesOn = SEND.includes(name) ? [EINPROGRESS] : accepted;
    for (const errno of name === 'connect' ? CONNECT_GOES_ON : goesOn) {
      const fields: AuditRule['fields'] = [
        [AUDIT_ARG0, call],
        [AUDIT_EXIT, -errno],
      ];
      rules.push(...always(architecture, ['socketcall'], fields));
    }
  }
  return rules;
};

const wantedOutcome = (selection: RuleSelection): AuditRule['fields'] =>
  selection.failedSocketEvents ? [] : [[AUDIT_SUCCESS, 1]];

/** For any outcome, because it is not recorded, and the address may be in a record that is not the last. */
const ioUringRule = (selection: RuleSelection): AuditRule => ({
  list: 'io_uring',
  action: 'always',
  prepend: false,
  syscalls: [IORING_OP.connect, IORING_OP.bind, ...(selection.acceptSocketEvents ? [IORING_OP.accept] : [])],
  fields: [],
  key: RULE_KEY,
});

/**
 * In the last word of the mask, the kernel reads the upper 16 bits as classes of system calls (AUDIT_SYSCALL_CLASSES)
 * and lists them as 0. Without them a rule is listed as it was added.
 */
const CLASSLESS = 0xffff;

/**
 * struct audit_rule_data: flags, action, field_count, mask[64], fields[64], values[64], fieldflags[64], buflen as
 * u32, then the strings. The value of a string field is its length.
 */
export const encodeRule = (rule: AuditRule): Uint8Array => {
  const all: AuditRule['fields'] = [...rule.fields, [AUDIT_FILTERKEY, rule.key]];
  const fields = all.map(
    ([field, value]) => [field, typeof value === 'string' ? Buffer.byteLength(value) : value] as const,
  );
  const strings = Buffer.from(
    all.map(([, value]) => (typeof value === 'string' ? value : '')).join(''),
    'utf8',
  );
  const bytes = new Uint8Array((3 + AUDIT_BITMASK_SIZE + 3 * AUDIT_MAX_FIELDS + 1) * 4 + strings.length);
  const view = new DataView(bytes.buffer);
  let word = 0;
  const put = (value: number): void => view.setUint32(word++ * 4, value >>> 0, true);

  const list = rule.list === 'io_uring' ? AUDIT_FILTER_URING_EXIT : AUDIT_FILTER_EXIT;
  put(list | (rule.prepend ? AUDIT_FILTER_PREPEND : 0));
  put(rule.action === 'never' ? AUDIT_NEVER : AUDIT_ALWAYS);
  put(fields.length);

  const mask = new Uint32Array(AUDIT_BITMASK_SIZE);
  if (rule.syscalls === 'all') {
    mask.fill(0xffffffff);
    mask[AUDIT_BITMASK_SIZE - 1] = CLASSLESS;
  } else for (const number of rule.syscalls) mask[number >>> 5]! |= 1 << (number & 31);
  mask.forEach(put);

  for (let i = 0; i < AUDIT_MAX_FIELDS; i++) put(fields[i]?.[0] ?? 0);
  for (let i = 0; i < AUDIT_MAX_FIELDS; i++) put(fields[i]?.[1] ?? 0);
  for (let i = 0; i < AUDIT_MAX_FIELDS; i++) put(i < fields.length ? (all[i]![2] ?? AUDIT_EQUAL) : 0);
  put(strings.length);
  bytes.set(strings, word * 4);
  return bytes;
};

/**
 * The payload that deletes a listed rule (AUDIT_LIST_RULES); undefined if the rule is not ours. The kernel compares
 * the whole rule, so what it listed is sent back unchanged.
 */
export const ownRule = (listed: Uint8Array): Uint8Array | undefined => {
  const key = keyOf(listed);
  const isOurs =
    key === RULE_KEY || key === FILES_KEY || key?.startsWith(RULE_KEY + FOUND) || isExclusion(listed);
  return isOurs ? listed : undefined;
};

/** A note, and the process that left it. */
export interface LeftNote extends RestoreNote {
  /** tgid of the instance. */
  readonly pid: number;
}

/** The note in a listed rule; undefined for any other rule. */
export const noteIn = (listed: Uint8Array): LeftNote | undefined => {
  const [, found, placed] = NOTE.exec(keyOf(listed) ?? '') ?? [];
  if (found === undefined || placed === undefined) return undefined;
  const [enabled, failure, backlogLimit, backlogWaitTime, owner] = found.split(',').map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const [newFailure, newLimit, newWaitTime] = placed
    .split(',')
    .map(text => (text === UNCHANGED ? undefined : Number(text)));
  const isValid = (value: number | undefined, most: number): boolean => value === undefined || value <= most;
  if (enabled > 1 || ![failure, newFailure].every(value => isValid(value, 2))) return undefined;
  if (
    ![backlogLimit, backlogWaitTime, owner, newLimit, newWaitTime].every(value => isValid(value, MAX_U32))
  ) {
    return undefined;
  }
  return {
    pid: new DataView(listed.buffer, listed.byteOffset).getUint32(VALUES_AT, true),
    found: { enabled, failure, backlogLimit, backlogWaitTime },
    owner,
    placed: {
      ...(newFailure !== undefined && { failure: newFailure }),
      ...(newLimit !== undefined && { backlogLimit: newLimit }),
      ...(newWaitTime !== undefined && { backlogWaitTime: newWaitTime }),
    },
  };
};

const NOTE = new RegExp(
  `^${RULE_KEY}${FOUND}(\\d{1,10}(?:,\\d{1,10}){4})${PLACED}((?:\\d{1,10}|-)(?:,(?:\\d{1,10}|-)){2})$`,
);
/** Place of the first field's value in a rule's bytes. */
const VALUES_AT = (3 + AUDIT_BITMASK_SIZE + AUDIT_MAX_FIELDS) * 4;
const MAX_U32 = 0xffff_ffff;

/** The key of a listed rule. */
const keyOf = (listed: Uint8Array): string | undefined =>
  ruleTexts(listed).find(([field]) => field === AUDIT_FILTERKEY)?.[1];

/** The fields of a listed rule that have text values. */
export const ruleTexts = (listed: Uint8Array): readonly (readonly [field: number, text: string])[] => {
  const headWords = 3 + AUDIT_BITMASK_SIZE + 3 * AUDIT_MAX_FIELDS + 1;
  if (listed.length < headWords * 4) return [];
  const view = new DataView(listed.buffer, listed.byteOffset, listed.byteLength);
  const fieldCount = Math.min(view.getUint32(8, true), AUDIT_MAX_FIELDS);
  const fieldsAt = (3 + AUDIT_BITMASK_SIZE) * 4;
  const valuesAt = fieldsAt + AUDIT_MAX_FIELDS * 4;
  const texts: (readonly [number, string])[] = [];
  let stringAt = headWords * 4;
  for (let i = 0; i < fieldCount; i++) {
    const field = view.getUint32(fieldsAt + i * 4, true);
    if (field !== AUDIT_FILTERKEY && !STRING_FIELDS.has(field)) continue;
    const length = view.getUint32(valuesAt + i * 4, true);
    texts.push([field, Buffer.from(listed.subarray(stringAt, stringAt + length)).toString('latin1')]);
    stringAt += length;
  }
  return texts;
};

/**
 * Fields whose value is the length of a string that follows: the five subj_*, five obj_*, watch, dir, exe. Source:
 * audit_data_to_entry in kernel/auditfilter.c.
 */
const STRING_FIELDS = new Set([13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 105, 107, 112]);
