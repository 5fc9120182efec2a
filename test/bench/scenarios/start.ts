import { processOptions } from '../audit-options.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import { type Figure, median } from '../figure.ts';
import type { BenchContext, Scenario } from '../scenario.ts';

const STARTS = 10;
/** What `npm run build:ext` measures: it leaves kernel audit alone. */
const WITHOUT_EVENTS = ['--replay', '/dev/null'];

const startMs = async ({ program }: BenchContext, args: readonly string[]): Promise<number> => {
  await using extension = await ExtensionUnderTest.start(program, processOptions, args);
  return extension.startMs;
};

const run = async (context: BenchContext): Promise<readonly Figure[]> => {
  const live: number[] = [];
  const without: number[] = [];
  // In turns: other programs slow down both alike.
  for (let i = 0; i < STARTS; i++) {
    live.push(await startMs(context, []));
    without.push(await startMs(context, WITHOUT_EVENTS));
  }
  return [
    {
      name: 'until it registers, reading the kernel',
      value: median(live),
      unit: 'ms',
      goal: { atMost: 300 },
    },
    { name: '… the fastest', value: Math.min(...live), unit: 'ms' },
    { name: 'until it registers, reading no events', value: median(without), unit: 'ms' },
    { name: '… the fastest', value: Math.min(...without), unit: 'ms' },
  ];
};

export const start: Scenario = {
  name: 'start',
  title: 'the start of the process, with kernel audit and the state on disk, until core has its tables',
  needsAudit: true,
  run,
};
