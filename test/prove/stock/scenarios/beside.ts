import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExecLoad } from '../../exec-load.ts';
import { Installation } from '../installation.ts';
import { checkAccount, LOADED } from '../live-schedule.ts';
import type { StockScenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import type { StockDaemon } from '../stock-daemon.ts';

const EXECS = 600;
const SECONDS = 12;
const HEARTBEAT = { query: 'SELECT 1 AS beat', interval: 1 };
const SHELL_MS = 30_000;

const install = (stage: Stage, name: string): Installation => {
  const root = join(stage.directory, name);
  mkdirSync(root);
  return new Installation({
    root,
    extension: stage.extension,
    arguments: [`--custom_audit_state_dir=${join(root, 'state')}`],
    configuration: {
      schedule: { executions: { query: LOADED, interval: 2 }, heartbeat: HEARTBEAT },
    },
  });
};

/** Runs a load beside something else, and accounts for it in a core's log. */
const underLoad = async (stage: Stage, daemon: StockDaemon, beside: () => Promise<void>): Promise<void> => {
  const load = new ExecLoad(`beside-${process.pid}-${Date.now()}-`, EXECS, SECONDS);
  await Promise.all([load.run(), beside()]);
  const runs = daemon.runs.of('executions').length;
  await daemon.ran('executions', runs + 2, 20_000);
  checkAccount(
    stage,
    load,
    daemon.results('executions').map(({ columns }) => columns.cmdline),
  );
};

export const twoCores: StockScenario = {
  name: 'two-cores',
  title:
    'a second osqueryd with the extension: it says who was first, the first goes on, neither stands still',
  isLive: true,
  limit: 120,
  run: async stage => {
    await using first = stage.start(install(stage, 'first'));
    await first.ready();
    await using second = stage.start(install(stage, 'second'));
    await underLoad(stage, first, async () => {
      await second.ran('heartbeat', 10, 40_000);
    });
    const said = second.log.split('\n').find(line => /osquery-audit-events: .*pid \d+/.test(line));
    stage.check('the second says who was first', said !== undefined, said ?? second.log.slice(-500));
    const pause = second.longestPause;
    stage.check(
      'the second has run its queries',
      pause < 6_000,
      `no query for ${(pause / 1000).toFixed(1)} s`,
    );
    stage.checkSchedule(first, 6_000);
  },
};

export const shellBeside: StockScenario = {
  name: 'osqueryi',
  title: 'osqueryi connected to osqueryd, and one with an extension of its own, beside it',
  isLive: true,
  limit: 120,
  run: async stage => {
    await using daemon = stage.start(install(stage, 'daemon'));
    await daemon.ready();
    const answers: string[] = [];
    let own = '';
    await underLoad(stage, daemon, async () => {
      for (let i = 0; i < 4; i++) {
        const sql = 'SELECT count(*) AS n, count(eid) AS eids FROM process_events';
        answers.push(await shell(stage, ['--json', '--connect', daemon.socket, sql]));
        await sleep(500);
      }
      own = await shell(stage, [
        `--extension=${join(stage.directory, 'daemon/usr/lib/osquery/osquery-audit-events.ext')}`,
        `--extensions_socket=${join(stage.directory, 'own.em')}`,
        '--extensions_require=osquery-audit-events',
        '--extensions_timeout=5',
        '--disable_tables=process_events,socket_events,user_events',
        '--audit_allow_config=true',
        'SELECT count(*) AS n FROM process_events',
      ]);
    });
    const counts = answers.map(text => Number(/"n":"(\d+)"/.exec(text)?.[1]));
    stage.check(
      'a connected osqueryi sees all rows, which get more and more',
      counts.every((n, index) => n > 0 && n >= (counts[index - 1] ?? 0)),
      counts.join(' '),
    );
    stage.check(
      'one with its own extension says who was first',
      /pid \d+/.test(own),
      own.trim().slice(0, 300),
    );
    stage.checkSchedule(daemon, 6_000);
  },
};

/** What a shell says, on both streams. */
const shell = (stage: Stage, args: readonly string[]): Promise<string> => {
  const [file, ...before] = stage.osquery.osqueryi;
  return new Promise(resolve => {
    execFile(file, [...before, ...args], { timeout: SHELL_MS }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
};
