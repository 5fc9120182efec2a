import type { ColumnSpec, PluginRow } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { maskOf, storedNames } from '../src/events/encoded-row.ts';
import { EventBuffer } from '../src/events/event-buffer.ts';
import type { EventTable } from '../src/events/event-table.ts';
import { readAuditSettings } from '../src/flags/audit-settings.ts';
import { EventPipeline, type PipelineCounters } from '../src/ingest/event-pipeline.ts';
import { type ReplayOptions, replayInto } from '../src/ingest/replay-into.ts';
import { eventTables } from '../tables/index.ts';

/** Every flag that lets a row through. */
const ALL_EVENTS = new Map(
  [
    'audit_allow_fork_process_events',
    'audit_allow_kill_process_events',
    'audit_allow_sockets',
    'audit_allow_failed_socket_events',
    'audit_allow_null_accept_socket_events',
    'audit_allow_unix',
    'audit_allow_selinux_events',
    'audit_allow_apparmor_events',
    'audit_allow_seccomp_events',
    'audit_allow_fim_events',
    'audit_show_partial_fim_events',
    'audit_fim_show_accesses',
  ].map(name => [name, 'true']),
);

export interface Replayed {
  /** By table, as core would get them. */
  readonly rows: Record<string, readonly PluginRow[]>;
  /** `malformed`: lines and records that cannot be read, or are damaged. */
  readonly counters: Omit<PipelineCounters, 'malformed'> & { readonly malformed: number };
  readonly problems: readonly string[];
}

/** Replays recorded events. */
export const replayLogs = async (
  paths: readonly string[],
  tables: readonly EventTable[] = eventTables,
  { times, besideFrom }: Pick<ReplayOptions, 'times' | 'besideFrom'> = {},
): Promise<Replayed> => {
  const { settings } = readAuditSettings(ALL_EVENTS);
  const pipeline = new EventPipeline({
    tables,
    settings,
    context: { uptimeAt: () => undefined, imageTimes: () => undefined },
    kindOfTask: () => 'gone',
    now: () => 0,
  });
  const buffers = new Map(
    tables.map(({ spec }) => [
      spec.name,
      new EventBuffer(storedNames(spec.columns), { rows: 1e6, bytes: 1e9 }),
    ]),
  );
  const { malformed, problems } = await replayInto(pipeline, paths, {
    onBatch: () => {
      for (const { table, batch } of pipeline.take()) buffers.get(table)!.append(batch);
    },
    onRaw: undefined,
    times,
    ...(besideFrom === undefined ? {} : { besideFrom }),
  });
  const rows = Object.fromEntries(
    tables.flatMap(({ spec, kind }) => {
      const buffer = buffers.get(spec.name)!;
      const rows = decodeRows(buffer.select(buffer.range, maskOf(spec.columns.keys())));
      // Most logs have no report, and so no rows of the tables that hold such.
      if (rows.length === 0 && (kind === 'record' || kind === 'file')) return [];
      return [[spec.name, rows.map(row => inOrder(spec.columns, row))]];
    }),
  );
  const counters = pipeline.counters();
  return { rows, problems, counters: { ...counters, malformed: malformed + counters.malformedRecords } };
};

/** In the order of the columns: what is made when it is asked for stands behind the rest. */
const inOrder = (columns: readonly ColumnSpec[], row: PluginRow): PluginRow =>
  Object.fromEntries(
    columns.flatMap(({ name }) => {
      const value = row[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

/** The rows that one file of recorded events makes. */
export const replayRows = async (path: string, tables?: readonly EventTable[]): Promise<Replayed['rows']> =>
  (await replayLogs([path], tables)).rows;
