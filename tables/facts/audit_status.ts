import { evictedColumns, expiredColumns } from '../audit_status.ts';
import type { ColumnFacts } from './column-facts.ts';

const REPLAY = 'events are recorded';
const UNREADABLE = "the kernel's audit does not answer, or events are recorded";
const NO_TELEMETRY = '`custom_audit_telemetry` is off and no query has asked for its fields';

/** A setting of kernel audit, as `auditctl -s` shows it. */
const kernel = (is: string, example: string): ColumnFacts => ({
  is,
  from: 'AUDIT_GET',
  nullIf: UNREADABLE,
  example,
});

const count = (is: string, from: string, nullIf = 'nothing is read yet'): ColumnFacts => ({
  is,
  from,
  nullIf,
  example: '0',
});
const telemetry = (is: string): ColumnFacts => count(is, 'the Event Model', NO_TELEMETRY);
const lookup = (is: string): ColumnFacts => count(is, 'look-ups of sockets', 'there are none');
const bpf = (is: string): ColumnFacts => count(is, 'BPF programs', 'there are none');
const state = (is: string, example = '0'): ColumnFacts => ({
  is,
  from: 'the state directory',
  nullIf: 'nothing is kept on disk (`custom_audit_state_dir=none`)',
  example,
});

const perTable = (names: readonly string[], what: string): Readonly<Record<string, ColumnFacts>> =>
  Object.fromEntries(
    names.map(name => [
      name,
      {
        is: `Rows of \`${name.replace(/_(?:evicted|expired)_unread$/, '')}\` that ${what} before any query had read them.`,
        from: 'its buffer',
        nullIf: 'the table does not exist yet',
        example: '0',
      },
    ]),
  );

export const auditStatusFacts: Readonly<Record<string, ColumnFacts>> = {
  mode: {
    is: 'How events are read: `unicast` (the socket is ours), `multicast` (a copy), `replay`, `openbsm`.',
    from: 'the source of events',
    example: 'unicast',
  },
  owner_pid: kernel('Process that owns the audit socket; 0: none.', '812'),
  enabled: kernel('1: audit is on, 0: off, 2: on and locked until the next boot.', '1'),
  failure: kernel(
    'What the kernel does when it loses a record: 0 nothing, 1 a line in its log, 2 panic.',
    '0',
  ),
  backlog: kernel('Records that wait in the kernel now.', '0'),
  backlog_limit: kernel('Most records that may wait: `audit_backlog_limit`.', '65536'),
  backlog_wait_time: kernel(
    'How long a process waits when the queue is full, in ticks: `audit_backlog_wait_time`.',
    '0',
  ),
  rate_limit: kernel('Most records a second; 0: no limit.', '0'),
  rules: {
    is: 'Audit rules in the kernel, those of others too.',
    from: 'AUDIT_LIST_RULES',
    nullIf: UNREADABLE,
    example: '3',
  },
  kernel_lost: kernel('Records that the kernel dropped. Raise `audit_backlog_limit`.', '0'),
  socket_overruns: count(
    'How often the receive buffer was full. The kernel then keeps the records in its queue. Raise `custom_audit_receive_buffer_bytes`.',
    'recvmmsg: ENOBUFS',
    REPLAY,
  ),
  multicast_dropped: count(
    'Records of the multicast copy that found no room. Raise `custom_audit_receive_buffer_bytes`.',
    'the socket: SO_MEMINFO',
    REPLAY,
  ),
  serial_gaps: count('Events that never arrived.', 'gaps in the serials of the events', REPLAY),
  records: count('Records read.', 'the stream'),
  malformed_records: count(
    'Records, or values in them, that are damaged. A damaged value is NULL.',
    'the parser',
  ),
  repeated_records: count('Records of logs that came again, and were dropped.', 'the reader of logs'),
  oversized_records: count(
    'Records longer than the kernel writes any, dropped.',
    'recvmmsg: MSG_TRUNC',
    REPLAY,
  ),
  foreign_records: count(
    'Messages on the socket that did not come from the kernel, dropped.',
    'the sender of each message',
    REPLAY,
  ),
  over_limit_records: count(
    'Records beyond what one event, or all in progress, may have. Raise `custom_audit_event_records`, `custom_audit_event_bytes`.',
    'the correlator',
  ),
  cut_command_lines: count(
    'Command lines that were longer than a row. Raise `custom_audit_row_bytes`.',
    'the tables',
  ),
  events: count(
    'Events that were understood: executions, connections, reports, changes of files.',
    'the interpreter',
  ),
  filtered_events: count(
    'What no table wants: other system calls, failed execs, new threads, and what flags leave out.',
    'the interpreter and the tables',
  ),
  excluded_by_exe: count('Events left out by `custom_audit_exclude_exe`.', 'the exclusions'),
  excluded_by_uid: count(
    'Events left out by `custom_audit_exclude_uid`, of those that the kernel recorded nevertheless.',
    'the exclusions',
  ),
  excluded_by_auid: count(
    'Events left out by `custom_audit_exclude_auid`, of those that the kernel recorded nevertheless.',
    'the exclusions',
  ),
  unknown_arch_events: count('System calls with an unknown architecture or number.', 'the interpreter'),
  malformed_events: count('Events whose main record cannot be read.', 'the interpreter'),
  unusable_events: count(
    'Events that lack a record without which there is no row. Raise `audit_backlog_limit`.',
    'the interpreter',
  ),
  incomplete_events: count(
    'Rows that lack a record, and have NULL instead. Raise `audit_backlog_limit`.',
    'the interpreter',
  ),
  unterminated_events: count(
    'Events that were ended by `custom_audit_incomplete_ms` instead of by a record.',
    'the correlator',
  ),
  unencodable_rows: count('Rows that could not be made: a fault of this program.', 'the tables'),
  ...perTable(evictedColumns, 'were dropped for want of room (`events_max`, `custom_audit_buffer_bytes`)'),
  ...perTable(expiredColumns, 'expired (`events_expiry`)'),
  telemetry_events: telemetry('Executions of which a complete event was made.'),
  telemetry_overflowed: telemetry('Events that did not wait for all sources, because too many waited.'),
  telemetry_source_failures: telemetry('Looks of data sources that failed: their fields are NULL.'),
  telemetry_slow: telemetry(
    'Looks that took longer than `custom_audit_telemetry_budget_ms`: their fields are NULL.',
  ),
  telemetry_skipped: telemetry('Looks that were left out because too many were in progress.'),
  process_connector_overruns: telemetry(
    "How often the kernel's reports of new processes found no room; `/proc` is read again then.",
  ),
  files_hashed: telemetry('Files that were read to be hashed.'),
  file_looks_hung: count(
    'Looks at times of files that were given up, because the file system did not answer.',
    'the process that looks at files',
    REPLAY,
  ),
  file_looks_refused: count(
    'Looks at times of files that were left out after such a look, or for lack of time.',
    'the process that looks at files',
    REPLAY,
  ),
  hashes_hung: telemetry('Hashes that were given up, because the file system did not answer.'),
  hashes_refused: telemetry(
    'Hashes that were left out after such a look, or for lack of CPU (`custom_audit_hash_cpu`).',
  ),
  hashes_unproven: telemetry(
    'Files of which nothing proves that their content is what ran: the hash is NULL.',
  ),
  account_lookups_refused: telemetry('Names that were not looked up, because too many users were unknown.'),
  socket_lookups_found: lookup('Sockets whose missing ends were found.'),
  socket_lookups_gone: lookup('Sockets that were gone before they were looked at.'),
  socket_lookups_refused: lookup('Sockets that were not looked at, because there were too many.'),
  socket_lookups_failed: lookup('Look-ups that the kernel refused or did not answer.'),
  bpf: {
    is: 'How BPF programs see the ends of sockets: `fexit` (every connect, accept and bind), `tp_btf` (TCP connections that this host makes); or `off:` and why.',
    from: 'what the kernel took',
    nullIf: 'the system is not Linux, or recorded events are read',
    example: 'tp_btf',
  },
  bpf_ends: bpf('Socket events whose ends BPF programs told; these need no look-up.'),
  bpf_lost: bpf('Records of BPF programs for which there was no room.'),
  bpf_events: bpf('Events of processes that audit cannot see: rows with the `source` `bpf`.'),
  bpf_processes: {
    is: 'How BPF programs see forks, execs and exits, for `process_telemetry_events`: `tracepoints`; or `off:` and why. Then the process connector tells of them.',
    from: 'what the kernel took',
    nullIf: 'the system is not Linux, or recorded events are read',
    example: 'tracepoints',
  },
  unaudited_processes: {
    is: 'Running processes that audit cannot see, because they are older than its first use since boot: [how to have none](../src/doctor/README.md#processes-that-audit-cannot-see).',
    from: 'the kernel, task by task, by BPF',
    nullIf: 'the kernel does not tell, and was not started with `audit=1`; or recorded events are read',
    example: '131',
  },
  unaudited_sockets: {
    is: 'Those of them with most TCP and UDP sockets, by name, with the number of sockets.',
    from: '`/proc/PID/fd` and `/proc/PID/net`',
    nullIf: 'as `unaudited_processes`',
    example: 'nginx 120, postgres 31',
  },
  rows_buffered: { is: 'Rows in all buffers.', from: 'the buffers', example: '2143' },
  bytes_buffered: { is: 'Bytes of all buffers, packed.', from: 'the buffers', example: '310772' },
  state_dir: state('Where rows, cursors and counters are kept.', '/var/lib/osquery-audit-events'),
  state_rows_restored: state('Rows that the last start found there.'),
  state_bytes_lost: state(
    'Bytes there that could not be read, mostly the last write before a loss of power.',
  ),
  state_write_failures: state('Writes that failed; rows are in memory then, and are written later.'),
  last_error: {
    is: 'The last warning, in words.',
    from: "osqueryd's log has all",
    nullIf: 'there was none',
    example: 'the audit socket belongs to pid 812 …',
  },
};
