import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { processOptions } from '../../bench/audit-options.ts';
import { Load } from '../../bench/load.ts';
import { MemoryWatch } from '../../bench/memory-watch.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { ControlGroup } from '../control-group.ts';

const SECONDS = 10;
const PROCESSES = 200;
const BOMB_UID = 64_999;
const WITNESS_UID = 64_998;
const EVENTS_MAX = 20_000;
/** Each runs a program, and begins two more of itself; what there is no room for fails, and others end. */
const BOMB = 'bomb() { while :; do bomb & bomb & /bin/true; exit; done; }; while :; do bomb & wait; done';

const bomb = (group: ControlGroup): ChildProcess => {
  const user = [`--reuid=${BOMB_UID}`, `--regid=${BOMB_UID}`, '--clear-groups'];
  const args = [...user, 'timeout', '-s', 'KILL', String(SECONDS), 'sh', '-c', BOMB];
  const { file, args: inGroup } = group.program({ file: 'setpriv', args, name: 'bomb' });
  return spawn(file, inGroup, { stdio: 'ignore' });
};

export const forkBomb: Scenario = {
  name: 'fork-bomb',
  title: `a user's fork bomb, of ${PROCESSES} processes at once, for ${SECONDS} s, while another user runs a program a second`,
  needsAudit: true,
  run: async ({ program }) => {
    await using extension = await SupervisedExtension.start(
      {
        ...processOptions,
        audit_allow_fork_process_events: 'true',
        events_max: String(EVENTS_MAX),
        custom_audit_buffer_bytes: String(8 << 20),
        custom_audit_state_dir: 'none',
      },
      program,
    );
    using watch = new MemoryWatch(extension.pid);
    await using witness = await Load.prepare(
      'execs-as',
      SECONDS,
      1,
      String(WITNESS_UID),
      '/bin/true',
      '0',
      '0',
    );
    const before = await extension.status();
    let most = 0;
    {
      await using group = new ControlGroup('pids', PROCESSES);
      const bombing = bomb(group);
      const counting = setInterval(() => {
        most = Math.max(most, group.processes);
      }, 100);
      await Promise.all([witness.run(), once(bombing, 'exit')]);
      clearInterval(counting);
    }
    await extension.settled();
    const status = await extension.status();
    const rows = await extension.scheduled();
    const since = (name: string): number => Number(status[name]) - Number(before[name]);
    const execs = (uid: number): number =>
      rows.filter(row => Number(row.uid) === uid && row.syscall?.startsWith('exec')).length;
    return [
      { name: 'processes of it at once, at most', value: most, unit: '', goal: { atLeast: PROCESSES / 2 } },
      { name: 'events', value: since('events'), unit: '' },
      {
        name: "rows of the other user's programs",
        value: execs(WITNESS_UID),
        unit: 'rows',
        goal: { atLeast: SECONDS },
      },
      { name: 'rows evicted unread', value: since('process_events_evicted_unread'), unit: 'rows' },
      { name: 'records lost in the kernel', value: since('kernel_lost'), unit: '' },
      { name: 'events that never came, by their serials', value: since('serial_gaps'), unit: '' },
      { name: 'memory of all its processes, peak', value: watch.peak, unit: 'MB', goal: { atMost: 200 } },
    ];
  },
};
