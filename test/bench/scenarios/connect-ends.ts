import { socketEvents } from '../../../tables/socket_events.ts';
import { socketOptions } from '../audit-options.ts';
import { measureEventCost } from '../cpu-per-event.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import type { Scenario } from '../scenario.ts';

const CONNECTS = 2_000;
const PER_SECOND = 200;

/** Short connections at a rate at which each is looked at: what that costs, and of how many the own end is found. */
export const connectEnds: Scenario = {
  name: 'connect-ends',
  title: '2,000 TCP connections of 5 ms at 200/s, one after the other on one descriptor, three times',
  needsAudit: true,
  run: async ({ program }) => {
    await using extension = await ExtensionUnderTest.start(program, socketOptions);
    const cost = await measureEventCost(extension, {
      kind: 'short-connects',
      perSecond: PER_SECOND,
      count: CONNECTS,
      warmUp: CONNECTS,
    });
    const rows = await extension.rows(socketEvents.spec, {
      columns: ['action', 'pid', 'local_port'],
      equal: { action: 'connect', pid: String(cost.pid) },
    });
    const found = rows.filter(({ local_port }) => local_port !== '0').length;
    return [
      { name: 'CPU per connect event', value: cost.microseconds, unit: 'µs' },
      {
        name: 'own ends found',
        value: (100 * found) / CONNECTS,
        unit: '%',
        goal: { atLeast: 98 },
      },
      { name: 'rows stored', value: rows.length, unit: 'rows', goal: { atLeast: CONNECTS } },
    ];
  },
};
