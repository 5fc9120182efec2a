import { setTimeout as sleep } from 'node:timers/promises';
import { socketEvents } from '../../../tables/socket_events.ts';
import { socketOptions } from '../audit-options.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import { Load } from '../load.ts';
import { measurePeers, withMeasured } from '../peers/measure-peers.ts';
import { references } from '../reference.ts';
import type { Scenario } from '../scenario.ts';
import { settledRows } from '../settle.ts';
import { auditStatusOf } from '../status.ts';

const CONNECTS = 100_000;
const PER_SECOND = 33_000;
const SETTLE_MS = 1_500;

export const sustained: Scenario = {
  name: 'sustained',
  title: '33,000 connects/s for 3 s',
  needsAudit: true,
  run: async ({ program }) => {
    const measured = await measurePeers('connects', CONNECTS, PER_SECOND);
    await using extension = await ExtensionUnderTest.start(program, socketOptions);
    await using load = await Load.prepare('connects', CONNECTS, PER_SECOND);
    const before = extension.cpuSeconds;
    const { seconds } = await load.run();
    await sleep(SETTLE_MS);
    const cpu = extension.cpuSeconds - before;
    const equal = { pid: String(load.pid) };
    const stored = await settledRows(extension, socketEvents.spec, equal, CONNECTS);
    const status = await auditStatusOf(extension);
    return [
      {
        name: 'rows stored',
        value: stored,
        unit: 'rows',
        goal: { atLeast: CONNECTS },
        peers: withMeasured(references.sustainedRows, measured.rows),
      },
      { name: 'socket overruns', value: status.socket_overruns!, unit: '', goal: { atMost: 0 } },
      { name: 'kernel lost', value: status.kernel_lost!, unit: 'records', goal: { atMost: 0 } },
      {
        name: 'CPU per connect',
        value: (cpu / CONNECTS) * 1e6,
        unit: 'µs',
        peers: withMeasured([], measured.cpu),
      },
      { name: 'connects', value: CONNECTS / seconds, unit: '/s' },
    ];
  },
};
