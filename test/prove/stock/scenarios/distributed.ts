import { setTimeout as sleep } from 'node:timers/promises';
import type { StockScenario } from '../scenario.ts';

const EXECS = 500;
const BUSY = (rows: number): string =>
  `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT ${rows})`;
const COUNT = 'SELECT count(*) AS n FROM process_events';
/** Questions while one scheduled query runs. */
const QUESTIONS = 5;
const BETWEEN_MS = 150;

export const distributed: StockScenario = {
  name: 'distributed',
  title: 'queries without a name while scheduled ones run: each sees all that is buffered',
  isLive: false,
  limit: 120,
  run: async stage => {
    const installation = stage.installRecorded(
      { execs: EXECS, connects: 0, logins: 0 },
      {
        schedule: {
          a_other: { query: `${BUSY(5_000_000)} SELECT count(*) AS n FROM c`, interval: 6 },
          b_reader: { query: 'SELECT pid, cmdline FROM process_events', interval: 6 },
          // It has had the rows in its first run, and reads the table, slowly, in each later one.
          c_slow_reader: {
            query: `${BUSY(4_000_000)} SELECT (SELECT count(*) FROM process_events) AS events, (SELECT count(*) FROM c) AS n`,
            interval: 6,
          },
          heartbeat: { query: 'SELECT 1 AS beat', interval: 1 },
        },
      },
    );
    await using daemon = stage.start(installation);
    await daemon.ready();
    await daemon.ran('c_slow_reader', 2, 60_000);
    for (const name of ['a_other', 'c_slow_reader']) {
      const runs = daemon.runs.of(name).length;
      await daemon.until(() => daemon.runs.of(name).length > runs, `a run of ${name}`, 30_000);
      const answers: string[] = [];
      for (let i = 0; i < QUESTIONS && daemon.runs.all.at(-1)?.name === name; i++) {
        answers.push((await daemon.query(COUNT))[0]?.n ?? '');
        await sleep(BETWEEN_MS);
      }
      stage.check(
        `rows that a query without a name sees while ${name} runs`,
        answers.length > 0 && answers.every(n => n === String(EXECS)),
        answers.join(' ') || 'none was asked in time',
      );
    }
    stage.equal('rows logged of as many events', daemon.results('b_reader').length, EXECS);
    stage.checkSchedule(daemon, 15_000);
  },
};
