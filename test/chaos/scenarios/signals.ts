import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import koffi from 'koffi';
import { socketEvents } from '../../../tables/socket_events.ts';
import { socketOptions } from '../../bench/audit-options.ts';
import { Load } from '../../bench/load.ts';
import { fromSources } from '../../bench/program.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { Losses } from '../losses.ts';
import { rowsOf } from '../rows-of.ts';

const CONNECTS = 20_000;
const PER_SECOND = 2_000;
/** Milliseconds between two signals to the same thread. */
const SIGNAL_MS = 2;
/** Means nothing to it: SIGUSR2, for one, ends it. */
const SIGWINCH = 28;

/** A signal without a handler interrupts no call. */
const HANDLER = 'data:text/javascript,process.on("SIGWINCH", () => {})';

const tgkill: (pid: number, thread: number, signal: number) => number = koffi
  .load(null)
  .func('int tgkill(int pid, int thread, int signal)');

export const signals: Scenario = {
  name: 'signals',
  title: `a signal to every thread every ${SIGNAL_MS} ms, so that system calls end with EINTR, under ${PER_SECOND.toLocaleString('en-US')} connects/s (always from the sources)`,
  needsAudit: true,
  run: async () => {
    await using extension = await SupervisedExtension.start(
      { ...socketOptions, custom_audit_state_dir: 'none' },
      fromSources(['--import', HANDLER]),
    );
    const losses = await Losses.from(extension);
    await using load = await Load.prepare('connects', CONNECTS, PER_SECOND);
    let isLoading = true;
    const loading = load.run().finally(() => {
      isLoading = false;
    });
    let sent = 0;
    let longest = 0;
    const signalling = async (): Promise<void> => {
      const { pid } = extension;
      const threads = readdirSync(`/proc/${pid}/task`).map(Number);
      while (isLoading) {
        for (const thread of threads) if (tgkill(pid, thread, SIGWINCH) === 0) sent++;
        await sleep(SIGNAL_MS);
      }
    };
    const asking = async (): Promise<void> => {
      while (isLoading) {
        const asked = performance.now();
        await extension.status();
        longest = Math.max(longest, performance.now() - asked);
        await sleep(100);
      }
    };
    await Promise.all([loading, signalling(), asking()]);
    const counted = await losses.settled();
    return [
      { name: 'signals sent', value: sent, unit: '', goal: { atLeast: CONNECTS / 10 } },
      {
        name: 'rows',
        value: await rowsOf(extension, socketEvents.spec, 'pid', load.pid),
        unit: 'rows',
        goal: { atLeast: CONNECTS },
      },
      { name: 'counted as lost', value: counted, unit: '', goal: { atMost: 0 } },
      { name: 'longest SELECT meanwhile', value: longest, unit: 'ms', goal: { atMost: 2_000 } },
    ];
  },
};
