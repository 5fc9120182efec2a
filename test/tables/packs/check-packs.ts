/**
 * `npm run check:packs`: reads the packs of osquery and Fleet as these read them, runs each query in the embedded core on a recorded
 * hour, and prints what it costs. `--copies N`: how busy the hour is, one copy being about 1,000 executions; `--write` keeps the figures for
 * tables/packs/README.md.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { busyHour } from './busy-hour.ts';
import { costsOn, type DetectionCost, faultsOfFiles } from './check.ts';
import { RecordedCore } from './recorded-core.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const COSTS = join(root, 'fixtures/packs/costs.json');
const TIMES = 5;
const TABLES = [
  'process_events',
  'process_telemetry_events',
  'socket_events',
  'user_events',
  'process_file_events',
];

const { values } = parseArgs({
  options: { copies: { type: 'string', default: '20' }, write: { type: 'boolean', default: false } },
});

const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
};

const line = (cost: Omit<DetectionCost, 'interval'> & { readonly interval: number | string }): string => {
  const { name, interval, found, reads, rows, milliseconds } = cost;
  return [
    name.padEnd(30),
    String(interval).padStart(8),
    String(reads).padStart(8),
    String(rows).padStart(10),
    milliseconds.toFixed(0).padStart(8),
    String(found).padStart(8),
  ].join('');
};

const faults = faultsOfFiles(textOf);
for (const fault of faults) console.error(fault);
const directory = mkdtempSync(join(tmpdir(), 'busy-hour-'));
try {
  const log = join(directory, 'busy-hour.log');
  writeFileSync(log, busyHour(Number(values.copies)), 'latin1');
  await using recorded = await RecordedCore.start([log]);
  const counts: Record<string, number> = {};
  for (const table of TABLES) {
    const [row] = (await recorded.core.query(`SELECT count(*) AS count FROM ${table}`)).rows;
    counts[table] = Number(row!.count);
  }
  console.log(
    `An hour with ${Object.entries(counts)
      .map(([table, count]) => `${count} rows of ${table}`)
      .join(', ')}. Each query over all of it, CPU of core and extension, the least of ${TIMES} times:\n`,
  );
  const costs = await costsOn(recorded, TIMES);
  console.log(`${'detection'.padEnd(30)}${'interval'.padStart(8)}   reads      rows  CPU ms reported`);
  for (const cost of costs) console.log(line(cost));
  const sum = (of: (cost: DetectionCost) => number): number =>
    costs.reduce((total, cost) => total + of(cost), 0);
  console.log(
    line({
      name: `all ${costs.length}`,
      interval: '',
      reads: sum(({ reads }) => reads),
      rows: sum(({ rows }) => rows),
      milliseconds: sum(({ milliseconds }) => milliseconds),
      found: sum(({ found }) => found),
    }),
  );
  if (values.write) {
    const date = new Date().toISOString().slice(0, 10);
    writeFileSync(COSTS, `${JSON.stringify({ date, counts, costs }, undefined, 1)}\n`);
  }
} finally {
  rmSync(directory, { recursive: true });
}
if (faults.length > 0) process.exitCode = 1;
