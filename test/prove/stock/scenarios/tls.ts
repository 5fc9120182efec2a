import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { customOptions } from '../../../../src/flags/custom-options.ts';
import { ExecLoad } from '../../exec-load.ts';
import { Installation } from '../installation.ts';
import { checkAccount, LOADED } from '../live-schedule.ts';
import type { StockScenario } from '../scenario.ts';
import { TlsManager } from '../tls-manager.ts';

const CONFIG_DELAY_MS = 3_000;
const EXECS = 800;
const SECONDS = 40;
/** For a run of a query on an interval of 2 s, and osqueryd's log, which it sends once a second. */
const LOGGED_MS = 5_000;
/** Until what a change of options does can be seen. */
const CHANGE_MS = 20_000;
const ANSWER_MS = 20_000;
const DEFAULT_STATE = customOptions.find(({ name }) => name === 'custom_audit_state_dir')!.defaultValue;

const SCHEDULE = {
  executions: { query: LOADED, interval: 2 },
  telemetry: {
    query: 'SELECT process_command_line FROM process_telemetry_events',
    interval: 2,
  },
  heartbeat: { query: 'SELECT 1 AS beat', interval: 1 },
};

export const tls: StockScenario = {
  name: 'tls',
  title:
    'configuration, log and distributed queries by TLS; the configuration comes 3 s late, and its options change',
  isLive: true,
  limit: 120,
  run: async stage => {
    const state = join(stage.directory, 'state');
    const options = { custom_audit_state_dir: state, custom_audit_telemetry: false };
    const installation = new Installation({
      root: stage.directory,
      extension: stage.extension,
      configuration: {},
    });
    const hadState = existsSync(DEFAULT_STATE);
    await using cleanup = new AsyncDisposableStack();
    // Until the options come the default is in force.
    cleanup.defer(() => {
      if (!hadState) rmSync(DEFAULT_STATE, { recursive: true, force: true });
    });
    const manager = cleanup.use(
      await TlsManager.start(stage.directory, { options, schedule: SCHEDULE }, CONFIG_DELAY_MS),
    );
    const daemon = cleanup.use(stage.start(installation, manager.flags));
    await daemon.ready();
    stage.check(
      'the extension answers before the configuration is there',
      daemon.runs.all.length === 0,
      'yes',
    );
    const load = new ExecLoad(`tls-${process.pid}-`, EXECS, SECONDS);
    const running = load.run();
    running.catch(() => {});

    await daemon.ran('executions', 2, 30_000);
    const inForce = async (): Promise<string> =>
      (await daemon.query('SELECT state_dir FROM audit_status'))[0]?.state_dir ?? '';
    const has = (isSo: () => boolean | Promise<boolean>): Promise<void> =>
      daemon.until(isSo, 'a change to be in force', CHANGE_MS).catch(() => {});
    await has(async () => (await inForce()) === state);
    stage.check(
      'custom_audit_state_dir of the configuration is in force',
      (await inForce()) === state,
      await inForce(),
    );
    stage.check('state is kept there', existsSync(state) && readdirSync(state).length > 0, state);
    const telemetry = (): number => manager.rows.filter(({ name }) => name === 'telemetry').length;
    // Rows of before are still on their way into the log.
    await sleep(LOGGED_MS);
    const early = telemetry();
    await sleep(LOGGED_MS);
    stage.equal(
      'custom_audit_telemetry=false: rows of process_telemetry_events meanwhile',
      telemetry() - early,
      0,
    );

    manager.configuration = { options: { ...options, custom_audit_telemetry: true }, schedule: SCHEDULE };
    await has(() => telemetry() > early);
    stage.check('custom_audit_telemetry=true later: rows come', telemetry() > early, telemetry() - early);
    const answer = await Promise.race([
      manager.ask(`SELECT count(*) AS n FROM process_events WHERE path LIKE '%/true'`),
      sleep(ANSWER_MS, [], { ref: false }),
    ]);
    stage.check('a distributed query is answered', Number(answer[0]?.n) > 0, `${answer[0]?.n} rows`);

    await running;
    const runs = daemon.runs.of('executions').length;
    await daemon.ran('executions', runs + 2, 20_000);
    // The log comes once a second.
    await sleep(3_000);
    const rows = manager.rows.filter(({ name, action }) => name === 'executions' && action === 'added');
    checkAccount(
      stage,
      load,
      rows.map(({ columns }) => columns.cmdline),
    );
    const waits = [...daemon.complaints, ...manager.status].filter(line => /started\s+again/.test(line));
    stage.check('nothing waits for a restart', waits.length === 0, waits[0] ?? 'nothing');
    stage.checkSchedule(daemon, 6_000);
  },
};
