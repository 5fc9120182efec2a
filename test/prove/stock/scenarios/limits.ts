import { setTimeout as sleep } from 'node:timers/promises';
import type { StockScenario } from '../scenario.ts';

const EXECS = 3_000;
const CONNECTS = 500;
const MAX = 1_000;

export const limits: StockScenario = {
  name: 'limits',
  title:
    'events_max=1000 and events_expiry=1: the newest rows, each reader gets them, and then they are gone',
  isLive: false,
  limit: 90,
  run: async stage => {
    const installation = stage.installRecorded(
      { execs: EXECS, connects: CONNECTS, logins: 0 },
      {
        schedule: {
          one: { query: 'SELECT pid, eid FROM process_events', interval: 3 },
          other: { query: 'SELECT pid, cmdline FROM process_events', interval: 3 },
          heartbeat: { query: 'SELECT 1 AS beat', interval: 1 },
        },
      },
    );
    await using daemon = stage.start(installation, [`--events_max=${MAX}`, '--events_expiry=1']);
    await daemon.ready();
    await daemon.ran('other', 3, 40_000);
    const eids = daemon.results('one').map(({ columns }) => Number(columns.eid));
    stage.equal('rows that one query has logged', eids.length, MAX);
    stage.check(
      'they are the newest',
      Math.min(...eids) >= EXECS - MAX,
      `eid ${Math.min(...eids)} and later`,
    );
    stage.equal('rows that the other has logged', daemon.results('other').length, MAX);
    const left = async (table: string): Promise<number> =>
      Number((await daemon.query(`SELECT count(*) AS n FROM ${table}`))[0]?.n);
    stage.equal('rows left after both', await left('process_events'), 0);
    stage.equal(
      'rows of a table that nobody is scheduled to read, the first time',
      await left('socket_events'),
      CONNECTS,
    );
    // Until then it may be one statement that reads the table several times.
    await sleep(1_500);
    stage.equal('and a second after it was read', await left('socket_events'), 0);
    const [status] = await daemon.query('SELECT process_events_evicted_unread AS n FROM audit_status');
    stage.equal('rows counted as dropped before anybody had read them', Number(status?.n), EXECS - MAX);
    stage.checkSchedule(daemon, 6_000);
  },
};
