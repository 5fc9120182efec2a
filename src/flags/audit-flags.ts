import type { FlagDefinition } from './flag-definition.ts';

const audit = <const Name extends string>(
  name: Name,
  defaultValue: boolean,
  help: string,
  hidden = false,
): FlagDefinition & { readonly name: Name } => ({
  name,
  type: 'bool',
  defaultValue: String(defaultValue),
  group: 'audit',
  help,
  hidden,
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
  ),
  allowForkProcessEvents: audit(
    'audit_allow_fork_process_events',
    false,
    'Record fork, vfork, clone and clone3 in process_events',
  ),
  allowKillProcessEvents: audit(
    'audit_allow_kill_process_events',
    false,
    'Record kill, tkill and tgkill in process_events',
  ),
  allowSockets: audit(
    'audit_allow_sockets',
    false,
    'Record bind, connect, accept and accept4 in socket_events',
  ),
  allowAcceptSocketEvents: audit(
    'audit_allow_accept_socket_events',
    true,
    'With audit_allow_sockets: record accept and accept4',
  ),
  allowFailedSocketEvents: audit(
    'audit_allow_failed_socket_events',
    false,
    'With audit_allow_sockets: record calls that failed',
  ),
  allowNullAcceptSocketEvents: audit(
    'audit_allow_null_accept_socket_events',
    false,
    'With audit_allow_sockets: record accept calls that found no client',
  ),
  allowUnix: audit(
    'audit_allow_unix',
    false,
    'With audit_allow_sockets: record UNIX domain sockets, with the path in column "socket"',
    true,
  ),
  allowUserEvents: audit(
    'audit_allow_user_events',
    true,
    'Record authentication and account messages in user_events',
  ),
  allowSelinuxEvents: audit(
    'audit_allow_selinux_events',
    false,
    'Record what SELinux reports in selinux_events',
  ),
  allowApparmorEvents: audit(
    'audit_allow_apparmor_events',
    false,
    'Record what AppArmor reports in apparmor_events',
  ),
  allowSeccompEvents: audit(
    'audit_allow_seccomp_events',
    false,
    'Record what seccomp filters log or kill in seccomp_events',
  ),
  allowFimEvents: audit(
    'audit_allow_fim_events',
    false,
    "Record what changes the files of the configuration's file_paths in process_file_events",
  ),
  showPartialFimEvents: audit(
    'audit_show_partial_fim_events',
    false,
    'With audit_allow_fim_events: show events with a path that could not be determined',
    true,
  ),
  fimShowAccesses: audit(
    'audit_fim_show_accesses',
    false,
    'With audit_allow_fim_events: record opens for reading too',
    true,
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
    minimum: 0n,
  },
  {
    name: 'audit_backlog_wait_time',
    type: 'int32',
    defaultValue: '0',
    group: 'audit',
    help: 'How long an audited process sleeps when the backlog is full, in kernel ticks; 0: not at all',
    minimum: 0n,
  },
  audit('audit_debug', false, 'Print the raw audit records to stdout', true),
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
  },
] as const satisfies readonly FlagDefinition[];
