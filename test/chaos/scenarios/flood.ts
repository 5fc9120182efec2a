import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processTelemetryEvents } from '../../../tables/process_telemetry_events.ts';
import { processOptions } from '../../bench/audit-options.ts';
import type { Figure } from '../../bench/figure.ts';
import { Load } from '../../bench/load.ts';
import { MemoryWatch } from '../../bench/memory-watch.ts';
import { cpuSeconds, memory } from '../../bench/process-usage.ts';
import type { BenchContext, Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { ControlGroup } from '../control-group.ts';
import { rowsOf } from '../rows-of.ts';
import { writeSmallestProgram } from '../smallest-program.ts';

const SECONDS = 30;
const EVENTS_MAX = 20_000;
const GROUP_MB = 150;
/** Milliseconds for what is on its way: on a busy host the reader is behind by all that the socket has room for. */
const SETTLE_MS = 60_000;
/** … and for what comes behind the rows of process_events. */
const TELEMETRY_MS = 1_000;
/** Ids without an account. */
const FLOOD_UID = 64_999;
const WITNESS_UID = 64_998;

/** What one user does while another one runs a program a second. */
interface Flood {
  readonly name: string;
  readonly what: string;
  readonly perSecond: number;
  readonly argumentBytes: number;
  readonly argumentCount: number;
}
const ENDED = `ended in a group of ${GROUP_MB} MB`;

const run = async (flood: Flood, { program, note }: BenchContext): Promise<readonly Figure[]> => {
  const directory = mkdtempSync(join(tmpdir(), 'chaos-'));
  chmodSync(directory, 0o755);
  const executable = join(directory, 'true');
  writeSmallestProgram(executable);
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rmSync(directory, { recursive: true }));
  const group = cleanup.use(new ControlGroup('memory', GROUP_MB * 1e6));
  const { custom_audit_buffer_bytes: _, ...options } = processOptions;
  const extension = cleanup.use(
    await SupervisedExtension.start(
      { ...options, events_max: String(EVENTS_MAX), custom_audit_state_dir: join(directory, 'state') },
      group.program(program),
    ),
  );
  const witness = cleanup.use(
    await Load.prepare('execs-as', SECONDS, 1, String(WITNESS_UID), executable, '0', '0'),
  );
  const flooding = cleanup.use(
    await Load.prepare(
      'execs-as',
      flood.perSecond * SECONDS,
      flood.perSecond,
      String(FLOOD_UID),
      executable,
      String(flood.argumentBytes),
      String(flood.argumentCount),
    ),
  );
  using watch = new MemoryWatch(extension.pid);
  const cpuBefore = cpuSeconds(extension.pid);
  const [, { seconds }] = await Promise.all([witness.run(), flooding.run()]);
  if (!existsSync(`/proc/${extension.pid}`)) {
    note(extension.stderr);
    return [{ name: ENDED, value: Math.max(1, group.kills), unit: '', goal: { atMost: 0 } }];
  }
  const cpu = (cpuSeconds(extension.pid) - cpuBefore) / seconds;
  const loaded = performance.now();
  await extension.settled(SETTLE_MS);
  const behind = performance.now() - loaded;
  await sleep(TELEMETRY_MS);
  const rows = await extension.scheduled();
  const seen = rows.filter(({ uid }) => Number(uid) === WITNESS_UID).length;
  const status = await extension.status();
  return [
    { name: 'run', value: (flood.perSecond * SECONDS) / seconds, unit: '/s' },
    { name: 'rows of the other user', value: seen, unit: 'rows', goal: { atLeast: SECONDS } },
    {
      name: '… in process_telemetry_events',
      value: await rowsOf(extension, processTelemetryEvents.spec, 'user_uid', WITNESS_UID),
      unit: 'rows',
      goal: { atLeast: SECONDS },
    },
    { name: 'rows in the answer', value: rows.length, unit: 'rows' },
    {
      name: 'rows evicted unread',
      value: Number(status.process_events_evicted_unread),
      unit: 'rows',
    },
    { name: 'records lost in the kernel', value: Number(status.kernel_lost), unit: '' },
    // What had no room in the socket, as the reader had no CPU: the kernel drops it uncounted.
    { name: 'events that never came, by their serials', value: Number(status.serial_gaps), unit: '' },
    { name: 'CPU of the extension', value: cpu * 100, unit: '%' },
    { name: 'behind at the end of the flood', value: behind, unit: 'ms' },
    {
      name: 'RSS, peak',
      value: memory(extension.pid).peakRss,
      unit: 'MB',
      goal: { atMost: 200 },
    },
    {
      name: '… with the processes that look at files for it',
      value: watch.peak,
      unit: 'MB',
      goal: { atMost: 200 },
    },
    { name: ENDED, value: group.kills, unit: '', goal: { atMost: 0 } },
  ];
};

const scenarioOf = (flood: Flood): Scenario => ({
  name: flood.name,
  title: `one user runs ${flood.perSecond.toLocaleString('en-US')} programs a second${flood.what} for ${SECONDS} s, another one a program a second; in ${GROUP_MB} MB of memory`,
  needsAudit: true,
  run: context => run(flood, context),
});

export const flood = scenarioOf({
  name: 'flood',
  what: '',
  perSecond: 2_000,
  argumentBytes: 0,
  argumentCount: 0,
});

export const floodOfLongArguments = scenarioOf({
  name: 'flood-100-kb',
  what: ' with 100 kB of arguments',
  perSecond: 100,
  argumentBytes: 100_000,
  argumentCount: 1,
});

export const floodOfHugeArguments = scenarioOf({
  name: 'flood-6-mb',
  what: ' with 6 MB of arguments',
  perSecond: 2,
  argumentBytes: 130_000,
  argumentCount: 47,
});

export const floodOfEmptyArguments = scenarioOf({
  name: 'flood-empty',
  what: ' with 200,000 empty arguments',
  // To hand them over takes this load longer than reading them takes us.
  perSecond: 1,
  argumentBytes: 0,
  argumentCount: 200_000,
});
