import { setTimeout as sleep } from 'node:timers/promises';
import { socketOptions } from '../audit-options.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
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
  title: 'our cost of a burst of 100,000 connects beside that of receiving and discarding it the same way',
  needsAudit: true,
  run: async ({ program }) => {
    let received = 0;
    let receiving = 0;
    {
      await using receiver = await Receiver.start();
      receiving = await burstCost(receiver);
      received = await receiver.end();
    }
    let whole = 0;
    {
      await using extension = await ExtensionUnderTest.start(program, socketOptions);
      whole = await burstCost(extension);
    }
    const recordsPerConnect = received / (WARM_UP + CONNECTS);
    return [
      {
        name: 'receiving alone, per record',
        value: (receiving / (CONNECTS * recordsPerConnect)) * 1e6,
        unit: 'µs',
      },
      { name: 'receiving alone, per connect', value: (receiving / CONNECTS) * 1e6, unit: 'µs' },
      { name: 'the extension, per connect', value: (whole / CONNECTS) * 1e6, unit: 'µs' },
      { name: '… ratio', value: whole / receiving, unit: '×', goal: { atMost: 3 } },
    ];
  },
};
