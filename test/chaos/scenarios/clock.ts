import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processTelemetryEvents } from '../../../tables/process_telemetry_events.ts';
import { processOptions } from '../../bench/audit-options.ts';
import { Load } from '../../bench/load.ts';
import { fromSources } from '../../bench/program.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { LoggedNumbers } from '../logged-numbers.ts';
import { Losses } from '../losses.ts';
import { rowsOf } from '../rows-of.ts';

const HOUR = 3_600;
const STEPS = [HOUR, 0, -HOUR, 0] as const;
const STEP_S = 4;
const PER_SECOND = 500;
const QUERY_MS = 1_000;
const CLOCK = 'CHAOS_CLOCK';

export const clock: Scenario = {
  name: 'clock',
  title: `the wall clock, with that of the kernel's records, steps by an hour, forth and back, every ${STEP_S} s under ${PER_SECOND} execs/s (always from the sources)`,
  needsAudit: true,
  run: async ({ note }) => {
    const directory = mkdtempSync(join(tmpdir(), 'chaos-'));
    const setClock = (seconds: number): void => {
      // In one piece: the program reads it all the time.
      writeFileSync(join(directory, 'next'), String(seconds));
      renameSync(join(directory, 'next'), join(directory, 'clock'));
    };
    setClock(0);
    process.env[CLOCK] = join(directory, 'clock');
    try {
      const stepping = fileURLToPath(new URL('../step-clock.ts', import.meta.url));
      await using extension = await SupervisedExtension.start(
        // Three times the interval of the query, a minute, is all that a row has.
        { ...processOptions, events_expiry: '60', custom_audit_state_dir: 'none' },
        fromSources(['--import', stepping]),
      );
      const losses = await Losses.from(extension);
      const logged = new LoggedNumbers();
      /** By which the rows' times differ from this clock. */
      const hours = new Set<number>();
      const query = async (): Promise<void> => {
        for (const { cmdline, time } of await extension.scheduled()) {
          logged.add(cmdline);
          hours.add(Math.round((Number(time) * 1_000 - Date.now()) / (HOUR * 1_000)));
        }
        extension.log();
      };
      const count = (STEPS.length + 1) * STEP_S * PER_SECOND;
      await using load = await Load.prepare('numbered-execs', count, PER_SECOND);
      const loading = load.run();
      for (const step of STEPS) {
        for (
          const from = performance.now();
          performance.now() - from < STEP_S * 1000;
          await sleep(QUERY_MS)
        ) {
          await query();
        }
        note(`clock: ${step} s`);
        setClock(step);
      }
      await loading;
      const counted = await losses.settled();
      await query();
      return [
        { name: 'rows logged', value: logged.count, unit: 'rows', goal: { atLeast: count } },
        {
          name: 'hours in their times',
          value: hours.size,
          unit: '',
          goal: { atLeast: new Set<number>(STEPS).size },
        },
        { name: 'rows logged twice', value: logged.repeated, unit: 'rows', goal: { atMost: 0 } },
        {
          name: 'rows of process_telemetry_events',
          value: await rowsOf(extension, processTelemetryEvents.spec, 'parent_process_pid', load.pid),
          unit: 'rows',
          goal: { atLeast: count },
        },
        { name: 'counted as lost', value: counted, unit: '', goal: { atMost: 0 } },
      ];
    } finally {
      delete process.env[CLOCK];
      rmSync(directory, { recursive: true });
    }
  },
};
