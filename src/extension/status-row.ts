import type { AuditStatusRow, LossColumn } from '../../tables/audit_status.ts';
import type { AuditStatus } from '../audit/control/status.ts';
import type { EventBuffer } from '../events/event-buffer.ts';
import type { PersistenceCounters } from '../events/persistence/persistence.ts';
import type { IngestCounters } from '../ingest/ingest-messages.ts';
import type { TelemetryCounters } from '../model/telemetry-counters.ts';
import type { UnauditedStatus } from './unaudited-processes.ts';

export interface StatusFacts {
  readonly mode: string;
  /** undefined if there is no kernel audit. */
  readonly kernel: AuditStatus | undefined;
  /** `lost` of the kernel when we started. */
  readonly kernelLostBefore: number;
  readonly rules: number | undefined;
  readonly ingest: IngestCounters | undefined;
  /** By standard table name. */
  readonly buffers: ReadonlyMap<string, EventBuffer>;
  /** undefined while the Event Model does not run. */
  readonly telemetry: TelemetryCounters | undefined;
  /** How BPF programs see sockets, or why there are none; undefined where there is no BPF. */
  readonly bpf: string | undefined;
  /** The same for processes. */
  readonly bpfProcesses: string | undefined;
  /** The processes that audit cannot see; undefined if that is not known. */
  readonly unaudited: UnauditedStatus | undefined;
  /** undefined if nothing is kept on disk. */
  readonly persistence: { readonly path: string; readonly counters: PersistenceCounters } | undefined;
  /** Counts of the previous instances. */
  readonly carried: Readonly<Record<string, number>>;
  readonly lastError: string | undefined;
}

/** The row of audit_status. */
export const statusRow = (facts: StatusFacts): AuditStatusRow => {
  const { kernel, ingest, buffers, telemetry } = facts;
  const total = (of: (buffer: EventBuffer) => number): number =>
    [...buffers.values()].reduce((sum, each) => sum + of(each), 0);
  const row: AuditStatusRow = {
    mode: facts.mode,
    owner_pid: kernel?.pid,
    enabled: kernel?.enabled,
    failure: kernel?.failure,
    backlog: kernel?.backlog,
    backlog_limit: kernel?.backlogLimit,
    backlog_wait_time: kernel?.backlogWaitTime,
    rate_limit: kernel?.rateLimit,
    rules: facts.rules,
    kernel_lost: kernel && wrappingDifference(kernel.lost, facts.kernelLostBefore),
    ...ingestCounters(ingest),
    ...unreadLosses(buffers),
    ...telemetryCounters(telemetry, ingest),
    bpf: facts.bpf,
    bpf_processes: facts.bpfProcesses,
    unaudited_processes: facts.unaudited?.processes,
    unaudited_sockets: facts.unaudited?.sockets,
    rows_buffered: total(({ rowCount }) => rowCount),
    bytes_buffered: total(({ byteCount }) => byteCount),
    state_dir: facts.persistence?.path,
    state_rows_restored: facts.persistence?.counters.restored,
    state_bytes_lost: facts.persistence?.counters.lostBytes,
    state_write_failures: facts.persistence?.counters.failures,
    last_error: facts.lastError,
  };
  return { ...row, ...countersOf(row, facts.carried) };
};

/** Counters of the way from the kernel to rows: what came, and what was lost. */
const ingestCounters = (ingest: StatusFacts['ingest']) => ({
  socket_overruns: ingest?.stream.overruns,
  multicast_dropped: ingest?.stream.dropped,
  serial_gaps: ingest?.pipeline.serialGaps,
  records: ingest?.pipeline.records,
  malformed_records: ingest && ingest.pipeline.malformedRecords + ingest.malformedInput,
  repeated_records: ingest?.pipeline.repeated,
  oversized_records: ingest?.stream.truncated,
  foreign_records: ingest?.stream.foreign,
  over_limit_records: ingest?.pipeline.overLimit,
  cut_command_lines: ingest?.pipeline.cutCommandLines,
  events: ingest?.pipeline.events,
  filtered_events: ingest?.pipeline.filtered,
  excluded_by_exe: ingest?.pipeline.excludedByExe,
  excluded_by_uid: ingest?.pipeline.excludedByUid,
  excluded_by_auid: ingest?.pipeline.excludedByAuid,
  unknown_arch_events: ingest?.pipeline.unknownArch,
  malformed_events: ingest?.pipeline.malformed,
  unusable_events: ingest?.pipeline.unusable,
  incomplete_events: ingest?.pipeline.incomplete,
  unterminated_events: ingest?.pipeline.unterminated,
  unencodable_rows: ingest?.pipeline.unencodable,
});

/** Counters of the fields that audit does not have: their cost, and those that could not be determined. */
const telemetryCounters = (telemetry: StatusFacts['telemetry'], ingest: StatusFacts['ingest']) => ({
  telemetry_events: telemetry?.emitted,
  telemetry_overflowed: telemetry?.overflowed,
  telemetry_source_failures: telemetry?.failed,
  telemetry_slow: telemetry?.slow,
  telemetry_skipped: telemetry?.skipped,
  process_connector_overruns: telemetry?.live?.connectorOverruns,
  files_hashed: telemetry?.live?.hashes.read,
  file_looks_hung: ingest?.looks?.hung,
  file_looks_refused: ingest?.looks?.refused,
  hashes_hung: telemetry?.live?.hashes.hung,
  hashes_refused: telemetry?.live?.hashes.refused,
  hashes_unproven: telemetry?.live?.hashes.unproven,
  account_lookups_refused: telemetry?.live?.accountsRefused,
  socket_lookups_found: ingest?.ends?.found,
  socket_lookups_gone: ingest?.ends?.gone,
  socket_lookups_refused: ingest?.ends?.refused,
  socket_lookups_failed: ingest?.ends?.failed,
  bpf_ends: ingest?.seen?.found,
  bpf_lost: sum(ingest?.seen?.lost, ingest?.unaudited?.lost, ingest?.unaudited?.malformed),
  bpf_events: ingest?.unaudited?.events,
});

/** The sum of those that are known; undefined if none is. */
const sum = (...counts: readonly (number | undefined)[]): number | undefined => {
  const known = counts.filter(count => count !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, count) => total + count, 0);
};

/** What each table lost before a query had read it. */
const unreadLosses = (buffers: StatusFacts['buffers']): Record<LossColumn, number> => {
  const losses: Record<LossColumn, number> = {};
  for (const [name, { counters }] of buffers) losses[`${name}_evicted_unread`] = counters.evictedUnread;
  for (const [name, { counters }] of buffers) losses[`${name}_expired_unread`] = counters.expiredUnread;
  return losses;
};

/** Columns that show the present state, and do not only grow. */
const GAUGES: ReadonlySet<string> = new Set<keyof AuditStatusRow>([
  'owner_pid',
  'enabled',
  'failure',
  'backlog',
  'backlog_limit',
  'backlog_wait_time',
  'rate_limit',
  'rules',
  'unaudited_processes',
  'rows_buffered',
  'bytes_buffered',
  'state_rows_restored',
]);

/**
 * The counters of a row, without NULLs, in one pass over the row: this runs each time that rows are saved.
 *
 * @param carried counts to add
 */
export const countersOf = (
  row: AuditStatusRow,
  carried: Readonly<Record<string, number>> = {},
): Record<string, number> => {
  const counters: Record<string, number> = {};
  const values = row as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(values)) {
    const value = values[name];
    if (typeof value === 'number' && !GAUGES.has(name)) counters[name] = value + (carried[name] ?? 0);
  }
  return counters;
};

/** The kernel's counter is a u32 that wraps, and auditctl can reset it. */
export const wrappingDifference = (now: number, before: number): number =>
  now >= before ? now - before : now;
