import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditControl, openAuditControl } from '../../../../src/audit/control/control.ts';
import type { Break } from '../../account.ts';
import { ExecLoad } from '../../exec-load.ts';
import { Installation } from '../installation.ts';
import { checkAccount, LOADED } from '../live-schedule.ts';
import type { StockScenario } from '../scenario.ts';
import type { StockDaemon } from '../stock-daemon.ts';

const EXECS = 4_000;
const SECONDS = 40;
const PATIENCE_MS = 30_000;
const POLL_MS = 10;
const QUERY = 'executions';

/** What happens to whom, when so much of the load has run. */
const BREAKS = [
  { name: 'kill -9 of the extension', after: 0.2 },
  { name: 'restart of osqueryd', after: 0.45 },
  { name: 'kill -9 of osqueryd', after: 0.7 },
] as const;

export const restart: StockScenario = {
  name: 'restart',
  title: 'each execution logged once over a kill -9 of the extension, a restart and a kill -9 of osqueryd',
  isLive: true,
  limit: 180,
  run: async stage => {
    const installation = new Installation({
      root: stage.directory,
      extension: stage.extension,
      arguments: [
        `--custom_audit_state_dir=${join(stage.directory, 'state')}`,
        '--custom_audit_bridge_stop=true',
        '--custom_audit_bridge_ms=15000',
      ],
      configuration: {
        schedule: {
          [QUERY]: { query: LOADED, interval: 2 },
          heartbeat: { query: 'SELECT 1 AS beat', interval: 1 },
        },
      },
    });
    await using cleanup = new AsyncDisposableStack();
    const control = openAuditControl();
    cleanup.defer(() => control.close());
    let daemon = cleanup.use(stage.start(installation));
    await daemon.ready();
    await daemon.ran(QUERY, 1, PATIENCE_MS);
    const load = new ExecLoad(`restart-${process.pid}-`, EXECS, SECONDS);
    const running = load.run();
    running.catch(() => {});
    const breaks: Break[] = [];
    for (const { name, after } of BREAKS) {
      while (load.executions.length < after * EXECS) await sleep(POLL_MS);
      const owner = (await control.getStatus()).pid;
      const deaf = Date.now();
      const lastQuery = lastRun(daemon, deaf);
      if (name === 'kill -9 of the extension') {
        const pid = daemon.extensionPid();
        if (pid === undefined) throw new Error('expected osqueryd to have an extension');
        process.kill(pid, 'SIGKILL');
      } else {
        await daemon.kill(name === 'restart of osqueryd' ? 'SIGTERM' : 'SIGKILL');
        daemon = cleanup.use(stage.start(installation));
      }
      const listening = await nextReader(control, owner);
      breaks.push({ name, lastQuery, deaf, listening });
      stage.say(`${name}: the next reader after ${((listening - deaf) / 1000).toFixed(1)} s`);
      await daemon.ready();
    }
    await running;
    const runs = daemon.runs.of(QUERY).length;
    await daemon.ran(QUERY, runs + 3, PATIENCE_MS);
    const rows = daemon.results(QUERY).filter(({ action }) => action === 'added');
    checkAccount(
      stage,
      load,
      rows.map(({ columns }) => columns.cmdline),
      breaks,
    );
    const pause = stage.longestPause;
    stage.check(
      'a query of the host ran again within 15 s',
      pause < 15_000,
      `${(pause / 1000).toFixed(1)} s`,
    );
  },
};

/** Start of the last run whose results were logged before. */
const lastRun = (daemon: StockDaemon, before: number): number =>
  daemon.runs.of(QUERY).findLast(({ at }) => at < before)?.at ?? 0;

/** Resolves with the time at which another process has the audit stream. */
const nextReader = async (control: AuditControl, owner: number): Promise<number> => {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const { pid, enabled } = await control.getStatus();
    if (pid !== 0 && pid !== owner && enabled === 1) return Date.now();
    if (performance.now() > deadline) throw new Error(`expected a reader of audit within ${PATIENCE_MS} ms`);
    await sleep(POLL_MS);
  }
};
