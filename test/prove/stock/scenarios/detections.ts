import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { detections as all } from '../../../../tables/detections/index.ts';
import { busyHour } from '../../../tables/packs/busy-hour.ts';
import { Installation } from '../installation.ts';
import type { StockScenario } from '../scenario.ts';

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
