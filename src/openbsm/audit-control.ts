/** One line of a check: `fix` says what to do about a problem. */
export type CheckLine =
  | { readonly kind: 'ok'; readonly text: string }
  | { readonly kind: 'problem'; readonly text: string; readonly fix: string };

export const AUDIT_CONTROL_PATH = '/etc/security/audit_control';

/** Newer systems no longer have audit(8) and its daemon, and ship only the example file. */
const RELOAD = 'then run "audit -s", or restart the system';

/** Classes that a trail needs for the tables. Source: osquery's own documentation, audit_class(5). */
const WANTED_CLASSES: readonly (readonly [name: string, why: string])[] = [
  ['ex', 'process_events: program executions'],
  ['pc', 'process_events: posix_spawn, fork and exit, which name all parents'],
  ['lo', 'user_events: logins and logouts'],
  ['aa', 'user_events: authentication and authorization'],
  ['ad', 'user_events: audit starting and stopping'],
  ['ap', 'user_events: events that programs report themselves'],
];
const SOCKET_CLASS = ['nt', 'socket_events: connect, accept and bind'] as const;

const WANTED_POLICY: readonly (readonly [name: string, why: string])[] = [
  ['cnt', 'without it processes stop when audit runs out of space'],
  ['argv', 'process_events: cmdline'],
  ['arge', 'process_events: env'],
];

/** Source: audit_class(5) of OpenBSM and macOS. */
const KNOWN_CLASSES = new Set('no fr fw fa fm fc fd cl pc nt ip na ad lo aa ap res io ex ot all'.split(' '));
/** Source: audit_control(5). */
const KNOWN_POLICY = new Set('cnt ahlt argv arge seq group trail path zonename perzone'.split(' '));
const KNOWN_PARAMETERS = new Set(
  (
    'dir dist flags host naflags minfree policy filesz expire-after qsize ' +
    'superuser-set-sflags-mask superuser-clear-sflags-mask member-set-sflags-mask member-clear-sflags-mask'
  ).split(' '),
);

export interface AuditControlOptions {
  /** Whether socket_events are wanted. Their class is not among those that osquery's documentation names. */
  readonly sockets?: boolean;
}

/**
 * Checks audit_control(5) against what the tables need. Pure: the caller reads the file.
 *
 * @param text the file's text, undefined if there is no such file
 */
export const checkAuditControl = (
  text: string | undefined,
  { sockets = false }: AuditControlOptions = {},
): readonly CheckLine[] => {
  if (text === undefined) {
    return [
      problem(
        `${AUDIT_CONTROL_PATH} does not exist: nothing is audited`,
        `copy ${AUDIT_CONTROL_PATH}.example to ${AUDIT_CONTROL_PATH}, set its flags and policy, run "launchctl enable system/com.apple.auditd" and restart the system`,
      ),
    ];
  }
  const { values, lines } = parse(text);
  const wanted = sockets ? [...WANTED_CLASSES, SOCKET_CLASS] : WANTED_CLASSES;
  return [...lines, ...checkFlags(values.get('flags'), wanted), ...checkPolicy(values.get('policy'))];
};

const ok = (text: string): CheckLine => ({ kind: 'ok', text });
const problem = (text: string, fix: string): CheckLine => ({ kind: 'problem', text, fix });

/**
 * `parameter:value` lines. Of lines with the same parameter the last counts, except for `dir`, which may be repeated.
 */
const parse = (text: string): { values: ReadonlyMap<string, string>; lines: readonly CheckLine[] } => {
  const values = new Map<string, string>();
  const lines: CheckLine[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) continue;
    const where = `${AUDIT_CONTROL_PATH} line ${index + 1}`;
    const colon = content.indexOf(':');
    const name = content.slice(0, colon).trim();
    if (colon < 0) {
      lines.push(problem(`${where}: no "parameter:value"`, 'correct or remove the line'));
    } else if (!KNOWN_PARAMETERS.has(name)) {
      lines.push(problem(`${where}: unknown parameter "${name}"`, 'correct or remove the line'));
    } else {
      values.set(name, content.slice(colon + 1).trim());
    }
  }
  return { values, lines };
};

interface Selection {
  success: boolean;
  failure: boolean;
}

/** Flags apply from left to right; `+` and `-` select one outcome, `^` removes. Source: audit_control(5). */
const selectClasses = (flags: readonly string[]): ReadonlyMap<string, Selection> => {
  const selected = new Map<string, Selection>();
  for (const flag of flags) {
    const { off, outcome, name } = splitFlag(flag);
    for (const each of name === 'all' ? KNOWN_CLASSES : [name]) {
      const selection = selected.get(each) ?? { success: false, failure: false };
      if (outcome !== '-') selection.success = !off;
      if (outcome !== '+') selection.failure = !off;
      selected.set(each, selection);
    }
  }
  return selected;
};

const splitFlag = (flag: string): { off: boolean; outcome: string; name: string } => {
  const [, off, outcome, name] = /^(\^?)([+-]?)(.*)$/.exec(flag) ?? [];
  return { off: off === '^', outcome: outcome ?? '', name: name ?? '' };
};

const list = (value: string): readonly string[] =>
  value
    .split(',')
    .map(entry => entry.trim())
    .filter(entry => entry !== '');

const checkFlags = (
  value: string | undefined,
  wanted: readonly (readonly [name: string, why: string])[],
): readonly CheckLine[] => {
  const all = wanted.map(([name]) => name).join(',');
  if (value === undefined) {
    return [
      problem(
        `no "flags" line in ${AUDIT_CONTROL_PATH}: no class is audited`,
        `add "flags:${all}", ${RELOAD}`,
      ),
    ];
  }
  const flags = list(value);
  const unknown = flags
    .map(splitFlag)
    .filter(({ name }) => !KNOWN_CLASSES.has(name))
    .map(({ name }) =>
      problem(`flags: unknown class "${name}"`, `remove it, or correct it as in audit_class(5), ${RELOAD}`),
    );
  const selected = selectClasses(flags);
  return [
    ...unknown,
    ...wanted.map(([name, why]) => {
      const selection = selected.get(name);
      if (selection?.success === true && selection.failure) return ok(`flags: ${name} (${why})`);
      const half =
        selection?.success === true ? 'failures' : selection?.failure === true ? 'successes' : undefined;
      return half === undefined
        ? problem(`flags: ${name} is missing (${why})`, `add ${name} to "flags", ${RELOAD}`)
        : problem(
            `flags: ${name} is audited without its ${half} (${why})`,
            `write ${name} without a prefix, ${RELOAD}`,
          );
    }),
  ];
};

const checkPolicy = (value: string | undefined): readonly CheckLine[] => {
  const names = WANTED_POLICY.map(([name]) => name).join(',');
  if (value === undefined) {
    return [
      problem(
        `no "policy" line in ${AUDIT_CONTROL_PATH}: no arguments are recorded`,
        `add "policy:${names}", ${RELOAD}`,
      ),
    ];
  }
  const policies = list(value);
  const lines = policies
    .filter(name => !KNOWN_POLICY.has(name))
    .map(name => problem(`policy: unknown flag "${name}"`, `remove it, ${RELOAD}`));
  if (policies.includes('ahlt')) {
    lines.push(
      problem(
        'policy: ahlt halts the system when an event cannot be recorded',
        `remove ahlt unless you want that, ${RELOAD}`,
      ),
    );
  }
  for (const [name, why] of WANTED_POLICY) {
    lines.push(
      policies.includes(name)
        ? ok(`policy: ${name}`)
        : problem(`policy: ${name} is missing (${why})`, `add ${name} to "policy", ${RELOAD}`),
    );
  }
  return lines;
};
