import { setTimeout as sleep } from 'node:timers/promises';
import { processEvents } from '../../../tables/process_events.ts';
import { processOptions } from '../audit-options.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import { median, percentile } from '../figure.ts';
import { spawnTrue } from '../load/spawn-true.ts';
import { references } from '../reference.ts';
import type { Scenario } from '../scenario.ts';

const EXECS = 300;
const WARM_UP = 20;
/** Milliseconds between two: long enough for each to find the reader asleep. */
const PAUSE_MS = 30;
const LIMIT_MS = 5_000;

export const latency: Scenario = {
  name: 'latency',
  title: '300 execs one by one, each asked for by SELECT over and over until it is there',
  needsAudit: true,
  run: async ({ program }) => {
    await using extension = await ExtensionUnderTest.start(program, processOptions);
    const milliseconds: number[] = [];
    for (let i = 0; i < EXECS + WARM_UP; i++) {
      // Not in step with anything that ticks.
      await sleep(PAUSE_MS * (1 + Math.random()));
      const mark = `mark-${process.pid}-${i}`;
      const started = performance.now();
      spawnTrue(mark);
      while ((await extension.count(processEvents.spec, { equal: { cmdline: `true ${mark}` } })) === 0) {
        if (performance.now() - started > LIMIT_MS)
          throw new Error(`an exec was not seen within ${LIMIT_MS} ms`);
        await sleep(1);
      }
      if (i >= WARM_UP) milliseconds.push(performance.now() - started);
    }
    return [
      { name: 'exec to visible, p50', value: median(milliseconds), unit: 'ms' },
      {
        name: 'exec to visible, p99',
        value: percentile(milliseconds, 0.99),
        unit: 'ms',
        goal: { atMost: 50 },
        peers: references.visible,
      },
    ];
  },
};
