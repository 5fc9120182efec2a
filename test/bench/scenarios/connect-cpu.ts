import { socketEvents } from '../../../tables/socket_events.ts';
import { socketOptions } from '../audit-options.ts';
import { measureEventCost } from '../cpu-per-event.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import { measurePeers, withMeasured } from '../peers/measure-peers.ts';
import { references } from '../reference.ts';
import type { Scenario } from '../scenario.ts';

const CONNECTS = 50_000;
const PER_SECOND = 5_000;

export const connectCpu: Scenario = {
  name: 'connect-cpu',
  title: '50,000 connects at 5,000/s, three times, after as many to warm up',
  needsAudit: true,
  run: async ({ program }) => {
    const measured = await measurePeers('connects', CONNECTS, PER_SECOND);
    await using extension = await ExtensionUnderTest.start(program, socketOptions);
    const cost = await measureEventCost(extension, {
      kind: 'connects',
      perSecond: PER_SECOND,
      count: CONNECTS,
      warmUp: CONNECTS,
    });
    return [
      {
        name: 'CPU per connect event',
        value: cost.microseconds,
        unit: 'µs',
        goal: { atMost: 10 },
        peers: withMeasured(references.connectCpu, measured.cpu),
      },
      {
        name: 'rows stored',
        value: await extension.count(socketEvents.spec, { equal: { pid: String(cost.pid) } }),
        unit: 'rows',
        goal: { atLeast: CONNECTS },
      },
      { name: 'CPU when idle', value: cost.idle, unit: 'ms/s' },
    ];
  },
};
