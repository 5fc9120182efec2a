import { socketOptions } from '../audit-options.ts';
import { measureEventCost } from '../cpu-per-event.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import { RecordedConnects } from '../recorded-connects.ts';
import { medianSelect, startReplayed } from '../replayed.ts';
import type { BenchContext, Scenario } from '../scenario.ts';

const EVENTS = 20_000;
const ROWS = 10_000;
const FACTOR = 10;
/** Ten times as much may cost a tenth more each. */
const TOLERANCE = 1.1;

const eventCost = async ({ program }: BenchContext, count: number): Promise<number> => {
  await using extension = await ExtensionUnderTest.start(program, socketOptions);
  const load = { kind: 'connects', perSecond: 10_000, warmUp: 3 * EVENTS } as const;
  return (await measureEventCost(extension, { ...load, count })).microseconds;
};

const rowCost = async ({ program }: BenchContext, count: number): Promise<number> => {
  using log = new RecordedConnects(count, 100);
  await using extension = await startReplayed(program, log, count);
  return ((await medianSelect(extension, {})).milliseconds * 1000) / count;
};

export const growth: Scenario = {
  name: 'growth',
  title: 'cost per event and per row with ten times as many of them',
  needsAudit: true,
  run: async context => {
    const [few, many] = [await eventCost(context, EVENTS), await eventCost(context, EVENTS * FACTOR)];
    const [short, long] = [await rowCost(context, ROWS), await rowCost(context, ROWS * FACTOR)];
    return [
      { name: 'CPU per connect of 20,000', value: few, unit: 'µs' },
      { name: 'CPU per connect of 200,000', value: many, unit: 'µs' },
      { name: '… ratio', value: many / few, unit: '×', goal: { atMost: TOLERANCE } },
      { name: 'SELECT * of 10,000 rows, per row', value: short, unit: 'µs' },
      { name: 'SELECT * of 100,000 rows, per row', value: long, unit: 'µs' },
      { name: '… ratio', value: long / short, unit: '×', goal: { atMost: TOLERANCE } },
    ];
  },
};
