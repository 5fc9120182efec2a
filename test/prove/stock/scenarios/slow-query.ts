import type { StockScenario } from '../scenario.ts';

const SLOW =
  'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 6000000) SELECT count(*) AS n FROM c';
const EXECS = 200;
const RUNS = 4;
/** The machine may be busier than when the query was timed. */
const SLOWER = 2;
const MARGIN_MS = 3_000;

export const slowQuery: StockScenario = {
  name: 'slow-query',
  title: 'a query of seconds, and in the same tick one that reads process_events',
  isLive: false,
  limit: 120,
  run: async stage => {
    const installation = stage.installRecorded(
      { execs: EXECS, connects: 0, logins: 0 },
      {
        schedule: {
          // Core runs the queries of a tick in the order of their names.
          a_slow: { query: SLOW, interval: 5, removed: false },
          b_events: { query: 'SELECT pid, cmdline FROM process_events', interval: 5 },
          heartbeat: { query: 'SELECT 1 AS beat', interval: 1 },
        },
      },
    );
    await using daemon = stage.start(installation);
    await daemon.ready();
    const asked = performance.now();
    await daemon.query(SLOW);
    const slowMs = performance.now() - asked;
    stage.say(`the slow query alone takes ${(slowMs / 1000).toFixed(1)} s`);
    // The first ones may have been waiting for the one that was timed.
    await daemon.ran('b_events', RUNS, 90_000);
    stage.equal('rows logged of as many events', daemon.results('b_events').length, EXECS);
    stage.checkSchedule(daemon, SLOWER * slowMs + MARGIN_MS);
  },
};
