import type { StockScenario } from '../scenario.ts';

const CONNECTS = 50_000;
const MARGIN_MS = 5_000;

export const largeResult: StockScenario = {
  name: 'large-result',
  title: '50,000 rows, all columns, in the result of one scheduled query',
  isLive: false,
  limit: 150,
  run: async stage => {
    const installation = stage.installRecorded(
      { execs: 0, connects: CONNECTS, logins: 0 },
      {
        schedule: {
          connects: { query: 'SELECT *, eid FROM socket_events', interval: 3 },
          heartbeat: { query: 'SELECT 1 AS beat', interval: 1 },
        },
      },
    );
    await using daemon = stage.start(installation);
    await daemon.ready();
    await daemon.ran('connects', 2, 90_000);
    const rows = daemon.results('connects');
    stage.equal('rows logged', rows.length, CONNECTS);
    stage.equal('different ones', new Set(rows.map(({ columns }) => columns.eid)).size, CONNECTS);
    const [schedule] = await daemon.query(
      "SELECT wall_time_ms, output_size FROM osquery_schedule WHERE name = 'connects'",
    );
    stage.say(`core's own figures: ${schedule?.wall_time_ms} ms, ${schedule?.output_size} bytes`);
    // To turn the rows into lines of its log takes core about as long as the query.
    stage.checkSchedule(daemon, 3 * Number(schedule?.wall_time_ms) + MARGIN_MS);
  },
};
