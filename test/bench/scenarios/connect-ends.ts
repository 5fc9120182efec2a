import { socketEvents } from '../../../tables/socket_events.ts';
import { socketOptions } from '../audit-options.ts';
import { measureEventCost } from '../cpu-per-event.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import type { Figure } from '../figure.ts';
import type { Scenario } from '../scenario.ts';

/** How long connections live, how many are made in a second, and of what share the own end is to be found, in percent. */
const LIVES = [
  { ms: 20, perSecond: 40, count: 400, atLeast: 100 },
  { ms: 5, perSecond: 150, count: 1_500, atLeast: 98 },
  { ms: 1, perSecond: 500, count: 5_000, atLeast: 80 },
] as const;

/** Short connections at rates at which each is looked at: what that costs, and of how many the own end is found. */
export const connectEnds: Scenario = {
  name: 'connect-ends',
  title: 'TCP connections that are closed soon, one after the other on one descriptor, each rate three times',
  needsAudit: true,
  run: async ({ program }) => {
    await using extension = await ExtensionUnderTest.start(program, socketOptions);
    const figures: Figure[] = [];
    for (const { ms, perSecond, count, atLeast } of LIVES) {
      const args = [String(ms)];
      const load = { kind: 'short-connects', perSecond, count, warmUp: count, args } as const;
      const cost = await measureEventCost(extension, load);
      const rows = await extension.rows(socketEvents.spec, {
        columns: ['action', 'pid', 'local_port'],
        equal: { action: 'connect', pid: String(cost.pid) },
      });
      const found = rows.filter(({ local_port }) => local_port !== '0').length;
      figures.push(
        { name: `${ms} ms: own ends found`, value: (100 * found) / count, unit: '%', goal: { atLeast } },
        { name: '… rows stored', value: rows.length, unit: 'rows', goal: { atLeast: count } },
        { name: `… CPU per connect event, at ${perSecond}/s`, value: cost.microseconds, unit: 'µs' },
      );
    }
    return figures;
  },
};
