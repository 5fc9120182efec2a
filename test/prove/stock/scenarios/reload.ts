import type { StockScenario } from '../scenario.ts';

const EVENTS = { execs: 300, connects: 200, logins: 100 };
const HEARTBEAT = { query: 'SELECT 1 AS beat', interval: 1 };
const RUN_MS = 25_000;
const PAUSE_MS = 6_000;
/** Runs, of a query on an interval of 2 s, in which one that is gone would show. */
const AFTERWARDS = 5;

export const reload: StockScenario = {
  name: 'reload',
  title: '--config_refresh=2 with a configuration that adds, changes and removes queries and packs',
  isLive: false,
  limit: 120,
  run: async stage => {
    const installation = stage.installRecorded(EVENTS, {
      schedule: { heartbeat: HEARTBEAT, first: { query: 'SELECT pid FROM process_events', interval: 2 } },
    });
    await using daemon = stage.start(installation, ['--config_refresh=2']);
    await daemon.ran('first', 2, RUN_MS);
    stage.equal('rows of the query that was there', daemon.results('first').length, EVENTS.execs);

    installation.configure({
      schedule: {
        heartbeat: HEARTBEAT,
        first: { query: 'SELECT pid, cmdline FROM process_events', interval: 2 },
        added: { query: 'SELECT path FROM process_events', interval: 2 },
        joined: {
          query: 'SELECT count(*) AS n FROM process_events JOIN user_events USING (pid)',
          interval: 2,
        },
      },
      packs: {
        more: {
          queries: {
            connects: { query: 'SELECT remote_port FROM socket_events', interval: 2 },
            logins: { query: 'SELECT message FROM user_events', interval: 3 },
          },
        },
      },
    });
    for (const name of ['added', 'joined', 'pack_more_connects', 'pack_more_logins'])
      await daemon.ran(name, 3, RUN_MS);
    stage.equal('rows of a query that was added', daemon.results('added').length, EVENTS.execs);
    stage.equal(
      'rows of a query of a pack that was added',
      daemon.results('pack_more_connects').length,
      EVENTS.connects,
    );
    stage.equal('and of another', daemon.results('pack_more_logins').length, EVENTS.logins);
    stage.equal('rows of the query that was changed', daemon.results('first').length, EVENTS.execs);

    installation.configure({
      schedule: { heartbeat: HEARTBEAT, added: { query: 'SELECT path FROM process_events', interval: 2 } },
    });
    const runs = daemon.runs.of('added').length;
    await daemon.ran('added', runs + 3, RUN_MS);
    const gone = ['first', 'joined', 'pack_more_connects', 'pack_more_logins'];
    const count = (): number => gone.reduce((sum, name) => sum + daemon.runs.of(name).length, 0);
    const before = count();
    await daemon.ran('added', runs + 3 + AFTERWARDS, RUN_MS);
    stage.equal('runs of what was removed', count() - before, 0);
    stage.equal('rows of what stayed', daemon.results('added').length, EVENTS.execs);
    stage.checkSchedule(daemon, PAUSE_MS);
  },
};
