import { processEvents } from '../../../tables/process_events.ts';
import { ReplayedUnderCore } from '../core.ts';
import { type Figure, median } from '../figure.ts';
import { RecordedLog } from '../recorded-log.ts';
import { chainedExecRecords } from '../records.ts';
import type { BenchContext, Scenario } from '../scenario.ts';

const OUTER = 1_000;
const BUFFERED = [1_000, 50_000] as const;
const PER_SECOND = 100;
const WARM_UP = 1;
const ROUNDS = 5;
const TABLE = processEvents.spec.name;
/** The same table of an extension that has its answers beforehand. */
const IDEAL = 'ideal_events';

/** Each of the last rows, and the one of the process that made it: core asks for that one by its pid. */
const join = (table: string, since: number): string =>
  `SELECT count(*) FROM ${table} a JOIN ${table} b ON a.parent = b.pid WHERE a.time >= ${since}`;

const joined = async ({ program }: BenchContext, buffered: number): Promise<readonly Figure[]> => {
  using log = new RecordedLog(buffered, PER_SECOND, chainedExecRecords);
  await using core = await ReplayedUnderCore.start(program, log.path, TABLE, buffered);
  await using _ideal = await core.ideal(processEvents.spec, IDEAL);
  const since = log.secondOf(buffered - OUTER);
  const times: number[] = [];
  const ideal: number[] = [];
  const cpu: number[] = [];
  let rows = 0;
  // By turns: what else the machine does is the same for both.
  for (let i = 0; i < WARM_UP + ROUNDS; i++) {
    const before = core.coreCpuSeconds;
    const { milliseconds, value } = await core.timeNumber(join(TABLE, since));
    const used = core.coreCpuSeconds - before;
    const least = await core.time(join(IDEAL, since));
    rows = value;
    if (i < WARM_UP) continue;
    times.push(milliseconds);
    cpu.push(used * 1_000);
    ideal.push(least);
  }
  // The first of all has a parent that nobody saw.
  const missing = Math.min(OUTER, buffered - 1) - rows;
  const name = `${OUTER.toLocaleString('en')} outer rows, ${buffered.toLocaleString('en')} buffered`;
  return [
    core.isOsqueryd
      ? { name, value: median(times), unit: 'ms', goal: { atMost: 500 } }
      : { name: `${name}, embedded core`, value: median(times), unit: 'ms' },
    { name: '… of it CPU of core', value: median(cpu), unit: 'ms' },
    { name: '… with an ideal extension', value: median(ideal), unit: 'ms' },
    { name: '… rows missing', value: missing, unit: 'rows', goal: { atMost: 0 } },
  ];
};

export const selfJoin: Scenario = {
  name: 'join',
  title: 'process_events joined to itself by parent and pid, through core, from the query to its answer',
  needsAudit: false,
  run: async context => {
    const figures: Figure[] = [];
    for (const buffered of BUFFERED) figures.push(...(await joined(context, buffered)));
    return figures;
  },
};
