import { processEvents } from '../../../tables/process_events.ts';
import { processOptions } from '../audit-options.ts';
import { measureEventCost } from '../cpu-per-event.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import { references } from '../reference.ts';
import type { Scenario } from '../scenario.ts';

const EXECS = 10_000;

export const execCpu: Scenario = {
  name: 'exec-cpu',
  title: '10,000 posix_spawn of /bin/true at 1,500/s, after 5,000 to warm up',
  needsAudit: true,
  run: async ({ program }) => {
    await using extension = await ExtensionUnderTest.start(program, processOptions);
    const cost = await measureEventCost(extension, {
      kind: 'execs',
      perSecond: 1_500,
      count: EXECS,
      warmUp: EXECS / 2,
    });
    return [
      {
        name: 'CPU per exec event',
        value: cost.microseconds,
        unit: 'µs',
        goal: { atMost: 40 },
        peers: references.execCpu,
      },
      {
        name: 'rows stored',
        value: await extension.count(processEvents.spec, { equal: { parent: String(cost.pid) } }),
        unit: 'rows',
        goal: { atLeast: EXECS },
      },
      { name: 'CPU when idle', value: cost.idle, unit: 'ms/s' },
    ];
  },
};
