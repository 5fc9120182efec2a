import { type CheckResult, ok, problem, unknown } from '../check-result.ts';
import type { Facts } from '../facts.ts';
import { furtherTables, readsTable, standardTables } from '../our-tables.ts';
import { scheduledQueries } from '../scheduled-queries.ts';
import { osqueryIsHere } from './osquery.ts';

const CHECK = 'schedule';
const CONFIG = 'configuration';
const EXAMPLE = '"schedule": {"process_events": {"query": "SELECT * FROM process_events;", "interval": 60}}';

/** Whether any scheduled query reads our tables: events that nobody reads are dropped in the end. */
export const checkSchedule = (
  facts: Pick<Facts, 'core' | 'flags' | 'config' | 'processes'>,
): readonly CheckResult[] => {
  if (!osqueryIsHere(facts)) return [];
  return [...checkConfigFile(facts), ...checkQueries(facts)];
};

const checkConfigFile = ({ config }: Pick<Facts, 'config'>): readonly CheckResult[] =>
  config.kind === 'read'
    ? config.problems.map(text => problem(CONFIG, text, `correct it, or take it out of ${config.path}`))
    : [];

const checkQueries = (
  facts: Pick<Facts, 'core' | 'flags' | 'config' | 'processes'>,
): readonly CheckResult[] => {
  const view = scheduledQueries(facts);
  if (view.kind === 'unknown') return [unknown(CHECK, view.why, view.fix)];
  const readers = [...standardTables, ...furtherTables].map(table => ({
    table,
    queries: view.queries.filter(({ sql }) => readsTable(sql, table)),
  }));
  const read = readers.filter(({ queries }) => queries.length > 0);
  if (read.length === 0) return [nobodyReads(facts, view.from)];
  const parts = read.map(
    ({ table, queries }) =>
      `${table} is read by ${queries.length === 1 ? `"${queries[0]!.name}"` : `${queries.length} queries`}, every ${intervals(queries)}`,
  );
  const denied = new Set(read.flatMap(({ queries }) => queries.filter(({ denylisted }) => denylisted)));
  return [
    ok(CHECK, `in ${view.from} ${parts.join('; ')}`),
    ...[...denied].map(({ name }) =>
      problem(
        CHECK,
        `osquery has taken "${name}" out of the schedule for a day, because it used too much time or memory`,
        'make it read less, or run it more often, then restart osqueryd',
      ),
    ),
  ];
};

const nobodyReads = (facts: Pick<Facts, 'core' | 'config' | 'processes'>, from: string): CheckResult => {
  const { core, config, processes } = facts;
  const found = `no scheduled query in ${from} SELECTs from our tables`;
  if (core.kind === 'running' && core.pid !== undefined && processes.names.get(core.pid) === 'osqueryi') {
    return unknown(CHECK, `${found}; it is a shell, and runs no schedule`, 'ask the daemon: --socket PATH');
  }
  const inFile =
    core.kind === 'running' &&
    config.kind === 'read' &&
    config.queries.some(({ sql }) => standardTables.some(table => readsTable(sql, table)));
  return inFile
    ? problem(
        CHECK,
        `${found}, though ${config.path} has one`,
        `restart osqueryd with --config_path=${config.path}; if the query is in a pack, check the pack's discovery, version and shard`,
      )
    : problem(
        CHECK,
        found,
        `add one to the configuration, such as ${EXAMPLE}, or the packs that come with the extension`,
      );
};

const intervals = (queries: readonly { readonly interval: number }[]): string => {
  const seconds = queries.map(({ interval }) => interval);
  const least = Math.min(...seconds);
  const most = Math.max(...seconds);
  return least === most ? `${least} s` : `${least} to ${most} s`;
};
