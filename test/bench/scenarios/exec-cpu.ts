import { processEvents } from '../../../tables/process_events.ts';
import { processOptions } from '../audit-options.ts';
import { measureEventCost } from '../cpu-per-event.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import { measurePeers, withMeasured } from '../peers/measure-peers.ts';
import type { Program } from '../program.ts';
import { references } from '../reference.ts';
import type { Scenario } from '../scenario.ts';

const EXECS = 10_000;
const PER_SECOND = 1_500;

export const execCpu: Scenario = {
  name: 'exec-cpu',
  title:
    '10,000 posix_spawn of /bin/true at 1,500/s, after 5,000 to warm up: process_events alone, which is what osqueryd makes, and with telemetry',
  needsAudit: true,
  run: async ({ program }) => {
    const measured = await measurePeers('execs', EXECS, PER_SECOND);
    const alone = await measure(program, { custom_audit_telemetry: 'false' });
    const complete = await measure(program, {});
    return [
      {
        name: 'CPU per exec event without telemetry',
        value: alone.microseconds,
        unit: 'µs',
        goal: { atMost: 40 },
        peers: withMeasured(references.execCpu, measured.cpu),
      },
      { name: '… with telemetry, the default', value: complete.microseconds, unit: 'µs' },
      {
        name: 'rows stored, the lesser of both',
        value: Math.min(alone.rows, complete.rows),
        unit: 'rows',
        goal: { atLeast: EXECS },
        peers: measured.rows,
      },
      { name: 'CPU when idle, with telemetry', value: complete.idle, unit: 'ms/s' },
    ];
  },
};

const measure = async (program: Program, options: Readonly<Record<string, string>>) => {
  await using extension = await ExtensionUnderTest.start(program, { ...processOptions, ...options });
  const cost = await measureEventCost(extension, {
    kind: 'execs',
    perSecond: PER_SECOND,
    count: EXECS,
    warmUp: EXECS / 2,
  });
  const equal = { parent: String(cost.pid) };
  return { ...cost, rows: await extension.count(processEvents.spec, { equal }) };
};
