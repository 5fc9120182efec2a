import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processOptions } from '../../bench/audit-options.ts';
import { median } from '../../bench/figure.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { EndlessExecs } from '../endless-execs.ts';
import { LoggedNumbers } from '../logged-numbers.ts';

const KILLS = 100;
const PER_SECOND = 2_000;
/** Milliseconds to live at least, once a query was answered … */
const ALIVE_MS = 600;
/** … or, one time in so many, after the start, answered or not: if all did not answer, rows would only pile up. */
const UNANSWERED = 5;
/** Milliseconds between two runs of the scheduled query. */
const QUERY_MS = 150;
/** More than are made in the time of two lives; what was logged long ago need not be restored at each start. */
const EVENTS_MAX = '100000';
/** Longer than a row is in memory only. */
const SETTLE_MS = 1_500;

export const kills: Scenario = {
  name: 'kills',
  title: `${KILLS} kill -9 of the extension under ${PER_SECOND.toLocaleString('en-US')} execs/s, with a scheduled query`,
  needsAudit: true,
  run: async ({ program, note }) => {
    const directory = mkdtempSync(join(tmpdir(), 'chaos-'));
    const logged = new LoggedNumbers();
    const silences: number[] = [];
    try {
      await using extension = await SupervisedExtension.start(
        { ...processOptions, events_max: EVENTS_MAX, custom_audit_state_dir: join(directory, 'state') },
        program,
      );
      const query = async (): Promise<void> => {
        const rows = await extension.scheduled();
        for (const { cmdline } of rows) logged.add(cmdline);
        if (rows.length > 0) extension.log();
      };
      const before = await extension.status();
      await using load = EndlessExecs.start(directory, PER_SECOND);
      for (let kill = 1; kill <= KILLS; kill++) {
        // Killed in the middle of whatever it is doing, an answer to a query among it.
        let isKilled = false;
        const answered = Promise.withResolvers<void>();
        if (kill % UNANSWERED === 0) answered.resolve();
        const killed = answered.promise
          .then(() => sleep(ALIVE_MS + Math.random() * QUERY_MS))
          .then(() => {
            isKilled = true;
            return extension.end('SIGKILL');
          });
        while (!isKilled) {
          await query().then(answered.resolve, error => {
            if (!isKilled) throw error;
          });
          await Promise.race([sleep(QUERY_MS), killed]);
        }
        await killed;
        const silent = performance.now();
        await extension.start();
        silences.push(performance.now() - silent);
        if (kill % 10 === 0) note(`kills: ${kill} of ${KILLS}, ${logged.count} rows logged`);
      }
      const { programs, seconds } = await load.end();
      await sleep(SETTLE_MS);
      await query();
      const after = await extension.status();
      const grown = (name: string): number => Number(after[name]) - Number(before[name]);
      const counted = [
        'serial_gaps',
        'kernel_lost',
        'incomplete_events',
        'process_events_evicted_unread',
      ].reduce((sum, name) => sum + grown(name), 0);
      const share = (100 * counted) / programs;
      return [
        { name: 'programs run', value: programs, unit: '' },
        { name: 'programs run per second', value: programs / seconds, unit: '/s' },
        { name: 'rows logged', value: logged.count, unit: 'rows' },
        { name: 'rows logged twice', value: logged.repeated, unit: 'rows', goal: { atMost: 0 } },
        { name: 'counted as lost by audit_status', value: counted, unit: 'events' },
        { name: '… for each kill', value: counted / KILLS, unit: 'events' },
        { name: '… of all', value: share, unit: '%' },
        {
          name: 'neither logged nor counted',
          value: Math.max(0, programs - logged.count - counted),
          unit: 'events',
          goal: { atMost: 0 },
        },
        {
          name: 'counted besides: events of others',
          value: Math.max(0, counted + logged.count - programs),
          unit: 'events',
        },
        { name: 'from kill to serving again, median', value: median(silences), unit: 'ms' },
        { name: 'write failures', value: grown('state_write_failures'), unit: '', goal: { atMost: 0 } },
        { name: 'bytes cut off', value: grown('state_bytes_lost'), unit: 'B' },
      ];
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
