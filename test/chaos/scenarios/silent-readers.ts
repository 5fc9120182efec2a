import { extensionSocketPath } from 'osquery-extension-ts/protocol';
import { socketEvents } from '../../../tables/socket_events.ts';
import { socketOptions } from '../../bench/audit-options.ts';
import { percentile } from '../../bench/figure.ts';
import { Load } from '../../bench/load.ts';
import { memory } from '../../bench/process-usage.ts';
import { neverRead } from '../../bench/raw-select.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { selectRequest } from '../../bench/select-request.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { Losses } from '../losses.ts';
import { rowsOf } from '../rows-of.ts';

const BUFFERED = 50_000;
const READERS = 64;
/** What is being written to it, and which rows follow: not the rows, which would be twenty. */
const MB_PER_READER = 3;
const CONNECTS = 50_000;
const PER_SECOND = 10_000;

export const silentReaders: Scenario = {
  name: 'silent-readers',
  title: `${READERS} SELECTs of ${BUFFERED.toLocaleString('en-US')} rows that never read their reply, under ${PER_SECOND.toLocaleString('en-US')} connects/s`,
  needsAudit: true,
  run: async ({ program }) => {
    await using extension = await SupervisedExtension.start(
      { ...socketOptions, events_max: '100000', custom_audit_state_dir: 'none' },
      program,
    );
    const losses = await Losses.from(extension);
    {
      await using buffered = await Load.prepare('connects', BUFFERED, 0);
      await buffered.run();
      await losses.settled();
    }
    const before = memory(extension.pid).rss;
    using readers = new DisposableStack();
    for (let i = 0; i < READERS; i++) {
      const socket = await neverRead(
        extensionSocketPath(extension.core.socket, extension.core.uuid),
        'table',
        socketEvents.spec.name,
        selectRequest(socketEvents.spec),
      );
      readers.defer(() => socket.destroy());
    }
    await using load = await Load.prepare('connects', CONNECTS, PER_SECOND);
    let isLoading = true;
    const loading = load.run().finally(() => {
      isLoading = false;
    });
    const answers: number[] = [];
    while (isLoading) {
      const asked = performance.now();
      await extension.status();
      answers.push(performance.now() - asked);
    }
    await loading;
    const counted = await losses.settled();
    return [
      {
        name: 'rows lost',
        value: CONNECTS - (await rowsOf(extension, socketEvents.spec, 'pid', load.pid)),
        unit: 'rows',
        goal: { atMost: 0 },
      },
      { name: 'counted as lost', value: counted, unit: '', goal: { atMost: 0 } },
      {
        name: 'other SELECTs meanwhile, 99th of a hundred',
        value: percentile(answers, 0.99),
        unit: 'ms',
        goal: { atMost: 200 },
      },
      {
        name: 'memory for the silent readers',
        value: memory(extension.pid).rss - before,
        unit: 'MB',
        goal: { atMost: MB_PER_READER * READERS },
      },
    ];
  },
};
