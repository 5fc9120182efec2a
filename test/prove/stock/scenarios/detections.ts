import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { detections as all } from '../../../../tables/detections/index.ts';
import { behaviours, whyNotBehave } from '../../../live/packs/behaviours.ts';
import { runInLogin } from '../../../live/packs/login-script.ts';
import { startPeer } from '../../../live/packs/peer.ts';
import { busyHour } from '../../../tables/packs/busy-hour.ts';
import { Installation } from '../installation.ts';
import type { StockScenario } from '../scenario.ts';
import type { StockDaemon } from '../stock-daemon.ts';

const INTERVAL = 5;
/** Of ordinary work these report something: what is there for the first time, and the administrator's own cron job. */
const REPORTING = ['new_listener', 'sudo_first_time', 'ssh_login_new_address'];

export const detections: StockScenario = {
  name: 'detections',
  title:
    'each query of the packs of detections runs, and reports of recorded ordinary work what it reports in our core',
  isLive: false,
  limit: 150,
  run: async stage => {
    const { directory: root, extension } = stage;
    const log = join(root, 'work.log');
    writeFileSync(log, busyHour(2), 'latin1');
    const installation = new Installation({
      root,
      extension,
      arguments: ['--replay', log],
      configuration: {
        packs: shippedPacks(),
        schedule: { heartbeat: { query: 'SELECT 1 AS beat', interval: 1 } },
      },
    });
    await using daemon = stage.start(installation);
    await daemon.ready();
    for (const { pack, name } of all) await daemon.ran(`pack_${pack}_${name}`, 2, 60_000);
    for (const { pack, name } of all) {
      const rows = daemon.results(`pack_${pack}_${name}`);
      stage.check(name, rows.length > 0 === REPORTING.includes(name), `${rows.length} rows`);
    }
    stage.checkSchedule(daemon, 12_000);
  },
};

/** Login user of whoever does what the detections are for. */
const AUID = 2_100_000_000;
const FOUND_MS = 60_000;
const WATCHED_MS = 30_000;

export const detectionsLive: StockScenario = {
  name: 'detections-live',
  title: 'what each detection is for is done, and its query finds it in the events of the kernel',
  isLive: true,
  limit: 150,
  run: async stage => {
    const { directory: root, extension } = stage;
    // Programs are not looked for in a directory that everybody can write to.
    const directory = mkdtempSync('/var/lib/pack-proof-');
    mkdirSync(join(directory, 'intruder'));
    const { server, port } = await startPeer();
    try {
      const installation = new Installation({
        root,
        extension,
        configuration: {
          // What is looked up, such as hashes, is awaited on a busy machine, too.
          options: { custom_audit_telemetry_budget_ms: 10_000 },
          packs: shippedPacks(),
          schedule: { heartbeat: { query: 'SELECT 1 AS beat', interval: 1 } },
        },
      });
      await using daemon = stage.start(installation, ['--audit_allow_fim_events=true']);
      await daemon.ready();
      await untilWatched(daemon);
      const tried = all.filter(({ name }) => {
        const behaviour = behaviours[name];
        return behaviour !== undefined && whyNotBehave(behaviour) === undefined;
      });
      const auid = AUID + process.pid;
      for (const { name } of tried) {
        const { script } = behaviours[name]!;
        const said = await runInLogin({
          auid,
          what: name,
          script,
          directory,
          port,
          mark: `pack-proof-${process.pid}`,
        });
        if (said !== '') stage.check(`${name} can be done`, false, said);
      }
      const found = (name: string): number =>
        daemon.results().filter(line => line.name.endsWith(`_${name}`) && line.columns.auid === String(auid))
          .length;
      await daemon
        .until(() => tried.every(({ name }) => found(name) > 0), 'each to be found', FOUND_MS)
        .catch(() => {});
      for (const { name } of tried) stage.check(`${name} is found`, found(name) > 0, `${found(name)} rows`);
      stage.checkSchedule(daemon, 20_000);
    } finally {
      server.close();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

/** The paths to watch come with the configuration, some time after the start. */
const untilWatched = async (daemon: StockDaemon): Promise<void> => {
  const probe = `/etc/profile.d/pack-proof-${process.pid}.probe`;
  const isSeen = async (): Promise<boolean> => {
    writeFileSync(probe, '');
    rmSync(probe);
    return (await daemon.query(`SELECT 1 FROM process_file_events WHERE path = '${probe}'`)).length > 0;
  };
  await daemon.until(isSeen, 'a watched file to be seen', WATCHED_MS);
};

/** As they are shipped, but run often. */
const shippedPacks = (): Readonly<Record<string, object>> =>
  Object.fromEntries(
    ['detections', 'file_detections'].map(name => {
      const path = new URL(`../../../../tables/packs/${name}.conf`, import.meta.url);
      const pack: { readonly queries: Readonly<Record<string, object>> } = JSON.parse(
        readFileSync(path, 'utf8'),
      );
      const queries = Object.entries(pack.queries).map(([query, value]) => [
        query,
        { ...value, interval: INTERVAL },
      ]);
      return [name, { ...pack, queries: Object.fromEntries(queries) }];
    }),
  );
