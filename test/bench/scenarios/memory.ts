import { setTimeout as sleep } from 'node:timers/promises';
import { processEvents } from '../../../tables/process_events.ts';
import { socketEvents } from '../../../tables/socket_events.ts';
import { auditOptions, processOptions } from '../audit-options.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import type { Figure } from '../figure.ts';
import { Load } from '../load.ts';
import { references } from '../reference.ts';
import type { BenchContext, Scenario } from '../scenario.ts';
import { settledRows } from '../settle.ts';
import { auditStatusOf } from '../status.ts';

const IDLE_MS = 5_000;
const ROWS = 50_000;
/** A machine that is busy may not get them all done in a minute. */
const PER_LOAD = 10_000;
const BURST = 100_000;
const SETTLE_MS = 1_500;

const withRows = async ({ program }: BenchContext): Promise<readonly Figure[]> => {
  await using extension = await ExtensionUnderTest.start(program, processOptions);
  await sleep(IDLE_MS);
  const idle = extension.memory;
  const lookers = extension.lookersMemory;
  for (let left = ROWS; left > 0; left -= PER_LOAD) {
    await using load = await Load.prepare('execs', PER_LOAD, 0);
    await load.run();
  }
  await sleep(SETTLE_MS);
  const full = extension.memory;
  const rows = await extension.count(processEvents.spec);
  const { bytes_buffered: bytes } = await auditStatusOf(extension);
  return [
    { name: 'RSS idle', value: idle.rss, unit: 'MB', goal: { atMost: 80 }, peers: references.idleMemory },
    { name: '… without pages of files', value: idle.anonymous, unit: 'MB' },
    {
      name: '… of the processes that look at files for it',
      value: lookers,
      unit: 'MB',
      goal: { atMost: 50 },
    },
    {
      name: 'RSS with 50,000 process rows',
      value: full.rss,
      unit: 'MB',
      goal: { atMost: 130 },
      peers: references.bufferedMemory,
    },
    { name: '… without pages of files', value: full.anonymous, unit: 'MB' },
    { name: '… rows', value: rows, unit: 'rows', goal: { atLeast: ROWS } },
    { name: '… bytes per row', value: bytes! / rows, unit: 'B' },
  ];
};

const withBurst = async ({ program }: BenchContext): Promise<readonly Figure[]> => {
  await using extension = await ExtensionUnderTest.start(program, {
    ...auditOptions,
    audit_allow_sockets: 'true',
  });
  await using load = await Load.prepare('connects', BURST, 0);
  await load.run();
  // By the count alone: to look for a process would unpack the rows.
  const rows = await settledRows(extension, socketEvents.spec, {}, BURST);
  const { peakRss } = extension.memory;
  return [
    {
      name: 'RSS with the burst in flight, peak',
      value: peakRss,
      unit: 'MB',
      goal: { atMost: 200 },
      peers: references.burstMemory,
    },
    { name: '… rows', value: rows, unit: 'rows', goal: { atLeast: BURST } },
  ];
};

export const memoryUse: Scenario = {
  name: 'memory',
  title:
    'resident memory: 5 s after the start, with 50,000 execs buffered, and in a burst of 100,000 connects',
  needsAudit: true,
  run: async context => [...(await withRows(context)), ...(await withBurst(context))],
};
