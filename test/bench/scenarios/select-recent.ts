import { socketEvents } from '../../../tables/socket_events.ts';
import { RecordedConnects } from '../recorded-connects.ts';
import { medianSelect, startReplayed } from '../replayed.ts';
import type { Scenario } from '../scenario.ts';

const ROWS = 50_000;
const LAST = 100;

export const selectRecent: Scenario = {
  name: 'select-recent',
  title: 'SELECT … WHERE time > T that returns the last 100 of 50,000 socket events',
  needsAudit: false,
  run: async ({ program }) => {
    using log = new RecordedConnects(ROWS, LAST);
    await using extension = await startReplayed(program, log, ROWS);
    const greater = { time: String(log.lastSecond - 1) };
    const rows = await extension.count(socketEvents.spec, { greater });
    const { milliseconds } = await medianSelect(extension, { greater });
    return [
      { name: 'from request to last byte', value: milliseconds, unit: 'ms', goal: { atMost: 1 } },
      { name: 'rows returned', value: rows, unit: 'rows' },
    ];
  },
};
