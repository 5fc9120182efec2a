import { setTimeout as sleep } from 'node:timers/promises';
import { socketOptions } from '../audit-options.ts';
import { ROUNDS } from '../cpu-per-event.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import { median } from '../figure.ts';
import { Load } from '../load.ts';
import { Receiver } from '../receiver.ts';
import type { Scenario } from '../scenario.ts';

const CONNECTS = 100_000;
const WARM_UP = 50_000;
const SETTLE_MS = 1_500;

/** CPU seconds that a process spends on one burst, when it has seen one before. */
const burstCost = async (process: { readonly cpuSeconds: number }): Promise<number> => {
  for (const count of [WARM_UP, CONNECTS]) {
    await using load = await Load.prepare('connects', count, 0);
    const before = process.cpuSeconds;
    await load.run();
    await sleep(SETTLE_MS);
    if (count === CONNECTS) return process.cpuSeconds - before;
  }
  throw new Error('unreachable');
};

export const receiveOnly: Scenario = {
  name: 'receive-only',
  title:
    'our cost of a burst of 100,000 connects beside that of receiving and discarding it the same way, three times in turn',
  needsAudit: true,
  run: async ({ program }) => {
    let received = 0;
    const receiving: number[] = [];
    const whole: number[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      {
        await using receiver = await Receiver.start();
        receiving.push(await burstCost(receiver));
        received = await receiver.end();
      }
      await using extension = await ExtensionUnderTest.start(program, socketOptions);
      whole.push(await burstCost(extension));
    }
    const recordsPerConnect = received / (WARM_UP + CONNECTS);
    return [
      {
        name: 'receiving alone, per record',
        value: (median(receiving) / (CONNECTS * recordsPerConnect)) * 1e6,
        unit: 'µs',
      },
      { name: 'receiving alone, per connect', value: (median(receiving) / CONNECTS) * 1e6, unit: 'µs' },
      { name: 'the extension, per connect', value: (median(whole) / CONNECTS) * 1e6, unit: 'µs' },
      {
        name: '… ratio',
        value: median(whole.map((cost, i) => cost / receiving[i]!)),
        unit: '×',
        goal: { atMost: 3 },
      },
    ];
  },
};
