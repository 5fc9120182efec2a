/**
 * Lets the extension work for a while and looks for what grows: `npm run soak -- [--minutes N]`, as root. Ends with
 * status 1 if something does.
 *
 * The load is execs, connects, scheduled and other queries, all on this host; memory, descriptors, threads and timers are
 * compared between the first and the second half of the time since the buffers are full.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { auditOptions } from '../bench/audit-options.ts';
import { Load, type LoadKind } from '../bench/load.ts';
import { fromSources } from '../bench/program.ts';
import { auditIsFree, whyNotLive } from '../live/kernel-audit.ts';
import { SupervisedExtension } from '../live/supervised-extension.ts';
import { growth, type Sample, sinceFull, takeSample } from './sample.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' } } });
const minutes = Number(values.minutes);
if (!(minutes >= 1 && minutes <= 24 * 60))
  throw new Error(`--minutes: expected 1 to 1440, got ${values.minutes}`);
if (whyNotLive !== undefined) process.exit(1);

const LOADS: readonly (readonly [LoadKind, number])[] = [
  ['execs', 150],
  ['connects', 500],
];
/** Seconds of one load; a rest follows, so that growth and what is idle are both seen. */
const LOAD_S = 45;
const ROUND_S = 60;
const QUERY_S = 5;
const SAMPLE_S = 10;
const EVENTS_MAX = 10_000;
/** The tables whose buffers the load fills: process_events, socket_events, process_telemetry_events. */
const FULL_TABLES = 3;
/** Seconds after that in which the collector and the allocator find their size. */
const REST_S = 3 * ROUND_S;
/** Fewer samples than this say nothing. */
const LEAST_SAMPLES = 6;

const directory = mkdtempSync(join(tmpdir(), 'soak-'));
const probe = fileURLToPath(new URL('./resource-probe.ts', import.meta.url));
await auditIsFree();
const end = performance.now() + minutes * 60_000;
const seconds = (): number => minutes * 60 - (end - performance.now()) / 1000;
const samples: Sample[] = [];
const list = (megabytes: readonly number[]): string => megabytes.map(value => value.toFixed(1)).join(' + ');
const sum = (megabytes: readonly number[]): number => megabytes.reduce((total, value) => total + value, 0);
let rows = 0;
try {
  await using extension = await SupervisedExtension.start(
    {
      ...auditOptions,
      audit_allow_sockets: 'true',
      // What production has: old rows go, in memory and on disk.
      events_max: String(EVENTS_MAX),
      custom_audit_buffer_bytes: String(64 << 20),
      custom_audit_state_dir: join(directory, 'state'),
    },
    fromSources(['--import', probe]),
  );

  const loads = async (): Promise<void> => {
    while (performance.now() < end) {
      const began = performance.now();
      const loadSeconds = Math.max(1, Math.min(LOAD_S, Math.floor((end - began) / 1000)));
      await Promise.all(
        LOADS.map(async ([kind, perSecond]) => {
          await using load = await Load.prepare(kind, perSecond * loadSeconds, perSecond);
          await load.run();
        }),
      );
      await sleep(Math.max(0, Math.min(began + ROUND_S * 1000, end) - performance.now()));
    }
  };
  const queries = async (): Promise<void> => {
    while (performance.now() < end) {
      const answer = await extension.scheduled();
      rows += answer.length;
      if (answer.length > 0) extension.log();
      await extension.core.generate('process_telemetry_events', { constraints: [] });
      await extension.status();
      await sleep(QUERY_S * 1000);
    }
  };
  const watch = async (): Promise<void> => {
    while (performance.now() < end) {
      const sample = await takeSample(extension, seconds());
      samples.push(sample);
      process.stderr.write(
        `soak: ${sample.at.toFixed(0)} s: ${sample.rss.toFixed(1)} MB (anonymous ${sample.anonymous.toFixed(1)}, ` +
          `heaps ${list(sample.heaps)} on ${list(sample.heapPages)}, external ${list(sample.externals)}), ${sample.fds} descriptors, ` +
          `${sample.threads} threads, ${sample.timers} timers, ${sample.rows} rows\n`,
      );
      await sleep(SAMPLE_S * 1000);
    }
  };
  await Promise.all([loads(), queries(), watch()]);

  const status = await extension.status();
  const warm = sinceFull(samples, FULL_TABLES * EVENTS_MAX, REST_S);
  if (warm.length < LEAST_SAMPLES)
    throw new Error(`${warm.length} samples since the buffers are full: give it more minutes`);
  const results: readonly (readonly [what: string, value: number, limit: number | undefined])[] = [
    ['minutes', minutes, undefined],
    ['rows of the scheduled query', rows, undefined],
    ['minutes since the buffers are full', (samples.at(-1)!.at - warm[0]!.at) / 60, undefined],
    ['growth of resident memory, MB', growth(warm, ({ rss }) => rss), 10],
    ['… of it not pages of files', growth(warm, ({ anonymous }) => anonymous), undefined],
    ['growth of the heaps, MB', growth(warm, ({ heaps }) => sum(heaps)), undefined],
    ['growth of the pages they lie on, MB', growth(warm, ({ heapPages }) => sum(heapPages)), undefined],
    ['growth outside of the heaps, MB', growth(warm, ({ externals }) => sum(externals)), undefined],
    ['growth of descriptors', growth(warm, ({ fds }) => fds), 1],
    ['growth of threads', growth(warm, ({ threads }) => threads), 0],
    ['growth of timers', growth(warm, ({ timers }) => timers), 2],
    ['resident memory at the end, MB', samples.at(-1)!.rss, undefined],
    ['records the kernel lost', Number(status.kernel_lost), 0],
    ['overruns of the receive buffer', Number(status.socket_overruns), 0],
    ['malformed records', Number(status.malformed_records), 0],
    ['writes that failed', Number(status.state_write_failures), 0],
  ];
  let isFlat = true;
  for (const [what, value, limit] of results) {
    const verdict = limit === undefined ? '' : value <= limit ? `  ok ≤ ${limit}` : `  NO ≤ ${limit}`;
    if (verdict.startsWith('  NO')) isFlat = false;
    process.stdout.write(
      `${what.padEnd(36)}${(Math.round(value * 10) / 10).toLocaleString('en-US')}${verdict}\n`,
    );
  }
  process.exitCode = isFlat ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
