import type { StockScenario } from '../scenario.ts';

const EVENTS = { execs: 400, connects: 300, logins: 20 };
const INTERVAL = 4;

/** Each over the same events, and what it gives: the pids of the log are 1000, 1001 and so on, all of them different. */
const QUERIES: Readonly<Record<string, readonly [sql: string, rows: number]>> = {
  self_join: ['SELECT a.pid FROM process_events a JOIN process_events b ON a.pid = b.pid', EVENTS.execs],
  self_join_count: ['SELECT count(*) AS n FROM process_events a, process_events b', 1],
  join: [
    'SELECT p.pid, s.remote_port FROM process_events p LEFT JOIN socket_events s USING (pid)',
    EVENTS.execs,
  ],
  one_of: ['SELECT pid FROM process_events WHERE pid IN (1000, 1001, 1002, 7)', 3],
  either: ["SELECT pid FROM process_events WHERE pid = 1000 OR path LIKE '%/true' OR pid = 1", EVENTS.execs],
  compound: ['SELECT pid FROM process_events UNION ALL SELECT pid FROM process_events', 2 * EVENTS.execs],
  subquery: ['SELECT pid FROM user_events WHERE pid NOT IN (SELECT pid FROM process_events)', EVENTS.logins],
  view: ['SELECT pid FROM executions', EVENTS.execs],
  view_of_view: ['SELECT pid FROM truths', EVENTS.execs],
  any_case: ['SELECT pid FROM PROCESS_Events', EVENTS.execs],
};

export const queries: StockScenario = {
  name: 'queries',
  title: 'self-join, join, IN, OR, views, and packs with discovery: each row once for each query',
  isLive: false,
  limit: 150,
  run: async stage => {
    const scheduled = Object.entries(QUERIES).map(([name, [query]]) => [name, { query, interval: INTERVAL }]);
    const pack = { found: { query: 'SELECT pid FROM process_events', interval: INTERVAL } };
    const installation = stage.installRecorded(EVENTS, {
      schedule: { ...Object.fromEntries(scheduled), heartbeat: { query: 'SELECT 1 AS beat', interval: 1 } },
      views: {
        executions: "SELECT pid, path FROM process_events WHERE syscall = 'execve'",
        truths: "SELECT pid FROM executions WHERE path LIKE '%/true'",
      },
      packs: {
        here: { discovery: ['SELECT pid FROM process_events WHERE pid = 1000'], queries: pack },
        elsewhere: { discovery: ['SELECT pid FROM process_events WHERE pid = 3'], queries: pack },
      },
    });
    await using daemon = stage.start(installation);
    await daemon.ready();
    const names = [...Object.keys(QUERIES), 'pack_here_found'];
    // The first runs may be from before core has looked for discovery; the last ones have nothing new.
    for (const name of names) await daemon.ran(name, 3, 60_000);
    for (const [name, [, rows]] of Object.entries(QUERIES)) {
      const lines = daemon.results(name).filter(({ columns }) => columns.n !== '0');
      stage.equal(name, lines.length, rows);
    }
    const [count] = daemon.results('self_join_count').map(({ columns }) => Number(columns.n));
    stage.equal('rows that the self-join has counted', count ?? 0, EVENTS.execs ** 2);
    stage.equal(
      'a pack whose discovery finds something',
      daemon.results('pack_here_found').length,
      EVENTS.execs,
    );
    stage.equal('a pack whose discovery finds nothing', daemon.results('pack_elsewhere_found').length, 0);
    stage.checkSchedule(daemon, 12_000);
  },
};
