import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processOptions } from '../../bench/audit-options.ts';
import { Load } from '../../bench/load.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { LoggedNumbers } from '../logged-numbers.ts';
import { LoopDisk } from '../loop-disk.ts';

const PER_SECOND = 500;
/** Seconds of load before the fault, behind it, and after a new start. */
const BEFORE_S = 3;
const BEHIND_S = 5;
const AFTER_S = 2;
const QUERY_MS = 500;

export const readOnlyState: Scenario = {
  name: 'read-only-state',
  title: `the file system of the state directory becomes read-only under ${PER_SECOND} execs/s; then it ends, and starts on that`,
  needsAudit: true,
  run: async ({ program, note }) => {
    await using disk = new LoopDisk();
    const logged = new LoggedNumbers();
    await using extension = await SupervisedExtension.start(
      { ...processOptions, logger_plugin: 'filesystem', custom_audit_state_dir: join(disk.path, 'state') },
      program,
    );
    const query = async (): Promise<void> => {
      for (const { cmdline } of await extension.scheduled()) logged.add(cmdline);
      extension.log();
    };
    const load = async (seconds: number, first: number): Promise<number> => {
      const count = seconds * PER_SECOND;
      await using running = await Load.prepare('numbered-execs', count, PER_SECOND, String(first));
      let isLoading = true;
      const loading = running.run().finally(() => {
        isLoading = false;
      });
      while (isLoading) {
        await query();
        await sleep(QUERY_MS);
      }
      await loading;
      await extension.settled();
      await query();
      return count;
    };
    let run = await load(BEFORE_S, 0);
    note('read-only-state: the file system fails');
    disk.fail();
    run += await load(BEHIND_S, run);
    const status = await extension.status();
    const warnings = extension.core.logged.filter(line => /state/.test(line));
    note(`read-only-state: ${warnings[0] ?? 'no warning'}`);
    await extension.end('SIGTERM');
    await extension.start();
    const missingBefore = run - logged.count;
    const after = await load(AFTER_S, run);
    return [
      { name: 'rows missing before the new start', value: missingBefore, unit: 'rows', goal: { atMost: 0 } },
      {
        name: 'rows missing after it',
        value: run + after - logged.count - missingBefore,
        unit: 'rows',
        goal: { atMost: 0 },
      },
      // What core has had is not written down any more.
      { name: 'rows logged twice', value: logged.repeated, unit: 'rows' },
      {
        name: 'write failures',
        value: Number(status.state_write_failures),
        unit: '',
        goal: { atLeast: 1 },
      },
      { name: "warnings in core's log", value: warnings.length, unit: '', goal: { atLeast: 1 } },
      { name: 'kernel lost', value: Number(status.kernel_lost), unit: 'records', goal: { atMost: 0 } },
    ];
  },
};
