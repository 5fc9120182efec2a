import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { eventTables } from '../../../../tables/index.ts';
import type { StockScenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

const EVENTS = { execs: 4, connects: 3, logins: 2 };
const SHELL_MS = 30_000;
const TABLES = eventTables.map(({ spec }) => spec.name);

/** Rows of a statement in a shell of its own, or one that is connected. */
const shell = async (
  stage: Stage,
  args: readonly string[],
  sql: string,
): Promise<Record<string, string>[]> => {
  const [file, ...before] = stage.osquery.osqueryi;
  const { stdout } = await promisify(execFile)(file, [...before, '--json', ...args, sql], {
    timeout: SHELL_MS,
    maxBuffer: 64 << 20,
  });
  // One that is connected says so first.
  return JSON.parse(stdout.slice(stdout.indexOf('[')));
};

export const hiddenColumns: StockScenario = {
  name: 'hidden-columns',
  title: 'every column under the standard names, hidden ones each by name, in the schedule and in osqueryi',
  isLive: false,
  limit: 120,
  run: async stage => {
    const hidden = eventTables.map(({ spec }) => ({
      table: spec.name,
      names: [
        ...spec.columns.filter(({ options }) => options?.hidden === true).map(({ name }) => name),
        ...Object.keys(spec.columnAliases ?? {}),
      ],
    }));
    const schedule: Record<string, object> = { heartbeat: { query: 'SELECT 1 AS beat', interval: 1 } };
    for (const { table, names } of hidden) {
      for (const name of names) {
        schedule[`${table}.${name}`] = { query: `SELECT ${name} AS value FROM ${table}`, interval: 2 };
      }
      schedule[`${table}.all`] = { query: `SELECT * FROM ${table}`, interval: 2 };
      schedule[`audit_${table}`] = { query: `SELECT *, eid FROM audit_${table}`, interval: 2 };
    }
    const installation = stage.installRecorded(EVENTS, { schedule });
    await using daemon = stage.start(installation);
    await daemon.ready();
    for (const name of Object.keys(schedule)) await daemon.ran(name, 1, 60_000);
    await daemon.ran('heartbeat', daemon.runs.of('heartbeat').length + 2, 10_000);
    const recorded: Readonly<Record<string, number>> = {
      process_events: EVENTS.execs,
      socket_events: EVENTS.connects,
      user_events: EVENTS.logins,
    };
    for (const { table, names } of hidden) {
      const rows = recorded[table] ?? 0;
      const wrong = names.filter(name => daemon.results(`${table}.${name}`).length !== rows);
      stage.check(
        `${table}: hidden columns in the schedule`,
        wrong.length === 0,
        wrong.length === 0 ? `${names.length} of ${names.length}` : `wrong ${wrong.join(', ')}`,
      );
      stage.equal(
        `${table}: rows, appended as events are`,
        daemon.results(`${table}.all`).filter(({ action }) => action === 'added').length,
        rows,
      );
      stage.equal(`audit_${table}: rows`, daemon.results(`audit_${table}`).length, rows);
      await compareColumns(stage, daemon.socket, table);
      await askShell(stage, table, names, rows);
    }
    stage.checkSchedule(daemon, 5_000);
  },
};

/** SELECT * has the columns of osquery's own table, in their order: those that SQLite lists without the hidden ones. */
const compareColumns = async (stage: Stage, socket: string, table: string): Promise<void> => {
  const visible = `SELECT name FROM pragma_table_info('${table}')`;
  const native = (await shell(stage, ['--disable_extensions'], visible)).map(({ name }) => name);
  const ours = (await shell(stage, ['--connect', socket], visible)).map(({ name }) => name);
  stage.check(
    `${table}: a connected osqueryi has the visible columns of osquery's own, in their order`,
    ours.join() === native.join(),
    `${ours.length} of ${native.length}`,
  );
};

/** A shell with an extension of its own. */
const askShell = async (
  stage: Stage,
  table: string,
  names: readonly string[],
  rows: number,
): Promise<void> => {
  const log = `${stage.directory}/usr/lib/osquery/osquery-audit-events.ext`;
  const flags = [
    `--extension=${log}`,
    `--extensions_socket=${stage.directory}/${table}.em`,
    '--extensions_timeout=10',
    '--extensions_require=osquery-audit-events',
    `--disable_tables=${TABLES.join()}`,
    '--audit_allow_sockets=true',
    '--disable_events=false',
  ];
  const found = await shell(stage, flags, `SELECT *, ${names.join(', ')} FROM ${table}`);
  stage.equal(
    `${table}: rows in an osqueryi of its own, with all ${names.length} hidden columns`,
    found.length,
    rows,
  );
};
