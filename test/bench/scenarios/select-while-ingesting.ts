import { socketEvents } from '../../../tables/socket_events.ts';
import { socketOptions } from '../audit-options.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import { Load } from '../load.ts';
import type { Scenario } from '../scenario.ts';
import { settledRows } from '../settle.ts';
import { auditStatusOf } from '../status.ts';

const BUFFERED = 50_000;
const CONNECTS = 100_000;
const PER_SECOND = 20_000;

export const selectWhileIngesting: Scenario = {
  name: 'select-while-ingesting',
  title: '20,000 connects/s for 5 s while SELECTs of at least 50,000 rows run back to back',
  needsAudit: true,
  run: async ({ program }) => {
    await using extension = await ExtensionUnderTest.start(program, socketOptions);
    await using buffered = await Load.prepare('connects', BUFFERED, PER_SECOND);
    await buffered.run();
    await using load = await Load.prepare('connects', CONNECTS, PER_SECOND);
    let loading = true;
    let selects = 0;
    const running = load.run().finally(() => {
      loading = false;
    });
    while (loading) {
      await extension.timeSelect(socketEvents.spec);
      selects++;
    }
    const { seconds } = await running;
    const equal = { pid: String(load.pid) };
    const stored = await settledRows(extension, socketEvents.spec, equal, CONNECTS);
    const status = await auditStatusOf(extension);
    return [
      { name: 'rows lost', value: CONNECTS - stored, unit: 'rows', goal: { atMost: 0 } },
      { name: 'socket overruns', value: status.socket_overruns!, unit: '', goal: { atMost: 0 } },
      { name: 'kernel lost', value: status.kernel_lost!, unit: 'records', goal: { atMost: 0 } },
      { name: 'SELECTs meanwhile', value: selects / seconds, unit: '/s' },
    ];
  },
};
