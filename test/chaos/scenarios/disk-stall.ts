import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processOptions } from '../../bench/audit-options.ts';
import { Load } from '../../bench/load.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { LoggedNumbers } from '../logged-numbers.ts';
import { LoopDisk } from '../loop-disk.ts';

const PER_SECOND = 500;
const STALL_S = 8;
/** Seconds of load before and after. */
const AROUND_S = 2;
const QUERY_MS = 500;
const SETTLE_MS = 1_500;

export const diskStall: Scenario = {
  name: 'disk-stall',
  title: `the disk of the state directory stands still for ${STALL_S} s under ${PER_SECOND} execs/s, then a kill -9`,
  needsAudit: true,
  run: async ({ program, note }) => {
    await using disk = new LoopDisk();
    const logged = new LoggedNumbers();
    const count = (STALL_S + 2 * AROUND_S) * PER_SECOND;
    let longest = 0;
    await using extension = await SupervisedExtension.start(
      { ...processOptions, custom_audit_state_dir: join(disk.path, 'state') },
      program,
    );
    const query = async (): Promise<void> => {
      const asked = performance.now();
      const rows = await extension.scheduled();
      longest = Math.max(longest, performance.now() - asked);
      for (const { cmdline } of rows) logged.add(cmdline);
      extension.log();
    };
    await using load = await Load.prepare('numbered-execs', count, PER_SECOND);
    let isLoading = true;
    const loading = load.run().finally(() => {
      isLoading = false;
    });
    const stalling = sleep(AROUND_S * 1000).then(() => {
      note('disk-stall: the disk stands still');
      return disk.stall(STALL_S);
    });
    while (isLoading) {
      await query();
      await sleep(QUERY_MS);
    }
    await Promise.all([loading, stalling]);
    await sleep(SETTLE_MS);
    const status = await extension.status();
    await extension.end('SIGKILL');
    await extension.start();
    await query();
    return [
      { name: 'rows logged', value: logged.count, unit: 'rows', goal: { atLeast: count } },
      { name: 'rows logged twice', value: logged.repeated, unit: 'rows', goal: { atMost: 0 } },
      { name: 'kernel lost', value: Number(status.kernel_lost), unit: 'records', goal: { atMost: 0 } },
      { name: 'longest scheduled query', value: longest, unit: 'ms', goal: { atMost: 2_000 } },
      { name: 'write failures', value: Number(status.state_write_failures), unit: '' },
    ];
  },
};
