import { setTimeout as sleep } from 'node:timers/promises';
import { socketEvents } from '../../../tables/socket_events.ts';
import { socketOptions } from '../../bench/audit-options.ts';
import { type Figure, percentile } from '../../bench/figure.ts';
import { Load } from '../../bench/load.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { Losses } from '../losses.ts';
import { rowsOf } from '../rows-of.ts';

const PER_SECOND = 10_000;
/** Far less than what comes in that time. */
const BACKLOG = 8_192;
const STOPPED_S = 10;
/** Seconds of load before and after. */
const RUNNING_S = 3;
/** Milliseconds within which a loss is told after the start: one warning a minute, and a little more. */
const TOLD_MS = 63_000;

/** How long audited calls took; noise of the host is in it, so the longest says less than the 99th of a hundred. */
const latencies = (when: string, durations: readonly number[], atMost?: number): readonly Figure[] => [
  { name: `an audited connect ${when}, median`, value: percentile(durations, 0.5) * 1000, unit: 'µs' },
  {
    name: '… 99th of a hundred',
    value: percentile(durations, 0.99) * 1000,
    unit: 'µs',
    ...(atMost === undefined ? {} : { goal: { atMost } }),
  },
  { name: '… longest', value: percentile(durations, 1), unit: 'ms' },
];

export const stopped: Scenario = {
  name: 'stopped',
  title: `SIGSTOP for ${STOPPED_S} s under ${PER_SECOND.toLocaleString('en-US')} connects/s`,
  needsAudit: true,
  run: async ({ program, note }) => {
    const started = performance.now();
    await using extension = await SupervisedExtension.start(
      {
        ...socketOptions,
        audit_backlog_limit: String(BACKLOG),
        logger_plugin: 'filesystem',
        custom_audit_state_dir: 'none',
      },
      program,
    );
    const losses = await Losses.from(extension);
    const connects = async (seconds: number): Promise<{ pid: number; durations: readonly number[] }> => {
      await using load = await Load.prepare('timed-connects', seconds * PER_SECOND, PER_SECOND);
      const { durations } = await load.run();
      return { pid: load.pid, durations: durations! };
    };
    const before = await connects(RUNNING_S);
    note('stopped: the extension stands still');
    process.kill(extension.pid, 'SIGSTOP');
    let during: Awaited<ReturnType<typeof connects>>;
    try {
      during = await connects(STOPPED_S);
    } finally {
      process.kill(extension.pid, 'SIGCONT');
    }
    const continued = performance.now();
    await extension.status();
    const answered = performance.now() - continued;
    await losses.settled();
    const stored = await rowsOf(extension, socketEvents.spec, 'pid', during.pid);
    // When what had gathered is taken: until then the backlog is as full as it was.
    const after = await connects(RUNNING_S);
    // A hole at the end of the time before shows in the next serial only.
    const counted = await losses.settled();
    const storedAfter = await rowsOf(extension, socketEvents.spec, 'pid', after.pid);
    const missing = STOPPED_S * PER_SECOND - stored;
    note('stopped: waiting for the warning');
    await sleep(started + TOLD_MS - performance.now());
    const warnings = extension.core.logged.filter(line => line.includes('lost since the last report'));
    return [
      ...latencies('with the reader running', before.durations),
      ...latencies('with the reader stopped', during.durations, 1_000),
      { name: 'rows of the time it was stopped', value: stored, unit: `of ${STOPPED_S * PER_SECOND}` },
      { name: 'counted as lost by audit_status', value: counted, unit: '' },
      {
        name: 'neither stored nor counted',
        value: Math.max(0, missing - counted),
        unit: 'events',
        goal: { atMost: 0 },
      },
      { name: 'from SIGCONT to the first answer', value: answered, unit: 'ms', goal: { atMost: 2_000 } },
      {
        name: 'rows of the time after',
        value: storedAfter,
        unit: 'rows',
        goal: { atLeast: RUNNING_S * PER_SECOND },
      },
      {
        name: "warnings in core's log in the first minute",
        value: warnings.length,
        unit: '',
        goal: missing > 0 ? { atLeast: 1 } : { atMost: 0 },
      },
    ];
  },
};
