import { socketEvents } from '../../../tables/socket_events.ts';
import { socketOptions } from '../../bench/audit-options.ts';
import { Load } from '../../bench/load.ts';
import { memory } from '../../bench/process-usage.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { Losses } from '../losses.ts';
import { rowsOf } from '../rows-of.ts';

const CONNECTS = 1_000_000;
const EVENTS_MAX = 50_000;
const AFTER = 1_000;

export const burst: Scenario = {
  name: 'burst',
  title: `${CONNECTS.toLocaleString('en-US')} connects back to back: ten times the burst of the bench, and twenty times events_max`,
  needsAudit: true,
  run: async ({ program }) => {
    await using extension = await SupervisedExtension.start(
      { ...socketOptions, events_max: String(EVENTS_MAX), custom_audit_state_dir: 'none' },
      program,
    );
    const losses = await Losses.from(extension);
    const run = async (count: number): Promise<{ pid: number; seconds: number }> => {
      await using load = await Load.prepare('connects', count, 0);
      return { pid: load.pid, seconds: (await load.run()).seconds };
    };
    const { pid, seconds } = await run(CONNECTS);
    const counted = await losses.settled();
    const stored = await rowsOf(extension, socketEvents.spec, 'pid', pid);
    const after = await run(AFTER);
    await losses.settled();
    const status = await extension.status();
    return [
      { name: 'connects', value: CONNECTS / seconds, unit: '/s' },
      { name: 'rows kept', value: stored, unit: 'rows' },
      { name: 'kernel lost', value: Number(status.kernel_lost), unit: 'records' },
      { name: 'evicted unread', value: Number(status.socket_events_evicted_unread), unit: 'rows' },
      {
        name: 'neither kept nor counted',
        value: Math.max(0, CONNECTS - stored - counted),
        unit: 'events',
        goal: { atMost: 0 },
      },
      {
        name: 'rows of the time after',
        value: await rowsOf(extension, socketEvents.spec, 'pid', after.pid),
        unit: 'rows',
        goal: { atLeast: AFTER },
      },
      { name: 'RSS, peak', value: memory(extension.pid).peakRss, unit: 'MB', goal: { atMost: 200 } },
    ];
  },
};
