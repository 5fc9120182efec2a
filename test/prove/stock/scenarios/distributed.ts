import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExecLoad } from '../../exec-load.ts';
import { Installation } from '../installation.ts';
import { checkAccount, LOADED } from '../live-schedule.ts';
import type { StockScenario } from '../scenario.ts';

const EXECS = 200;
const SECONDS = 4;
const BUSY = (rows: number): string =>
  `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT ${rows})`;
/** Questions while one scheduled query runs. */
const QUESTIONS = 5;
const BETWEEN_MS = 150;

export const distributed: StockScenario = {
  name: 'distributed',
  title: 'queries without a name while scheduled ones run: each sees all that is buffered',
  // Recorded events are read with fewer capabilities than it takes to see which thread of core asks.
  isLive: true,
  limit: 120,
  run: async stage => {
    const tag = `distributed-${process.pid}-`;
    const installation = new Installation({
      root: stage.directory,
      extension: stage.extension,
      arguments: [`--custom_audit_state_dir=${join(stage.directory, 'state')}`],
      configuration: {
        schedule: {
          a_other: { query: `${BUSY(5_000_000)} SELECT count(*) AS n FROM c`, interval: 6 },
          b_reader: { query: LOADED, interval: 6 },
          // It has had the rows in its first run, and reads the table, slowly, in each later one.
          c_slow_reader: {
            query: `${BUSY(4_000_000)} SELECT (SELECT count(*) FROM process_events) AS events, (SELECT count(*) FROM c) AS n`,
            interval: 6,
          },
          heartbeat: { query: 'SELECT 1 AS beat', interval: 1 },
        },
      },
    });
    await using daemon = stage.start(installation);
    await daemon.ready();
    const load = new ExecLoad(tag, EXECS, SECONDS);
    await load.run();
    await daemon.ran('c_slow_reader', daemon.runs.of('c_slow_reader').length + 2, 60_000);
    const sql = `SELECT count(*) AS n FROM process_events WHERE cmdline LIKE '%${tag}%'`;
    for (const name of ['a_other', 'c_slow_reader']) {
      const runs = daemon.runs.of(name).length;
      await daemon.until(() => daemon.runs.of(name).length > runs, `a run of ${name}`, 30_000);
      const answers: string[] = [];
      for (let i = 0; i < QUESTIONS && daemon.runs.all.at(-1)?.name === name; i++) {
        answers.push((await daemon.query(sql))[0]?.n ?? '');
        await sleep(BETWEEN_MS);
      }
      stage.check(
        `rows that a query without a name sees while ${name} runs`,
        answers.length > 0 && answers.every(n => n === String(EXECS)),
        answers.join(' ') || 'none was asked in time',
      );
    }
    checkAccount(
      stage,
      load,
      daemon.results('b_reader').map(({ columns }) => columns.cmdline),
    );
    stage.checkSchedule(daemon, 15_000);
  },
};
