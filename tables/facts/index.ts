import type { TableSpec } from 'osquery-extension-ts';
import { auditLosses } from '../audit_losses.ts';
import { auditStatus } from '../audit_status.ts';
import { eventTablesOn } from '../index.ts';
import { processTelemetryEvents } from '../process_telemetry_events.ts';
import { auditLossesFacts } from './audit_losses.ts';
import { auditStatusFacts } from './audit_status.ts';
import type { ColumnFacts } from './column-facts.ts';
import { processEventsFacts } from './process_events.ts';
import { processFileEventsFacts } from './process_file_events.ts';
import { processTelemetryEventsFacts } from './process_telemetry_events.ts';
import { apparmorEventsFacts, seccompEventsFacts, selinuxEventsFacts } from './reports.ts';
import { socketEventsFacts } from './socket_events.ts';
import { userEventsFacts } from './user_events.ts';

/** A table with all that the pages say of it. */
export interface DocumentedTable {
  readonly spec: TableSpec;
  /** What its rows are. */
  readonly rows: string;
  /** Flags that switch it, or kinds of its rows, on and off. */
  readonly flags: readonly string[];
  readonly columns: Readonly<Record<string, ColumnFacts>>;
}

const onLinux = new Map(eventTablesOn('linux').map(({ spec }) => [spec.name, spec]));

/** An event table, with its columns on Linux. */
const events = (
  name: string,
  rows: string,
  flags: readonly string[],
  columns: DocumentedTable['columns'],
): DocumentedTable => ({ spec: onLinux.get(name)!, rows, flags, columns });

/** Every table that the extension serves, in the order of the pages. To add one, add its facts and its line here. */
export const documentedTables: readonly DocumentedTable[] = [
  events(
    'process_events',
    'Programs executed; with their flags, processes made and signals sent.',
    ['audit_allow_process_events', 'audit_allow_fork_process_events', 'audit_allow_kill_process_events'],
    processEventsFacts,
  ),
  events(
    'socket_events',
    'bind, connect, accept; with `custom_audit_datagrams`, and on macOS, also datagrams sent to an address (`sendto`).',
    [
      'audit_allow_sockets',
      'audit_allow_accept_socket_events',
      'audit_allow_failed_socket_events',
      'audit_allow_null_accept_socket_events',
      'audit_allow_unix',
      'custom_audit_datagrams',
    ],
    socketEventsFacts,
  ),
  events(
    'user_events',
    'What PAM, sudo, sshd and others report to audit.',
    ['audit_allow_user_events'],
    userEventsFacts,
  ),
  events(
    'process_file_events',
    'Who wrote, renamed, linked, deleted or changed the attributes of which file, of those in `file_paths`: [watched files](files.md). Linux only.',
    ['audit_allow_fim_events', 'audit_show_partial_fim_events', 'audit_fim_show_accesses'],
    processFileEventsFacts,
  ),
  events(
    'selinux_events',
    'What SELinux denies, grants with audit, and changes. Linux only.',
    ['audit_allow_selinux_events'],
    selinuxEventsFacts,
  ),
  events(
    'apparmor_events',
    'What AppArmor denies, allows with audit, and loads. Linux only.',
    ['audit_allow_apparmor_events'],
    apparmorEventsFacts,
  ),
  events(
    'seccomp_events',
    'System calls that a seccomp filter logged or refused, or for which it killed the process. Linux only.',
    ['audit_allow_seccomp_events'],
    seccompEventsFacts,
  ),
  {
    spec: processTelemetryEvents.spec,
    rows: 'Each execution as a complete event, with accounts, hashes, parents and containers: [complete process events](../src/model/README.md).',
    flags: ['custom_audit_telemetry'],
    columns: processTelemetryEventsFacts,
  },
  {
    spec: auditStatus,
    rows: 'One row: how events are read, and everything that was lost on the way. Counters begin with the first start with its state directory, or else with the process.',
    flags: [],
    columns: auditStatusFacts,
  },
  {
    spec: auditLosses,
    rows: 'What was lost, when, and which setting to raise: a row for each minute in which a counter grew.',
    flags: [],
    columns: auditLossesFacts,
  },
];
