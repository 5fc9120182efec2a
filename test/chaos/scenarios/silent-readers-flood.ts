import { extensionSocketPath } from 'osquery-extension-ts/protocol';
import { socketEvents } from '../../../tables/socket_events.ts';
import { socketOptions } from '../../bench/audit-options.ts';
import { percentile } from '../../bench/figure.ts';
import { Load } from '../../bench/load.ts';
import { MemoryWatch } from '../../bench/memory-watch.ts';
import { neverRead } from '../../bench/raw-select.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { selectRequest } from '../../bench/select-request.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { Losses } from '../losses.ts';
import { rowsOf } from '../rows-of.ts';

const CONNECTS = 500_000;
const EVENTS_MAX = 50_000;
/** A new reader comes in so many milliseconds, from the first moment of the flood. */
const READER_MS = 50;
const READERS = 100;
const AFTER = 1_000;
/** For a SELECT behind answers of 50,000 rows, on a host whose CPUs the flood takes. */
const MOST_MS = 5_000;

export const silentReadersFlood: Scenario = {
  name: 'silent-readers-flood',
  title: `up to ${READERS} SELECTs that never read their reply, while ${CONNECTS.toLocaleString('en-US')} connects come back to back`,
  needsAudit: true,
  run: async ({ program }) => {
    await using extension = await SupervisedExtension.start(
      {
        ...socketOptions,
        audit_allow_process_events: 'true',
        events_max: String(EVENTS_MAX),
        custom_audit_state_dir: 'none',
      },
      program,
    );
    using watch = new MemoryWatch(extension.pid);
    const losses = await Losses.from(extension);
    const before = await extension.status();
    await using load = await Load.prepare('connects', CONNECTS, 0);
    let isLoading = true;
    const loading = load.run().finally(() => {
      isLoading = false;
    });
    using readers = new DisposableStack();
    const answers: number[] = [];
    const path = extensionSocketPath(extension.core.socket, extension.core.uuid);
    let count = 0;
    const reading = setInterval(async () => {
      if (!isLoading || count >= READERS) return;
      count++;
      const socket = await neverRead(path, 'table', socketEvents.spec.name, selectRequest(socketEvents.spec));
      if (readers.disposed) socket.destroy();
      else readers.defer(() => socket.destroy());
    }, READER_MS);
    try {
      while (isLoading) {
        const asked = performance.now();
        await extension.status();
        answers.push(performance.now() - asked);
      }
      await loading;
      await extension.settled(60_000);
    } finally {
      clearInterval(reading);
    }
    await losses.settled();
    await using after = await Load.prepare('connects', AFTER, AFTER);
    await after.run();
    await extension.settled();
    // A hole at the end of the flood shows in the next serial only.
    await losses.settled();
    const status = await extension.status();
    const since = (name: string): number => Number(status[name]) - Number(before[name]);
    const lost = since('kernel_lost') + since('serial_gaps');
    const seen = since('events') - AFTER;
    return [
      { name: 'SELECTs that nobody reads', value: count, unit: '', goal: { atLeast: 10 } },
      { name: 'events seen', value: seen, unit: '' },
      { name: 'lost in the kernel, and counted', value: lost, unit: '' },
      {
        name: 'neither seen nor counted',
        value: Math.max(0, CONNECTS - seen - lost),
        unit: 'events',
        goal: { atMost: 0 },
      },
      // What somebody has asked for is not unread, whether he takes it or not.
      { name: 'rows evicted unread', value: since('socket_events_evicted_unread'), unit: 'rows' },
      {
        name: 'rows of the time after',
        value: await rowsOf(extension, socketEvents.spec, 'pid', after.pid),
        unit: 'rows',
        goal: { atLeast: AFTER },
      },
      {
        name: 'other SELECTs meanwhile, 99th of a hundred',
        value: percentile(answers, 0.99),
        unit: 'ms',
        goal: { atMost: MOST_MS },
      },
      { name: 'memory of all its processes, peak', value: watch.peak, unit: 'MB', goal: { atMost: 600 } },
    ];
  },
};
