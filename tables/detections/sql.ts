/**
 * Parts of SQL that several detections share.
 *
 * The table without a time condition (`t`, `s`, `u`, `f`) gives each scheduled query the rows that it has not seen. The table with
 * a condition on `time` gives all buffered rows, back to `events_expiry`: that is how a row is compared with what was before.
 * CROSS JOIN keeps SQLite from exchanging the two.
 *
 * osqueryd has an empty text where our own shell has NULL, so conditions on texts have to hold for both.
 */

/** Texts as a list in SQL. */
export const list = (...texts: readonly string[]): string =>
  `(${texts.map(text => `'${text.replaceAll("'", "''")}'`).join(', ')})`;

/**
 * One of several conditions. Of a plain OR, SQLite would ask the table once for each branch; IS TRUE keeps it from that.
 */
export const anyOf = (...conditions: readonly string[]): string =>
  conditions.length === 1 ? conditions[0]! : `(${conditions.join(' OR ')}) IS TRUE`;

export const allOf = (...conditions: readonly string[]): string => `(${conditions.join(' AND ')})`;

/** One of several patterns. */
export const globs = (value: string, ...patterns: readonly string[]): string =>
  anyOf(...patterns.map(pattern => `${value} GLOB '${pattern}'`));

/** The last part of a path. */
export const baseName = (path: string): string =>
  `replace(${path}, rtrim(${path}, replace(${path}, '/', '')), '')`;

/** A command line without the program. */
export const argumentsOf = (commandLine: string): string =>
  `substr(${commandLine}, instr(${commandLine} || ' ', ' ') + 1)`;

/** Who ran what: the first columns of each detection of processes. */
export const PROCESS = [
  't.time',
  't.process_pid AS pid',
  't.process_path AS path',
  't.process_command_line AS cmdline',
  't.parent_process_pid AS parent',
  't.parent_process_path AS parent_path',
  't.parent_process_command_line AS parent_cmdline',
  't.user_name AS username',
  't.login_user_uid AS auid',
  't.login_user_name AS login_name',
  't.tty',
  't.container_name',
] as const;

export const EXECUTIONS = 'process_telemetry_events AS t';

/** Who did what to which file. */
export const FILE = [
  'f.time',
  'f.pid',
  'f.operation',
  'f.path',
  'f.dest_path',
  'f.executable',
  'f.uid',
  'f.auid',
] as const;

const SHELL_NAMES = [
  'sh',
  'ash',
  'bash',
  'rbash',
  'dash',
  'zsh',
  'ksh',
  'ksh93',
  'mksh',
  'fish',
  'tcsh',
  'csh',
  'busybox',
];

/** Python's program has the version in its name. */
export const PYTHONS = [
  'python3',
  'python2.7',
  ...Array.from({ length: 12 }, (_, index) => `python3.${index + 6}`),
];

export const SHELLS = list(...SHELL_NAMES);

export const INTERPRETERS = list(...SHELL_NAMES, ...PYTHONS, 'perl', 'ruby', 'php', 'node', 'lua');

/** A program whose arguments are all options: a shell that is given neither a script nor a command reads what somebody sends it. */
export const hasOnlyOptions = (commandLine: string): string => `${commandLine} NOT GLOB '* [^-]*'`;

/** Programs that copy between a connection and their standard input and output. `nc` is a link to one of them. */
export const RELAYS = list(
  'nc',
  'ncat',
  'netcat',
  'nc.openbsd',
  'nc.traditional',
  'socat',
  'telnet',
  'inetutils-telnet',
  'openssl',
);

export const DOWNLOADERS = list('curl', 'wget', 'wget2', 'fetch', 'aria2c', 'lwp-download', 'ftp', 'tftp');

export const DECODERS = list(
  'base64',
  'base32',
  'basenc',
  'xxd',
  'uudecode',
  'openssl',
  'gunzip',
  'gzip',
  'rev',
);

/** Programs where a distribution has them. Who is left out is named by its path: anybody can give a file a name. */
export const installed = (...names: readonly string[]): string =>
  list(...names.flatMap(name => (name.startsWith('/') ? [name] : [`/usr/bin/${name}`, `/usr/sbin/${name}`])));

/** Who changes files because an administrator installs, upgrades or removes packages. */
export const PACKAGE_MANAGERS = installed(
  'dpkg',
  'dpkg-divert',
  'apt-get',
  'apt',
  'aptitude',
  'rpm',
  'dnf',
  'dnf5',
  'zypper',
  'pacman',
  '/sbin/apk',
  '/usr/lib/snapd/snapd',
);

/**
 * Two programs that one process started within 5 seconds, such as those of a pipeline, whichever was first: `t` is the later one, `e`
 * the earlier.
 */
export const beside = (one: (row: string) => string, other: (row: string) => string): readonly string[] => [
  anyOf(one('t'), other('t')),
  'e.parent_process_pid = t.parent_process_pid',
  'e.time BETWEEN t.time - 5 AND t.time',
  'e.eid < t.eid',
  anyOf(allOf(one('t'), other('e')), allOf(one('e'), other('t'))),
];
