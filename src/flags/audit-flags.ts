import type { FlagDefinition } from './flag-definition.ts';

const audit = <const Name extends string>(
  name: Name,
  defaultValue: boolean,
  help: string,
  more: Pick<FlagDefinition, 'hidden' | 'cost'> = {},
): FlagDefinition & { readonly name: Name } => ({
  name,
  type: 'bool',
  defaultValue: String(defaultValue),
  group: 'audit',
  help,
  ...more,
});

/**
 * osquery's flags that say which events are recorded: key in `AuditSettings`, and flag. A running instance takes over
 * a change without a new start.
 */
export const auditSwitches = {
  allowProcessEvents: audit(
    'audit_allow_process_events',
    true,
    'Record execve and execveat in process_events',
    { cost: 'An event of six or more records for each exec' },
  ),
  allowForkProcessEvents: audit(
    'audit_allow_fork_process_events',
    false,
    'Record fork, vfork, clone and clone3 in process_events',
    { cost: 'An event for each new process and thread' },
  ),
  allowKillProcessEvents: audit(
    'audit_allow_kill_process_events',
    false,
    'Record kill, tkill and tgkill in process_events',
    { cost: 'An event for each signal that a program sends' },
  ),
  allowSockets: audit(
    'audit_allow_sockets',
    false,
    'Record bind, connect, accept and accept4 in socket_events',
    { cost: 'An event of four records for each bind and connect; on a busy server these are most events' },
  ),
  allowAcceptSocketEvents: audit(
    'audit_allow_accept_socket_events',
    true,
    'With audit_allow_sockets: record accept and accept4',
    { cost: 'An event for each connection that a server accepts' },
  ),
  allowFailedSocketEvents: audit(
    'audit_allow_failed_socket_events',
    false,
    'With audit_allow_sockets: record calls that failed',
    { cost: 'An event for each such call that failed; without the flag the kernel makes no record of it' },
  ),
  allowNullAcceptSocketEvents: audit(
    'audit_allow_null_accept_socket_events',
    false,
    'With audit_allow_sockets: record accept calls that found no client',
    { cost: 'An event for each such call; servers that poll make many' },
  ),
  allowUnix: audit(
    'audit_allow_unix',
    false,
    'With audit_allow_sockets: record UNIX domain sockets, with the path in column "socket"',
    { hidden: true, cost: 'Rows, but no more records; desktops make many' },
  ),
  allowUserEvents: audit(
    'audit_allow_user_events',
    true,
    'Record authentication and account messages in user_events',
    { cost: 'One record for each report, with or without the flag' },
  ),
  allowSelinuxEvents: audit(
    'audit_allow_selinux_events',
    false,
    'Record what SELinux reports in selinux_events',
    { cost: 'One record for each report, with or without the flag' },
  ),
  allowApparmorEvents: audit(
    'audit_allow_apparmor_events',
    false,
    'Record what AppArmor reports in apparmor_events',
    { cost: 'One record for each report, with or without the flag' },
  ),
  allowSeccompEvents: audit(
    'audit_allow_seccomp_events',
    false,
    'Record what seccomp filters log or kill in seccomp_events',
    {
      cost: 'One record for each report, with or without the flag; a browser or a sandbox can cause hundreds per second',
    },
  ),
  allowFimEvents: audit(
    'audit_allow_fim_events',
    false,
    "Record what changes the files of the configuration's file_paths in process_file_events",
    {
      cost: 'An event of five to eight records for each change of a watched file; half a microsecond for each open of any other',
    },
  ),
  showPartialFimEvents: audit(
    'audit_show_partial_fim_events',
    false,
    'With audit_allow_fim_events: show events with a path that could not be determined',
    { hidden: true, cost: 'Rows, but no more records' },
  ),
  fimShowAccesses: audit(
    'audit_fim_show_accesses',
    false,
    'With audit_allow_fim_events: record opens for reading too',
    {
      hidden: true,
      cost: 'An event for each open of a watched file; in `/etc` every program that starts causes some',
    },
  ),
} as const satisfies Readonly<Record<string, FlagDefinition>>;

/**
 * osquery's flags of the Linux audit publisher and the tables fed by it, with osquery's defaults.
 * Source: osquery 5.23, `osqueryi --help` and `osquery_flags`.
 */
export const auditFlags = [
  audit(
    'disable_audit',
    true,
    'In osquery: leave the audit netlink socket alone, so that this extension can have it',
  ),
  audit('audit_allow_config', false, "Allow changing the kernel's audit state: rules, enabled, backlog"),
  audit('audit_persist', true, 'Take the audit stream again if another process took it'),
  ...Object.values(auditSwitches),
  audit('audit_force_reconfigure', false, 'At start, remove every audit rule that is not ours'),
  audit('audit_force_unconfigure', false, 'At exit, remove our rules even if they were there before us'),
  {
    name: 'audit_backlog_limit',
    type: 'int32',
    defaultValue: '4096',
    group: 'audit',
    help: 'Records that the kernel may queue for us',
    cost: 'Kernel memory while they wait',
    minimum: 0n,
  },
  {
    name: 'audit_backlog_wait_time',
    type: 'int32',
    defaultValue: '0',
    group: 'audit',
    help: 'How long an audited process sleeps when the backlog is full, in kernel ticks; 0: not at all',
    cost: 'Above 0, a reader that is too slow slows the host down',
    minimum: 0n,
  },
  audit('audit_debug', false, 'Print the raw audit records to stdout', {
    hidden: true,
    cost: 'A line for each record',
  }),
] as const satisfies readonly FlagDefinition[];

/**
 * osquery's flags of event buffers. The defaults are those of osquery's guide to auditing. A core of 5.23 itself
 * starts with an expiry of 3600 and a maximum of 50000, and sends those.
 */
export const eventFlags = [
  {
    name: 'disable_events',
    type: 'bool',
    defaultValue: 'false',
    group: 'events',
    help: 'In osquery: record no events; here events are recorded anyway, and osquery warns',
  },
  {
    name: 'events_optimize',
    type: 'bool',
    defaultValue: 'true',
    group: 'events',
    help: 'Return each event once to each scheduled query',
  },
  {
    name: 'events_expiry',
    type: 'uint64',
    defaultValue: '86000',
    group: 'events',
    help: 'Seconds that events stay in the buffer, applied when they are selected; 1 clears what a SELECT has returned',
  },
  {
    name: 'events_max',
    type: 'uint64',
    defaultValue: '1000',
    group: 'events',
    help: 'Events to keep per table; the oldest go first',
    cost: 'Memory up to custom_audit_buffer_bytes per table, and as much on disk',
  },
] as const satisfies readonly FlagDefinition[];
