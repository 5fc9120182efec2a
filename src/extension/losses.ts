import { type AuditStatusRow, evictedColumns, expiredColumns } from '../../tables/audit_status.ts';

type Counter = Extract<
  keyof AuditStatusRow,
  | `${string}_lost`
  | `${string}_dropped`
  | `${string}_unread`
  | `${string}_records`
  | `${string}_events`
  | `${string}_rows`
  | `${string}_hung`
  | `${string}_refused`
  | 'serial_gaps'
  | 'cut_command_lines'
>;

interface LossKind {
  readonly counters: readonly Counter[];
  readonly what: string;
  /** Settings to raise; undefined if none helps. */
  readonly raise?: string | ((row: AuditStatusRow, before: AuditStatusRow) => string);
}

const raiseBacklog = (row: AuditStatusRow, before: AuditStatusRow): string => {
  const settings = ['--audit_backlog_limit'];
  // A full receive buffer also fills the backlog.
  if (grown(row, before, 'socket_overruns') > 0) settings.push('custom_audit_receive_buffer_bytes');
  const rate = Number(row.rate_limit ?? 0);
  if (rate > 0) settings.push(`the kernel's limit of ${rate} records a second (auditctl -r 0 lifts it)`);
  return settings.join(', ');
};

/** The meaning of each growing counter, and what helps. */
const LOSS_KINDS: readonly LossKind[] = [
  { counters: ['kernel_lost'], what: 'records the kernel dropped', raise: raiseBacklog },
  {
    counters: ['multicast_dropped'],
    what: 'records of the multicast copy for which the receive buffer had no room',
    raise: 'custom_audit_receive_buffer_bytes',
  },
  { counters: ['serial_gaps'], what: 'events that never arrived', raise: '--audit_backlog_limit' },
  {
    counters: ['incomplete_events', 'unusable_events'],
    what: 'events that lacked a record',
    raise: '--audit_backlog_limit',
  },
  {
    counters: ['over_limit_records'],
    what: 'records beyond what one event may have',
    raise: 'custom_audit_event_records and custom_audit_event_bytes',
  },
  {
    counters: ['cut_command_lines'],
    what: 'command lines that were cut',
    raise: 'custom_audit_row_bytes',
  },
  { counters: ['oversized_records'], what: 'records longer than any the kernel should write' },
  { counters: ['malformed_records', 'malformed_events'], what: 'records that could not be read' },
  { counters: ['unencodable_rows'], what: 'rows that could not be made' },
  {
    counters: evictedColumns,
    what: 'rows dropped before any query had read them',
    raise: '--events_max and custom_audit_buffer_bytes, or query more often',
  },
  {
    counters: expiredColumns,
    what: 'rows that expired before any query had read them',
    raise: '--events_expiry, or schedule a query',
  },
  {
    counters: ['file_looks_hung', 'hashes_hung'],
    what: 'program files on file systems that did not answer: their times and hashes are missing',
  },
  {
    counters: ['file_looks_refused', 'hashes_refused'],
    what: 'programs whose files were not looked at: too many at once, or of a user whose files made a look hang',
    raise: 'custom_audit_hash_cpu, if hashing was too much',
  },
  {
    counters: ['account_lookups_refused'],
    what: 'user names not looked up, because there were too many unknown uids',
  },
  {
    counters: ['bpf_lost'],
    what: 'records of BPF programs for which there was no room: ends of sockets were looked up instead, if they still existed',
  },
  { counters: ['state_bytes_lost'], what: 'bytes of saved state that could not be read' },
];

/** How much a counter has grown. A lower value means that it was reset. */
const grown = (row: AuditStatusRow, before: AuditStatusRow, counter: keyof AuditStatusRow): number =>
  Math.max(0, Number(row[counter] ?? 0) - Number(before[counter] ?? 0));

/** What was lost between two looks at the counters, for one reason. */
export interface Loss {
  /** The columns of audit_status that count it, and how much each has grown. */
  readonly counters: readonly { readonly counter: string; readonly lost: number }[];
  readonly what: string;
  /** Settings to raise; undefined if none helps. */
  readonly raise: string | undefined;
}

/** Everything that was lost since an earlier row of audit_status, by reason. */
export const lossesSince = (before: AuditStatusRow, row: AuditStatusRow): readonly Loss[] =>
  LOSS_KINDS.flatMap(({ counters, what, raise }) => {
    const grew = counters
      .map(counter => ({ counter, lost: grown(row, before, counter) }))
      .filter(({ lost }) => lost > 0);
    if (grew.length === 0) return [];
    return [{ counters: grew, what, raise: typeof raise === 'function' ? raise(row, before) : raise }];
  });
