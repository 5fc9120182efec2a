import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processEvents } from '../../../tables/process_events.ts';
import { processTelemetryEvents } from '../../../tables/process_telemetry_events.ts';
import { processOptions } from '../../bench/audit-options.ts';
import type { Figure } from '../../bench/figure.ts';
import { Load } from '../../bench/load.ts';
import { MemoryWatch } from '../../bench/memory-watch.ts';
import type { BenchContext, Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { Losses } from '../losses.ts';
import { rowsOf } from '../rows-of.ts';
import { SilentFuse, whyNoFuse } from '../silent-fuse/silent-fuse.ts';

const EXECS = 4_000;
const PER_SECOND = 400;
/** Programs of each round on the file system; each is another file. */
const PROGRAMS = 4;
const ROUNDS = 5;
const ROUND_MS = 1_500;
/** A look may take a quarter of a second; others wait behind it for so long, and the load of the host comes on top. */
const MOST_MS = 2_000;

/** So many as libuv has threads, which the state is written by, too. */
const USERS = 4;
const FIRST_UID = 64_990;

const run = async (users: number, { program, note }: BenchContext): Promise<readonly Figure[]> => {
  const whyNot = whyNoFuse();
  if (whyNot !== undefined) {
    note(`left out: ${whyNot}`);
    return [];
  }
  const directory = mkdtempSync(join(tmpdir(), 'chaos-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rmSync(directory, { recursive: true }));
  const extension = cleanup.use(
    await SupervisedExtension.start(
      { ...processOptions, events_max: '100000', custom_audit_state_dir: join(directory, 'state') },
      program,
    ),
  );
  using watch = new MemoryWatch(extension.pid);
  const losses = await Losses.from(extension);
  const all: SilentFuse[] = [];
  for (let i = 0; i < users; i++) all.push(cleanup.use(await SilentFuse.mount(PROGRAMS, FIRST_UID + i)));
  await using load = await Load.prepare('execs', EXECS, PER_SECOND);
  let isLoading = true;
  const loading = load.run().finally(() => {
    isLoading = false;
  });
  let silent = 0;
  const attacking = async (): Promise<void> => {
    for (let round = 0; round < ROUNDS && isLoading; round++) {
      silent += (await Promise.all(all.map(fuse => fuse.run()))).flat().length;
      await sleep(ROUND_MS);
    }
  };
  let longest = 0;
  const asking = async (): Promise<void> => {
    while (isLoading) {
      const asked = performance.now();
      await extension.status();
      longest = Math.max(longest, performance.now() - asked);
      await sleep(50);
    }
  };
  await Promise.all([loading, attacking(), asking()]);
  const counted = await losses.settled();
  const memoryPeak = watch.peak;
  const status = await extension.status();
  const stuck = stuckBelow(extension.pid);
  const telemetry = await rowsOf(extension, processTelemetryEvents.spec, 'parent_process_pid', load.pid);
  const rows = await rowsOf(extension, processEvents.spec, 'parent', load.pid);
  // What was written while looks hung is there, whatever becomes of the process.
  await extension.end('SIGKILL');
  await extension.start();
  const kept = await rowsOf(extension, processEvents.spec, 'parent', load.pid);
  const ended = performance.now();
  // Before the file system is: whoever waits for it cannot be ended.
  await extension.end('SIGTERM');
  return [
    {
      name: 'programs on the silent file system',
      value: silent,
      unit: '',
      goal: { atLeast: PROGRAMS * users },
    },
    { name: "rows of others' programs", value: rows, unit: 'rows', goal: { atLeast: EXECS } },
    { name: '… that were kept over a kill -9', value: kept, unit: 'rows', goal: { atLeast: EXECS } },
    { name: '… of process_telemetry_events', value: telemetry, unit: 'rows', goal: { atLeast: EXECS } },
    { name: 'counted as lost', value: counted, unit: '', goal: { atMost: 0 } },
    {
      name: 'looks that hung',
      value: Number(status.file_looks_hung),
      unit: 'events',
      goal: { atLeast: 1 },
    },
    { name: '… and were refused after that', value: Number(status.file_looks_refused), unit: 'events' },
    { name: 'processes that hang for good', value: stuck, unit: '', goal: { atMost: 4 } },
    { name: 'longest SELECT meanwhile', value: longest, unit: 'ms', goal: { atMost: MOST_MS } },
    { name: 'memory of all its processes, peak', value: memoryPeak, unit: 'MB', goal: { atMost: 200 } },
    { name: 'end on SIGTERM', value: performance.now() - ended, unit: 'ms', goal: { atMost: 5_000 } },
  ];
};

const scenarioOf = (name: string, users: number, who: string): Scenario => ({
  name,
  title: `${who} that answers nobody: ${PROGRAMS} programs of each are run ${ROUNDS} times, under ${PER_SECOND} execs/s of others`,
  needsAudit: true,
  run: context => run(users, context),
});

export const silentFileSystem = scenarioOf('silent-file-system', 1, "a user's overlay over his own FUSE");

export const silentFileSystems = scenarioOf(
  'silent-file-systems',
  USERS,
  `${USERS} users' overlays, each over his own FUSE`,
);

/** Processes whose parent is given, and that wait where no signal ends it. */
const stuckBelow = (parent: number): number =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'latin1');
        return new RegExp(`^State:\\tD[^]*^PPid:\\t${parent}$`, 'm').test(status);
      } catch {
        return false;
      }
    }).length;
